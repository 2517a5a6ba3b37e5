using System.Text.Json.Nodes;
using Weft.Contracts;

namespace Weft.Tests.Server;

/// <summary>What refusals and lists tell to somebody who may not read what they are about: that it is so, and no more.</summary>
public sealed class DisclosureTests
{
    private const string Other = $"{Documents.Subscription}/resourceGroups/other";
    private const string OtherCloud = $"{Other}/providers/Microsoft.NetworkCloud";
    private const string OtherFabric = $"{Other}/providers/Microsoft.ManagedNetworkFabric";
    private const string N6 = $"{Documents.Cloud}/l3Networks/n6";
    private const string Leases = $"{N6}/providers/Weft.Ipam/leases";
    private const string Roles = "/providers/Weft.Identity/roles";

    /// <summary>Whose names must not be told.</summary>
    private static readonly string[] Secrets =
    [
        "probe1",
        "east",
        "west",
        "n6-subnets",
        "oam-subnets",
        "10.20.6.0",
        "l2isd1",
        "/ran",
    ];

    [Fact]
    public async Task Names_NoMachine_ThatHoldsAnAddress()
    {
        await using var server = await Start();
        var token = await server.IssueToken("tenant", [("Contributor", Other), .. Joins()]);
        var taken = Moved(Documents.Machine("mine1", Documents.Attached("n6", "10.20.6.50")));

        var refused = await AssertTellsNothing(server.PutAs(token, taken), 409, "AddressHeld");
        var told = (await server.Put(taken)).Expect(409);

        Assert.Equal(
            "'properties.networkAttachments[0].ipv4Address': the address is held by something that you may not see",
            refused.Json["error"]!["message"]!.ToString()
        );
        Assert.Contains("is held by virtual machine probe1", told.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("l3Networks/mine", "{'l3IsolationDomainId':'~f/l3IsolationDomains/vrf1','vlan':777}", "Mismatch")]
    [InlineData("l3Networks/mine", "{'l3IsolationDomainId':'~f/l3IsolationDomains/vrf1'}", "MissingMember")]
    [InlineData("l3Networks/mine", "{'l3IsolationDomainId':'~f/l3IsolationDomains/vrf1','vlan':606}", "Overlap")]
    [InlineData(
        "trunkedNetworks/mine",
        "{'isolationDomainIds':['~f/l2IsolationDomains/l2isd1'],'vlans':[777]}",
        "Mismatch"
    )]
    public async Task Names_NothingOfADomain_ThatOneMayJoinAndNotRead(string path, string properties, string code)
    {
        await using var server = await Start();
        await PutRole(server, "Joiner", "join", "*");
        var token = await server.IssueToken("tenant", [("Contributor", Other), ("Joiner", "/")]);
        var document = new Document($"{OtherCloud}/{path}", Documents.CloudServices.Body.DeepClone().AsObject()).With(
            body => body["properties"] = Expand(properties)
        );
        var refused = await server.PutAs(token, document);
        Assert.Contains(code, refused.Text, StringComparison.Ordinal);
        AssertTellsNothing(refused);
    }

    /// <summary>A name that can't be one belongs to nothing: what was sent is said back, in a plan as in a write.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("no such thing! ü")]
    [InlineData("absent")]
    public async Task Tells_OfANameThatNothingHas(string pool)
    {
        await using var server = await Start();
        var token = await server.IssueToken("tenant", [("Contributor", Documents.Group)]);
        var node = Documents.Node("east", "w7").With(body => body["properties"]!["agentPool"] = pool);
        var plan = PlanOf(node);
        foreach (
            var answer in (ServerResponse[])
                [
                    await server.PutAs(token, node),
                    await server.SendAs(token, "POST", "/providers/Weft.Fleet/plan", plan),
                    await server.Request("POST", "/providers/Weft.Fleet/plan", plan, []),
                ]
        )
            Assert.Contains($"cluster east has no agent pool '{pool}'", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_NoOwnerOfAVlan_OfTheSameFabric()
    {
        await using var server = await Start();
        await PutRole(server, "FabricUser", "join", "Microsoft.ManagedNetworkFabric/networkFabrics");
        var token = await server.IssueToken("tenant", [("Contributor", Other), ("FabricUser", "/")]);
        foreach (var vlan in new[] { 606, 750 })
            await AssertTellsNothing(
                server.PutAs(
                    token,
                    new Document($"{OtherFabric}/l2IsolationDomains/mine", Documents.Layer2Domain("mine", vlan).Body)
                ),
                409,
                "Overlap"
            );
    }

    [Fact]
    public async Task Names_NoNamespace_ThatHasTheName()
    {
        await using var server = await Start();
        const string Space = "providers/Microsoft.Relay/namespaces/site-b";
        (await server.Request("PUT", $"{Documents.Group}/{Space}", """{"location":"eastus"}""", [])).Expect(201);
        var token = await server.IssueToken("mallory", [("Contributor", Other)]);
        var refused = (await server.SendAs(token, "PUT", $"{Other}/{Space}", """{"location":"eastus"}""")).Expect(409);
        Assert.Equal(
            "'name': it overlaps with something that you may not see",
            refused.Json["error"]!["message"]!.ToString()
        );
        Assert.DoesNotContain("rg1", refused.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("DELETE", N6)]
    [InlineData("DELETE", Documents.Cloud + "/clusters/cl1")]
    [InlineData("DELETE", Documents.Fabric + "/networkFabrics/fabric1")]
    [InlineData("DELETE", Documents.Fabric + "/l2IsolationDomains/l2isd1")]
    [InlineData("POST", Documents.Fabric + "/l2IsolationDomains/l2isd1/updateAdministrativeState")]
    public async Task Names_NoUser_OfWhatIsToGo(string method, string path)
    {
        await using var server = await Start();
        var scope = method == "POST" ? path[..path.LastIndexOf('/')] : path;
        var token = await server.IssueToken("keeper", [("Contributor", scope)]);
        var refused = (await server.SendAs(token, method, path, """{"state":"Disable"}""")).Expect(409);
        Assert.Equal("InUse", refused.Json["error"]!["details"]?[0]?["code"]?.ToString() ?? refused.Code);
        foreach (var word in Secrets.Where(word => !scope.Contains(word, StringComparison.Ordinal)))
            Assert.DoesNotContain(word, refused.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("Culprit", refused.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tells_WhatOneMayRead_BesideWhatOneMayNot()
    {
        await using var server = await Start();
        var token = await server.IssueToken("keeper", [("Contributor", N6), ("Reader", Documents.East)]);
        var refused = (await server.SendAs(token, "DELETE", N6)).Expect(409);
        Assert.Contains($"{Documents.East} uses it", refused.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("west", refused.Text, StringComparison.Ordinal);
        Assert.Contains("something that you may not see", refused.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_NoHolder_ToAReaderOfTheNetwork()
    {
        await using var server = await Start();
        var token = await server.IssueToken("tenant", [("NetworkUser", N6)]);
        var list = (await server.SendAs(token, "GET", Leases)).Expect(200);
        var lease = (await server.SendAs(token, "GET", $"{Leases}/10.20.6.50")).Expect(200);
        AssertTellsNothing(list);
        AssertTellsNothing(lease);
        Assert.Equal("something that you may not see", lease.Json["properties"]!["holder"]!.ToString());
        Assert.Contains("probe1", (await server.Get($"{Leases}/10.20.6.50")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_NoUserOfANetwork_InItsBody()
    {
        await using var server = await Start();
        var token = await server.IssueToken("tenant", [("NetworkUser", N6), ("Reader", Documents.East)]);
        Assert.Equal(
            [Documents.East],
            (await server.SendAs(token, "GET", N6)).Expect(200).Json["properties"]!["associatedResourceIds"]!
                .AsArray()
                .Select(id => id!.ToString())
        );
        Assert.Equal(3, (await server.Get(N6)).Json["properties"]!["associatedResourceIds"]!.AsArray().Count);
    }

    [Theory]
    [InlineData("kubernetesClusters")]
    [InlineData("l3Networks")]
    public async Task Answers_ListsAlike_WhetherTheGroupIsThere(string type)
    {
        await using var server = await Start();
        var token = await server.IssueToken("mallory", [("Contributor", Other)]);
        await AssertAlike(
            server,
            token,
            $"{Documents.Group}/providers/Microsoft.NetworkCloud/{type}",
            $"{Documents.Subscription}/resourceGroups/rg9/providers/Microsoft.NetworkCloud/{type}"
        );
    }

    [Theory]
    [InlineData(Documents.East + "/agentPools", Documents.Cloud + "/kubernetesClusters/nine/agentPools")]
    [InlineData(
        Documents.East + "/providers/Weft.Fleet/nodes",
        Documents.Cloud + "/kubernetesClusters/nine/providers/Weft.Fleet/nodes"
    )]
    [InlineData(Documents.Group + "/resources", Documents.Subscription + "/resourceGroups/rg9/resources")]
    [InlineData(Leases, Documents.Cloud + "/l3Networks/nine/providers/Weft.Ipam/leases")]
    [InlineData(Documents.Group, Documents.Subscription + "/resourceGroups/rg9")]
    [InlineData(
        "/providers/Weft.Relay/check?to=" + Documents.East,
        "/providers/Weft.Relay/check?to=" + Documents.Cloud + "/kubernetesClusters/nine"
    )]
    public async Task Answers_ReadsAlike_WhetherItIsThere(string there, string notThere)
    {
        await using var server = await Start();
        var token = await server.IssueToken("mallory", [("Contributor", Other)]);
        await AssertAlike(server, token, there, notThere);
    }

    [Fact]
    public async Task Lists_StillWhatOneMaySee_OfAGroupThatOneMayNot()
    {
        await using var server = await Start();
        var token = await server.IssueToken("eve", [("Reader", Documents.East)]);
        var clusters = (await server.SendAs(token, "GET", $"{Documents.Cloud}/kubernetesClusters")).Expect(200);
        Assert.Single(clusters.Json["value"]!.AsArray());
        Assert.Empty(
            (await server.SendAs(token, "GET", $"{Documents.Cloud}/l3Networks")).Expect(200).Json["value"]!.AsArray()
        );
    }

    [Fact]
    public async Task Plans_TellNoMoreThanTheWrite()
    {
        await using var server = await Start();
        var token = await server.IssueToken("tenant", [("Contributor", Other), .. Joins()]);
        var taken = Moved(Documents.Machine("mine1", Documents.Attached("n6", "10.20.6.50")));
        var plan = (await server.SendAs(token, "POST", "/providers/Weft.Fleet/plan", PlanOf(taken))).Expect(200);
        Assert.Equal(
            (await server.PutAs(token, taken)).Json["error"]!.ToJsonString(),
            plan.Json["changes"]![0]!["error"]!.ToJsonString()
        );
        AssertTellsNothing(plan);
    }

    private static string PlanOf(Document document)
    {
        var resource = document.With(body => body["id"] = document.Id).Body;
        return new JsonObject { ["resources"] = new JsonArray(resource) }.ToJsonString();
    }

    /// <summary>The way of an agent to the cluster's answer is the way of its operation, and it names the agent.</summary>
    [Fact]
    public async Task Names_NoAgent_ThatAnOperationWaitsFor()
    {
        await using var server = await Start();
        _ = await server.Enrol(Documents.East, "east");
        var token = await server.IssueToken("keeper", [("Contributor", Documents.Fabric + "/l3IsolationDomains/vrf1")]);
        var subnets = Documents
            .Internal("vrf1", "n6-subnets", 606, "10.20.6.0/24", "fd20:0:0:606::/64")
            .With("mtu", 1400);
        var written = (await server.PutAs(token, subnets)).Expect(200);
        var status = new Uri(written.Header("Azure-AsyncOperation")!).PathAndQuery;
        var seen = (await server.Send("GET", status, null, token)).Expect(202);
        Assert.Empty(seen.Json["properties"]!["waitsFor"]!.AsArray());
        Assert.Single((await server.Request("GET", status, null, [])).Json["properties"]!["waitsFor"]!.AsArray());
    }

    [Theory]
    [InlineData("10.20.6.50", "is held by virtual machine probe1")]
    [InlineData("10.20.6.60", "the address is held by something that you may not see")]
    public async Task Names_ToAnAgent_NeighboursOfItsClustersGroupAlone(string address, string says)
    {
        await using var server = await Start();
        await server.Create(Moved(Documents.Machine("probe2", Documents.Attached("n6", "10.20.6.60"))));
        var agent = await server.Enrol(Documents.East, "east");
        var request = new JsonObject
        {
            ["network"] = N6,
            ["containerId"] = "c",
            ["interface"] = "net1",
            ["ips"] = new JsonArray(address),
        };
        var refused = (await server.SendAsAgent(agent, "POST", AgentApi.Acquire, request)).Expect(409);
        Assert.Equal("AddressHeld", refused.Code);
        Assert.Contains(says, refused.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("probe2", refused.Text, StringComparison.Ordinal);
    }

    private static (string Role, string Scope)[] Joins() =>
        [
            ("NetworkUser", N6),
            ("NetworkUser", $"{Documents.Cloud}/cloudServicesNetworks/csn1"),
            ("NetworkUser", $"{Documents.Cloud}/clusters/cl1"),
        ];

    private static async Task AssertAlike(InProcessServer server, string token, string there, string notThere)
    {
        static string Neutral(string text) =>
            text.Replace("rg9", "rg1", StringComparison.Ordinal)
                .Replace("l3Networks/nine", "l3Networks/n6", StringComparison.Ordinal)
                .Replace("nine", "east", StringComparison.Ordinal);
        var (known, unknown) = (await server.SendAs(token, "GET", there), await server.SendAs(token, "GET", notThere));
        Assert.Equal(known.Expect(403).Text, Neutral(unknown.Expect(403).Text));
    }

    private static async Task<ServerResponse> AssertTellsNothing(Task<ServerResponse> answer, int status, string code)
    {
        var refused = (await answer).Expect(status);
        Assert.Equal(code, refused.Code);
        AssertTellsNothing(refused);
        return refused;
    }

    private static void AssertTellsNothing(ServerResponse refused)
    {
        foreach (var word in Secrets)
            Assert.DoesNotContain(word, refused.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("Culprit", refused.Text, StringComparison.Ordinal);
    }

    private static async Task PutRole(InProcessServer server, string name, string verb, string kind) =>
        (
            await server.Request(
                "PUT",
                $"{Roles}/{name}",
                $$$"""{"properties":{"rules":[{"verbs":["{{{verb}}}"],"kinds":["{{{kind}}}"]}]}}""",
                []
            )
        ).Expect(201);

    private static JsonNode Expand(string text) =>
        JsonNode.Parse(text.Replace('\'', '"').Replace("~f/", $"{Documents.Fabric}/", StringComparison.Ordinal))!;

    private static Document Moved(Document document) =>
        document with
        {
            Id = document.Id.Replace(Documents.Group, Other, StringComparison.Ordinal),
        };

    /// <summary>The site, another group, and a machine that holds 10.20.6.50.</summary>
    private static async Task<InProcessServer> Start()
    {
        var server = await InProcessServer.WithSite();
        await server.Create(new Document(Other, new JsonObject { ["location"] = "eastus" }));
        await server.Create(Documents.Machine("probe1", Documents.Attached("n6", "10.20.6.50")));
        return server;
    }
}
