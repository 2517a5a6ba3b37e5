using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Fleet;
using Weft.Fleet.Operations;
using Weft.Fleet.Planning;
using Weft.Networks;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Testing;

/// <summary>
/// A site in memory. Bodies are JSON with single quotes, in which <c>~c/</c> stands for the NetworkCloud provider of
/// the site's group, <c>~f/</c> for the fabric's, and <c>~place</c> for the custom location of its cluster.
/// </summary>
internal sealed class TestSite
{
    public const string Now = "2026-11-22T10:00:00Z";
    public const string Group = "/subscriptions/5be00000-0000-4000-8000-0000000005a0/resourceGroups/site";
    public const string Cloud = Group + "/providers/Microsoft.NetworkCloud/";
    public const string FabricOf = Group + "/providers/Microsoft.ManagedNetworkFabric/";
    private const string Envelope = "'location':'east','extendedLocation':{'name':'~place','type':'CustomLocation'}";

    /// <summary>Who asks for plans, and may see and do all.</summary>
    public static readonly PlanCaller Anybody = new(_ => true, _ => true) { CheckJoin = (_, _) => null };

    private int _operations;
    private string _digest = Digest(AllKinds.EmptyState);

    public TestSite(Limits? limits = null)
    {
        Limits = limits ?? Limits.Default;
        Operations = new OperationTracker(AllKinds.List, Limits, new WatcherGroup());
        Verbs = AllKinds.CreateVerbs(Limits, Operations.EffectsInPlan);
        Plan = new SitePlan(AllKinds.List, Verbs, Limits);
    }

    public Limits Limits { get; }

    public StoreState State
    {
        get;
        private set
        {
            field = value;
            _digest = Digest(value);
        }
    } = AllKinds.EmptyState;

    public OperationTracker Operations { get; }

    public ResourceVerbs Verbs { get; }

    public SitePlan Plan { get; }

    /// <summary>
    /// A site with two VRFs, a heartbeat VLAN, networks on them, and a cluster with one pool and no nodes.
    /// </summary>
    public static TestSite Small()
    {
        var site = new TestSite();
        site.Put(Group, "{'location':'east'}");
        site.Put("~f/networkFabrics/fab1", "{'location':'east'}");
        site.Put("~f/networkFabrics/fab2", "{'location':'east'}");
        site.Put(
            "~f/l2IsolationDomains/hb-domain",
            "{'location':'east','properties':{'networkFabricId':'~f/networkFabrics/fab1','vlanId':750,'mtu':9000}}"
        );
        foreach (var name in new[] { "core", "user" })
            site.Put(
                $"~f/l3IsolationDomains/{name}",
                "{'location':'east','properties':{'networkFabricId':'~f/networkFabrics/fab1'}}"
            );
        site.Internal("core", "oam-net", 600, 9000, "10.20.0.0/24", "fd20:0:0:600::/64");
        site.Internal("core", "sig-net", 602, 9000, "10.20.2.0/24", "fd20:0:0:602::/64");
        site.Internal("user", "gtp-net", 603, 1500, "10.20.3.0/24", null);
        site.Internal("user", "dn-net", 606, 9000, "10.20.6.0/24", "fd20:0:0:606::/64");
        foreach (
            var domain in new[] { "l2IsolationDomains/hb-domain", "l3IsolationDomains/core", "l3IsolationDomains/user" }
        )
            site.Enable($"~f/{domain}");
        site.Put(
            "~c/clusters/place",
            "{'location':'east','extendedLocation':{'name':'~c/clusterManagers/m','type':'CustomLocation'},"
                + "'properties':{'networkFabricId':'~f/networkFabrics/fab1','clusterType':'SingleRack','clusterVersion':'4.0',"
                + "'aggregatorOrSingleRackDefinition':{'networkRackId':'r','rackSerialNumber':'s','rackSkuId':'k'}}}"
        );
        site.L3("oam", "core", 600);
        site.L3("n2", "core", 602);
        site.L3("n6", "user", 606);
        site.Put("~c/l2Networks/hb", Tracked("'l2IsolationDomainId':'~f/l2IsolationDomains/hb-domain'"));
        site.Put(
            "~c/trunkedNetworks/ran",
            Tracked(
                "'isolationDomainIds':['~f/l3IsolationDomains/core','~f/l3IsolationDomains/user',"
                    + "'~f/l2IsolationDomains/hb-domain'],'vlans':[602,603,750]"
            )
        );
        site.Put("~c/cloudServicesNetworks/egress", Tracked(""));
        site.Put("~c/kubernetesClusters/k1", Kubernetes(""));
        return site.CompleteOperations();
    }

    /// <summary>The site of the examples, applied.</summary>
    public static TestSite Example() => new TestSite().Apply(Examples.Documents()).CompleteOperations();

    public static string Tracked(string properties) => $"{{{Envelope},'properties':{{{properties}}}}}";

    /// <summary>A Kubernetes cluster; what is attached stands in <c>attachedNetworkConfiguration</c>.</summary>
    public static string Kubernetes(string attached, string more = "", string pool = "") =>
        Tracked(
            "'kubernetesVersion':'1.33.1','controlPlaneNodeConfiguration':{'count':1,'vmSkuName':'s'},"
                + "'initialAgentPoolConfigurations':[{'name':'workers','mode':'System','count':1,'vmSkuName':'s'"
                + pool
                + "}],"
                + "'networkConfiguration':{'cloudServicesNetworkId':'~c/cloudServicesNetworks/egress','cniNetworkId':'~c/l3Networks/oam'"
                + more
                + (attached.Length == 0 ? "" : ",'attachedNetworkConfiguration':{" + attached + "}")
                + "}"
        );

    public static string Machine(string attachments, string more = "") =>
        Tracked(
            "'adminUsername':'a','cpuCores':2,'memorySizeGB':4,'vmImage':'i','storageProfile':{'osDisk':{'diskSizeGB':8}},"
                + "'cloudServicesNetworkAttachment':{'attachedNetworkId':'~c/cloudServicesNetworks/egress','ipAllocationMethod':'Dynamic'"
                + more
                + "},'networkAttachments':["
                + attachments
                + "]"
        );

    public static string Node(string uplinks, string type = "Virtual") =>
        $"{{'properties':{{'agentPool':'workers','machineType':'{type}','uplinks':[{uplinks}]}}}}";

    public static string NodeId(string name, string cluster = "k1") =>
        $"~c/kubernetesClusters/{cluster}/providers/Weft.Fleet/nodes/{name}";

    public static ResourceId Id(string text) => ResourceId.Parse(Expand(text)).Value;

    public static JsonObject Body(string json) => JsonNode.Parse(Expand(json.Replace('\'', '"')))!.AsObject();

    public void Internal(string domain, string name, int vlan, int mtu, string? v4, string? v6) =>
        Put(
            $"~f/l3IsolationDomains/{domain}/internalNetworks/{name}",
            $"{{'properties':{{'vlanId':{vlan},'mtu':{mtu}"
                + (v4 is null ? "" : $",'connectedIPv4Subnets':[{{'prefix':'{v4}'}}]")
                + (v6 is null ? "" : $",'connectedIPv6Subnets':[{{'prefix':'{v6}'}}]")
                + "}}"
        );

    public void L3(string name, string domain, int vlan) =>
        Put($"~c/l3Networks/{name}", Tracked($"'l3IsolationDomainId':'~f/l3IsolationDomains/{domain}','vlan':{vlan}"));

    public Outcome<Decision> TryPut(string id, string body, bool force = false) =>
        Checked(Request(id, Body(body)) with { Force = force }, Verbs.Put);

    public Outcome<Decision> TryPatch(string id, string body) => Checked(Request(id, Body(body)), Verbs.Patch);

    public Outcome<Decision> TryDelete(string id, bool force = false) =>
        Checked(Request(id, []) with { Force = force }, Verbs.Delete);

    public Outcome<Decision> TryInvokeAction(string id, string action, string body) =>
        Checked(Request(id, Body(body)), (request, transaction) => Verbs.InvokeAction(request, action, transaction));

    public Decision Put(string id, string body) => Accept(TryPut(id, body));

    public Decision Patch(string id, string body) => Accept(TryPatch(id, body));

    public Decision Delete(string id, bool force = false) => Accept(TryDelete(id, force));

    public Decision Enable(string id) => Accept(TryInvokeAction(id, "updateAdministrativeState", "{'state':'Enable'}"));

    public Decision Disable(string id) =>
        Accept(TryInvokeAction(id, "updateAdministrativeState", "{'state':'Disable'}"));

    /// <summary>
    /// The one finding of a refused PUT, which has this code and target; nothing that is stored has changed by it.
    /// </summary>
    public Refusal AssertRefused(RefusalCode code, string target, string id, string body) =>
        AssertRefused(code, target, TryPut(id, body));

    public Refusal AssertRefused(RefusalCode code, string target, Outcome<Decision> outcome)
    {
        Assert.True(outcome.Refusal is not null, $"it was taken; expected {code} at {target}");
        Assert.Equal(_digest, Digest(State));
        var finding = Assert.Single(outcome.Refusal!.Findings);
        Assert.Equal((code, Expand(target)), (finding.Code, finding.Target));
        return finding;
    }

    public Decision Accept(Outcome<Decision> outcome)
    {
        Assert.True(outcome.Refusal is null, outcome.Refusal?.Message);
        if (!outcome.Value.Unchanged)
            State = outcome.Value.After;
        return outcome.Value;
    }

    public TestSite Apply(IReadOnlyList<JsonObject> documents)
    {
        foreach (var step in ApplyOrder.Sort(documents).Value)
        {
            var request = Request(step.Id.ToString(), step.Body ?? Body("{'state':'Enable'}"));
            Accept(
                step.IsEnabling
                    ? Verbs.InvokeAction(request, "updateAdministrativeState", new ReadTransaction(State))
                    : Verbs.Put(request, new ReadTransaction(State))
            );
        }

        return this;
    }

    /// <summary>Ends every operation that can end.</summary>
    public TestSite CompleteOperations()
    {
        while (Operations.Complete(State, Now) is { IsEmpty: false } changes)
            State = State.Next(changes);
        return this;
    }

    public void Commit(params IEnumerable<Mutation> changes) => State = State.Next(changes);

    /// <summary>Enrols an agent, as the server does.</summary>
    public string Enrol(string cluster, string name)
    {
        var id = Id($"{cluster}/providers/Weft.Fleet/agents/{name}");
        Commit(Mutation.Put(id, new JsonObject { ["id"] = id.ToString(), ["properties"] = new JsonObject() }));
        return id.Key;
    }

    public void Report(string agent, bool applied, string message = "", long? revision = null, string? digest = null)
    {
        var cluster = ResourceId.Parse(agent).Value.Parent!;
        Commit(
            new AgentStatus(
                digest ?? DesiredStateOf(cluster.ToString()).Digest,
                revision ?? State.Revision,
                applied,
                message,
                Now
            ).ToMutation(agent)
        );
    }

    public DesiredState DesiredStateOf(string cluster) => ClusterRenderer.Render(State, Id(cluster), Limits);

    public Row RowOf(string id) =>
        State.Get(StoreKey.ForResource(Id(id))) ?? throw new InvalidOperationException($"{id} isn't there");

    public bool Has(string id) => State.Get(StoreKey.ForResource(Id(id))) is not null;

    public string ProvisioningStateOf(string id) => Provisioning.StateOf(RowOf(id));

    public Operation OperationOf(Decision decision) =>
        Operation.Read(State.Get(Operation.KeyOf(decision.Operation!.Name))!);

    public JsonObject Render(string id) => ResourceBody.Render(AllKinds.List.Find(Id(id).Type)!, RowOf(id), State);

    public ImmutableArray<string> Leases(string network) =>
        [
            .. NetworkPool
                .HoldingsOf(State, Id(network))
                .Leases.OrderBy(l => l.Address)
                .Select(l => $"{l.Address} {l.Holder.Text}"),
        ];

    public WriteRequest Request(string id, JsonObject body) =>
        new(Id(id), "ann", "User", Now, $"op-{++_operations:d4}") { Body = body, CheckJoin = (_, _) => null };

    /// <summary>Decides, and sees that a refusal says of each resource in its message that it tells of it.</summary>
    private Outcome<Decision> Checked(
        WriteRequest request,
        Func<WriteRequest, ReadTransaction, Outcome<Decision>> decide
    )
    {
        var outcome = decide(request, new ReadTransaction(State));
        if (outcome.Refusal is { } refusal)
        {
            var own = $"{request.Id} {request.Body} {State.Get(StoreKey.ForResource(request.Id))?.Json}";
            Assert.All(refusal.Findings, finding => UntoldNames.AssertNone(State, finding, own));
        }

        return outcome;
    }

    public static string Expand(string text) =>
        text.Replace(
                "~place",
                Group + "/providers/Microsoft.ExtendedLocation/customLocations/place",
                StringComparison.Ordinal
            )
            .Replace("~c/", Cloud, StringComparison.Ordinal)
            .Replace("~f/", FabricOf, StringComparison.Ordinal);

    private static string Digest(StoreState state)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var row in state.Range(""))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{row.Key} {row.Revision} "));
            hash.AppendData(row.Bytes.Span);
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
