using System.Text.Json.Nodes;
using Weft.Fabric;
using Weft.Fleet.Operations;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Benchmarks;

/// <summary>
/// A site of many clusters, made by the same verbs that the API uses: 20 L2, 20 L3 and 10 trunked networks, which every
/// cluster attaches, each plugin in turn, on bare-metal nodes with one trunk port and one port with virtual functions.
/// </summary>
internal sealed class LargeSite
{
    public const string Group = "/subscriptions/5be00000-0000-4000-8000-0000000005a0/resourceGroups/site";
    private const string Cloud = Group + "/providers/Microsoft.NetworkCloud/";
    private const string Fabric = Group + "/providers/Microsoft.ManagedNetworkFabric/";
    private const string CustomLocation = Group + "/providers/Microsoft.ExtendedLocation/customLocations/place";
    private const string Now = "2026-01-02T03:04:05Z";
    private readonly ResourceVerbs _verbs;
    private readonly WatcherGroup _watchers = new();
    private int _operations;

    public LargeSite(int clusters, int nodes)
    {
        Operations = new OperationTracker(AllKinds.List, Limits.Default, _watchers);
        _verbs = AllKinds.CreateVerbs(Limits.Default, Operations.EffectsOf);
        Put(Group, "'location':'east'");
        Put($"{Fabric}networkFabrics/fab1", "'location':'east'");
        Put(
            $"{Fabric}l3IsolationDomains/user",
            $"'location':'east','properties':{{'networkFabricId':'{Fabric}networkFabrics/fab1'}}"
        );
        for (var i = 0; i < 30; i++)
            Put(
                $"{Fabric}l2IsolationDomains/flat{i:d2}",
                $"'location':'east','properties':{{'networkFabricId':'{Fabric}networkFabrics/fab1','vlanId':{1000 + i},'mtu':9000}}"
            );
        for (var i = 0; i < 21; i++)
        {
            Put(
                $"{Fabric}l3IsolationDomains/user/internalNetworks/net{i:d2}",
                $"'properties':{{'vlanId':{2000 + i},'mtu':9000,"
                    + $"'connectedIPv4Subnets':[{{'prefix':'10.{i}.0.0/16'}}],"
                    + $"'connectedIPv6Subnets':[{{'prefix':'fd20:0:0:{i + 16:x}::/64'}}]}}"
            );
        }

        foreach (
            var domain in Enumerable
                .Range(0, 30)
                .Select(i => $"l2IsolationDomains/flat{i:d2}")
                .Append("l3IsolationDomains/user")
        )
            Commit(
                _verbs.InvokeAction(
                    Request($"{Fabric}{domain}", new JsonObject { ["state"] = "Enable" }),
                    AdministrativeState.Action,
                    new ReadTransaction(State)
                )
            );
        Put(
            $"{Cloud}clusters/place",
            $"'location':'east','extendedLocation':{{'name':'{Cloud}clusterManagers/m','type':'CustomLocation'}},"
                + $"'properties':{{'networkFabricId':'{Fabric}networkFabrics/fab1',"
                + "'clusterType':'SingleRack','clusterVersion':'4.0',"
                + "'aggregatorOrSingleRackDefinition':{'networkRackId':'r','rackSerialNumber':'s','rackSkuId':'k'}}"
        );
        PutNetworks();
        for (var i = 0; i < clusters; i++)
            PutCluster(ClusterId(i), nodes);
        while (Operations.Complete(State, Now) is { IsEmpty: false } changes)
            State = State.Next(changes);
    }

    public StoreState State { get; private set; } = AllKinds.EmptyState;

    public OperationTracker Operations { get; }

    public static ResourceId ClusterId(int i) => ResourceId.Parse($"{Cloud}kubernetesClusters/edge{i:d4}").Value;

    /// <summary>An agent for each cluster, as enrolment makes them.</summary>
    public void Enrol(int clusters) =>
        State = State.Next(
            Enumerable
                .Range(0, clusters)
                .Select(i =>
                {
                    var agent = ResourceId.Parse($"{ClusterId(i)}/providers/Weft.Fleet/agents/main").Value;
                    return Mutation.Put(
                        agent,
                        new JsonObject { ["id"] = agent.ToString(), ["properties"] = new JsonObject() }
                    );
                })
        );

    /// <summary>
    /// Writes a cluster again, with other tags: a change that alters one desired state's revision and the content of
    /// none.
    /// </summary>
    public Decision Tag(int cluster, string value)
    {
        var body = new JsonObject { ["tags"] = new JsonObject { ["team"] = value } };
        return Commit(_verbs.Patch(Request(ClusterId(cluster).ToString(), body), new ReadTransaction(State)));
    }

    private void PutNetworks()
    {
        for (var i = 0; i < 20; i++)
            Put(
                $"{Cloud}l2Networks/flat{i:d2}",
                Tracked($"'l2IsolationDomainId':'{Fabric}l2IsolationDomains/flat{i:d2}'")
            );
        for (var i = 0; i < 21; i++)
            Put(
                $"{Cloud}l3Networks/sub{i:d2}",
                Tracked($"'l3IsolationDomainId':'{Fabric}l3IsolationDomains/user','vlan':{2000 + i}")
            );
        for (var i = 0; i < 10; i++)
            Put(
                $"{Cloud}trunkedNetworks/trunk{i:d2}",
                Tracked($"'isolationDomainIds':['{Fabric}l2IsolationDomains/flat{20 + i:d2}'],'vlans':[{1020 + i}]")
            );
        Put($"{Cloud}cloudServicesNetworks/egress", Tracked(""));
    }

    private void PutCluster(ResourceId id, int nodes)
    {
        Put(
            id.ToString(),
            Tracked(
                "'kubernetesVersion':'1.33.1','controlPlaneNodeConfiguration':{'count':1,'vmSkuName':'s'},"
                    + "'initialAgentPoolConfigurations':[{'name':'workers','mode':'System','count':1,'vmSkuName':'s'}],"
                    + $"'networkConfiguration':{{'cloudServicesNetworkId':'{Cloud}cloudServicesNetworks/egress',"
                    + $"'cniNetworkId':'{Cloud}l3Networks/sub20','attachedNetworkConfiguration':{{{Attachments()}}}}}"
            )
        );
        var functions = string.Join(',', Functions());
        for (var i = 0; i < nodes; i++)
        {
            Put(
                $"{id}/providers/Weft.Fleet/nodes/{id.Name}-w{i}",
                "'properties':{'agentPool':'workers','machineType':'BareMetal',"
                    + $"'uplinks':[{{'name':'ens1f0','macAddress':'52:54:00:00:00:{i:x2}','mtu':9000,"
                    + $"'virtualFunctions':[{functions}]}}]}}"
            );
        }
    }

    /// <summary>Every network, each plugin in turn.</summary>
    private static string Attachments()
    {
        string[] onL2 = ["MACVLAN", "OSDevice", "SRIOV", "DPDK"];
        string[] onL3 = ["MACVLAN", "IPVLAN", "OSDevice", "SRIOV", "DPDK"];
        var l2 = Enumerable.Range(0, 20).Select(i => Attachment($"l2Networks/flat{i:d2}", onL2[i % 4]));
        var l3 = Enumerable
            .Range(0, 20)
            .Select(i =>
                Attachment(
                    $"l3Networks/sub{i:d2}",
                    onL3[i % 5],
                    onL3[i % 5] == "OSDevice" ? "" : ",'ipamEnabled':'True'"
                )
            );
        var trunks = Enumerable.Range(0, 10).Select(i => Attachment($"trunkedNetworks/trunk{i:d2}", "SRIOV"));
        return $"'l2Networks':[{string.Join(',', l2)}],'l3Networks':[{string.Join(',', l3)}],"
            + $"'trunkedNetworks':[{string.Join(',', trunks)}]";
    }

    private static string Attachment(string network, string plugin, string more = "") =>
        $"{{'networkId':'{Cloud}{network}','pluginType':'{plugin}'{more}}}";

    /// <summary>Two virtual functions for each network that is attached by them.</summary>
    private static IEnumerable<string> Functions() =>
        Enumerable
            .Range(0, 20)
            .Where(i => i % 4 > 1)
            .Select(i => $"l2Networks/flat{i:d2}")
            .Concat(Enumerable.Range(0, 20).Where(i => i % 5 > 2).Select(i => $"l3Networks/sub{i:d2}"))
            .Concat(Enumerable.Range(0, 10).Select(i => $"trunkedNetworks/trunk{i:d2}"))
            .Select((network, i) => $"{{'functions':'{2 * i}-{(2 * i) + 1}','networkId':'{Cloud}{network}'}}");

    private static string Tracked(string properties) =>
        $"'location':'east','extendedLocation':{{'name':'{CustomLocation}','type':'CustomLocation'}},'properties':{{{properties}}}";

    private void Put(string id, string body) =>
        Commit(
            _verbs.Put(
                Request(id, JsonNode.Parse($"{{{body}}}".Replace('\'', '"'))!.AsObject()),
                new ReadTransaction(State)
            )
        );

    private Decision Commit(Outcome<Decision> outcome)
    {
        var decision = outcome.Refusal is { } refusal
            ? throw new InvalidOperationException(refusal.Message)
            : outcome.Value;
        if (!decision.Unchanged)
        {
            State = decision.After;
            _watchers.Notify(State.Revision, decision.Mutations.Select(mutation => mutation.Key));
        }

        return decision;
    }

    private WriteRequest Request(string id, JsonObject body) =>
        new(ResourceId.Parse(id).Value, "bench", "User", Now, $"op-{++_operations:d6}")
        {
            Body = body,
            CheckJoin = (_, _) => null,
        };
}
