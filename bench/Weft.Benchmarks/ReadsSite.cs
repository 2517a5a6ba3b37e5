using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Contracts;

namespace Weft.Benchmarks;

/// <summary>
/// weftd with many clusters that attach 20 networks each, made by its API. The networks that are read have the same few
/// users whatever the number of clusters; those that the other clusters share have as many as there are.
/// </summary>
internal sealed class ReadsSite : IDisposable
{
    /// <summary>How many networks a page holds, and few use.</summary>
    public const int Page = 100;

    /// <summary>How many networks all the other clusters share.</summary>
    private const int Shared = 200;

    private const int AttachmentsOfEach = 20;
    private const int UsersOfFew = 2;
    private const string Group = "/subscriptions/5be00000-0000-4000-8000-0000000005a0/resourceGroups/site";
    private const string Cloud = $"{Group}/providers/Microsoft.NetworkCloud";
    private const string Fabric = $"{Group}/providers/Microsoft.ManagedNetworkFabric";
    private const string CloudVersion = "?api-version=2025-02-01";
    private const string FabricVersion = "?api-version=2023-06-15";
    private const string FleetVersion = "?api-version=2026-10-01";

    private readonly AttackedServer _server;
    private readonly int _clusters;
    private int _written;

    /// <param name="program">weftd.</param>
    /// <param name="clusters">At least 10.</param>
    public ReadsSite(string program, int clusters)
    {
        _server = new AttackedServer(program);
        _clusters = clusters;
        Create().GetAwaiter().GetResult();
    }

    /// <summary>A network that few use.</summary>
    public Task Get() => _server.Do(HttpMethod.Get, $"{Cloud}/l2Networks/few000{CloudVersion}");

    /// <summary>A page of networks that few use.</summary>
    public Task ListFew() => _server.Do(HttpMethod.Get, $"{Cloud}/l2Networks{CloudVersion}&$top={Page}");

    /// <summary>A page of networks that everybody shares: the answer itself grows with the clusters.</summary>
    public Task ListShared() => _server.Do(HttpMethod.Get, $"{Cloud}/l3Networks{CloudVersion}&$top={Page}");

    /// <summary>Writes a network that few use, with another tag.</summary>
    public Task Put() => PutTagged("few000");

    /// <summary>The same of a network that nobody uses: it concerns no agent.</summary>
    public Task PutUnused() => PutTagged("unused");

    /// <summary>What weftd has spent of the processor, ms.</summary>
    public double ProcessorMilliseconds => _server.ProcessorTime.TotalMilliseconds;

    /// <summary>Waits until weftd has nothing to do: all who came to wait do wait then.</summary>
    public async Task Rest()
    {
        double spent;
        do
        {
            spent = ProcessorMilliseconds;
            await Task.Delay(500);
        } while (ProcessorMilliseconds - spent > 10);
    }

    /// <summary>An agent of a cluster, as it enrols.</summary>
    /// <returns>Its credential.</returns>
    public async Task<string> Enrol(int cluster)
    {
        var made = await _server.Do(
            HttpMethod.Post,
            $"{ClusterOf(cluster)}/{EnrolmentTokenRequest.ActionName}{FleetVersion}",
            new EnrolmentTokenRequest("main", null, Replace: false, EnrolmentTokenRequest.DefaultMinutes).ToJson()
        );
        var credential = BearerToken.Create(BearerToken.AgentKind, Guid.NewGuid().ToByteArray());
        await _server.Do(
            HttpMethod.Post,
            AgentApi.Root + AgentApi.Enrol,
            JsonNode.Parse(new EnrolmentRequest("main", BearerToken.HashOf(credential), null, null).ToBytes()),
            made!["token"]!.ToString()
        );
        return credential;
    }

    /// <summary>The digest of an agent's desired state.</summary>
    public async Task<string> DigestFor(string credential) =>
        (await _server.Do(HttpMethod.Get, AgentApi.Root + AgentApi.Desired, null, credential))!["digest"]!.ToString();

    /// <summary>Waits as an agent does, for another desired state; none comes.</summary>
    public Task Wait(string credential, string digest, int seconds, CancellationToken cancel) =>
        _server.Send(
            HttpMethod.Get,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{AgentApi.Root}{AgentApi.Desired}?after={digest}&wait={seconds}"
            ),
            null,
            credential,
            cancel
        );

    /// <summary>Has pods come and go, several at a time, on a network that many clusters share: 0, 10, 20 and so on.</summary>
    /// <returns>How many a second.</returns>
    public async Task<double> Allocate(string credential, int pods, int atATime)
    {
        var watch = Stopwatch.StartNew();
        await Parallel.ForAsync(
            0,
            pods,
            new ParallelOptions { MaxDegreeOfParallelism = atATime },
            async (_, _) =>
            {
                var pod = new JsonObject
                {
                    ["network"] = $"{Cloud}/l3Networks/shared000",
                    ["containerId"] = Guid.NewGuid().ToString("N"),
                    ["interface"] = "net1",
                };
                await _server.Do(HttpMethod.Post, AgentApi.Root + AgentApi.Acquire, pod, credential);
                await _server.Do(HttpMethod.Post, AgentApi.Root + AgentApi.Release, pod.DeepClone(), credential);
            }
        );
        return pods / watch.Elapsed.TotalSeconds;
    }

    public void Dispose() => _server.Dispose();

    private static string ClusterOf(int i) =>
        string.Create(CultureInfo.InvariantCulture, $"{Cloud}/kubernetesClusters/edge{i:d4}");

    private Task<JsonNode?> PutTagged(string network) =>
        PutCloud(
            $"l2Networks/{network}",
            $"'l2IsolationDomainId':'{Fabric}/l2IsolationDomains/few000'",
            $"{{'written':'{_written++}'}}"
        );

    private async Task Create()
    {
        await PutBody($"{Group}?api-version=2021-04-01", "{'location':'east'}");
        await PutFabric("networkFabrics/fab1", "");
        await PutFabric("l3IsolationDomains/user", $"'networkFabricId':'{Fabric}/networkFabrics/fab1'");
        for (var i = 0; i < Page; i++)
            await PutFabric(
                $"l2IsolationDomains/few{i:d3}",
                $"'networkFabricId':'{Fabric}/networkFabrics/fab1','vlanId':{1000 + i},'mtu':9000"
            );
        for (var i = 0; i <= Shared; i++)
            await PutBody(
                $"{Fabric}/l3IsolationDomains/user/internalNetworks/net{i:d3}{FabricVersion}",
                $"{{'properties':{{'vlanId':{2000 + i},'mtu':9000,'connectedIPv4Subnets':[{{'prefix':'10.{i}.0.0/16'}}]}}}}"
            );
        foreach (
            var domain in Enumerable
                .Range(0, Page)
                .Select(i => $"l2IsolationDomains/few{i:d3}")
                .Append("l3IsolationDomains/user")
        )
            await _server.Do(
                HttpMethod.Post,
                $"{Fabric}/{domain}/updateAdministrativeState{FabricVersion}",
                new JsonObject { ["state"] = "Enable" }
            );
        await PutBody(
            $"{Cloud}/clusters/place{CloudVersion}",
            $"{{'location':'east','extendedLocation':{{'name':'{Cloud}/clusterManagers/m','type':'CustomLocation'}},"
                + $"'properties':{{'networkFabricId':'{Fabric}/networkFabrics/fab1','clusterType':'SingleRack',"
                + "'clusterVersion':'4.0','aggregatorOrSingleRackDefinition':"
                + "{'networkRackId':'r','rackSerialNumber':'s','rackSkuId':'k'}}}"
        );
        await CreateNetworks();
        for (var i = 0; i < _clusters; i++)
            await PutCluster(i);
    }

    private async Task CreateNetworks()
    {
        for (var i = 0; i < Page; i++)
            await PutCloud($"l2Networks/few{i:d3}", $"'l2IsolationDomainId':'{Fabric}/l2IsolationDomains/few{i:d3}'");
        for (var i = 0; i < Shared; i++)
            await PutCloud(
                $"l3Networks/shared{i:d3}",
                $"'l3IsolationDomainId':'{Fabric}/l3IsolationDomains/user','vlan':{2000 + i}"
            );
        await PutCloud(
            $"l3Networks/cni",
            $"'l3IsolationDomainId':'{Fabric}/l3IsolationDomains/user','vlan':{2000 + Shared}"
        );
        await PutCloud("cloudServicesNetworks/egress", "");
    }

    /// <summary>The first ten clusters attach networks that few use, the others those that all share.</summary>
    private Task<JsonNode?> PutCluster(int i)
    {
        var isOfFew = i < Page * UsersOfFew / AttachmentsOfEach;
        var sort = isOfFew ? "l2Networks" : "l3Networks";
        var attachments = Enumerable
            .Range(0, AttachmentsOfEach)
            .Select(a => ((i * AttachmentsOfEach) + a) % (isOfFew ? Page : Shared))
            .Select(n =>
                isOfFew
                    ? $"{{'networkId':'{Cloud}/l2Networks/few{n:d3}','pluginType':'MACVLAN'}}"
                    : $"{{'networkId':'{Cloud}/l3Networks/shared{n:d3}','pluginType':'MACVLAN','ipamEnabled':'True'}}"
            );
        return PutCloud(
            ClusterOf(i)[(Cloud.Length + 1)..],
            "'kubernetesVersion':'1.33.1','controlPlaneNodeConfiguration':{'count':1,'vmSkuName':'s'},"
                + "'initialAgentPoolConfigurations':[{'name':'workers','mode':'System','count':1,'vmSkuName':'s'}],"
                + $"'networkConfiguration':{{'cloudServicesNetworkId':'{Cloud}/cloudServicesNetworks/egress',"
                + $"'cniNetworkId':'{Cloud}/l3Networks/cni',"
                + $"'attachedNetworkConfiguration':{{'{sort}':[{string.Join(',', attachments)}]}}}}"
        );
    }

    private Task<JsonNode?> PutFabric(string path, string properties) =>
        PutBody($"{Fabric}/{path}{FabricVersion}", $"{{'location':'east','properties':{{{properties}}}}}");

    private Task<JsonNode?> PutCloud(string path, string properties, string tags = "{}") =>
        PutBody(
            $"{Cloud}/{path}{CloudVersion}",
            $"{{'location':'east','tags':{tags},'extendedLocation':{{'name':"
                + $"'{Group}/providers/Microsoft.ExtendedLocation/customLocations/place','type':'CustomLocation'}},"
                + $"'properties':{{{properties}}}}}"
        );

    private Task<JsonNode?> PutBody(string path, string body) =>
        _server.Do(HttpMethod.Put, path, JsonNode.Parse(body.Replace('\'', '"')));
}
