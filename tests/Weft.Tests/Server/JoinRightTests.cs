using System.Text.Json.Nodes;

namespace Weft.Tests.Server;

/// <summary>The attack: a contributor of one group reaches for the networks of another.</summary>
public sealed class JoinRightTests
{
    private const string Other = $"{Documents.Subscription}/resourceGroups/other";
    private const string N6 = $"{Documents.Cloud}/l3Networks/n6";
    private const string Thief = $"{Other}/providers/Microsoft.NetworkCloud/virtualMachines/thief1";

    [Fact]
    public async Task Refuses_AMachine_OnNetworksOfAnotherGroup()
    {
        await using var server = await Start();
        var token = await server.IssueToken("mallory", [("Contributor", Other)]);
        var revision = server.Revision;

        var refused = (await server.PutAs(token, Machine("n6"))).Expect(403);

        Assert.Equal(
            [
                ("extendedLocation.name", "LinkedAuthorizationFailed"),
                ("properties.cloudServicesNetworkAttachment.attachedNetworkId", "LinkedAuthorizationFailed"),
                ("properties.networkAttachments[0].attachedNetworkId", "LinkedAuthorizationFailed"),
            ],
            Findings(refused)
        );
        Assert.Contains("it takes the role NetworkUser there or further up", refused.Text, StringComparison.Ordinal);
        Assert.Equal(revision, server.Revision);
        (await server.SendAs(token, "GET", N6)).Expect(403);
        (await server.Get(Thief)).Expect(404);
    }

    [Fact]
    public async Task Answers_Alike_WhetherTheNetworkIsThere()
    {
        await using var server = await Start();
        var token = await server.IssueToken("mallory", [("Contributor", Other)]);
        Assert.Equal(
            (await server.PutAs(token, Machine("n6"))).Expect(403).Text,
            (await server.PutAs(token, Machine("n7"))).Expect(403).Text.Replace("n7", "n6", StringComparison.Ordinal)
        );
        Assert.Equal(
            (await server.SendAs(token, "GET", N6)).Expect(403).Text,
            (await server.SendAs(token, "GET", $"{Documents.Cloud}/l3Networks/n7"))
                .Expect(403)
                .Text.Replace("n7", "n6", StringComparison.Ordinal)
        );
    }

    [Theory]
    [InlineData("NetworkUser", Documents.Group)]
    [InlineData("Contributor", Documents.Subscription)]
    [InlineData("Owner", Documents.Group)]
    public async Task Attaches_WhatOneMayJoin(string role, string scope)
    {
        await using var server = await Start();
        var token = await server.IssueToken("tenant", [("Contributor", Other), (role, scope)]);
        (await server.PutAs(token, Machine("n6"))).Expect(201);
    }

    [Fact]
    public async Task Attaches_JustTheNetworkThatOneMayJoin()
    {
        await using var server = await Start();
        var token = await server.IssueToken(
            "tenant",
            [
                ("Contributor", Other),
                ("NetworkUser", N6),
                ("NetworkUser", $"{Documents.Cloud}/cloudServicesNetworks/csn1"),
                ("NetworkUser", $"{Documents.Cloud}/clusters/cl1"),
            ]
        );
        (await server.PutAs(token, Machine("n6"))).Expect(201);
        Assert.Equal(
            [("properties.networkAttachments[0].attachedNetworkId", "LinkedAuthorizationFailed")],
            Findings((await server.PutAs(token, Machine("oam", "thief2"))).Expect(403))
        );
    }

    [Fact]
    public async Task Refuses_ToAttach_WhatOneMayOnlyRead()
    {
        await using var server = await Start();
        var token = await server.IssueToken("tenant", [("Contributor", Other), ("Reader", Documents.Group)]);
        Assert.All(
            Findings((await server.PutAs(token, Machine("n6"))).Expect(403)),
            finding => Assert.Equal("LinkedAuthorizationFailed", finding.Code)
        );
    }

    /// <summary>Each kind that names another, as somebody who may write it and join nothing.</summary>
    [Theory]
    [InlineData("l3Networks/mine", "{'l3IsolationDomainId':'~f/l3IsolationDomains/vrf1','vlan':606}")]
    [InlineData("l2Networks/mine", "{'l2IsolationDomainId':'~f/l2IsolationDomains/l2isd1'}")]
    [InlineData("trunkedNetworks/mine", "{'isolationDomainIds':['~f/l2IsolationDomains/l2isd1'],'vlans':[750]}")]
    [InlineData("cloudServicesNetworks/mine", "{}")]
    public async Task Refuses_EveryKindThatNamesAnother(string path, string properties)
    {
        await using var server = await Start();
        var token = await server.IssueToken("mallory", [("Contributor", Other)]);
        var document = new Document(
            $"{Other}/providers/Microsoft.NetworkCloud/{path}",
            Machine("n6").Body.DeepClone().AsObject()
        ).With(body => body["properties"] = Expand(properties));
        Assert.All(
            Findings((await server.PutAs(token, document)).Expect(403)),
            finding => Assert.Equal("LinkedAuthorizationFailed", finding.Code)
        );
    }

    [Fact]
    public async Task Refuses_ClustersPoolsNodesAndDomains_ThatNameAnother()
    {
        await using var server = await Start();
        var token = await server.IssueToken("mallory", [("Contributor", Other), ("Contributor", Documents.East)]);
        var kubernetes = Documents.Kubernetes("mine", ["n6"]);
        await AssertLinked(server, token, kubernetes with { Id = Moved(kubernetes.Id) });
        await AssertLinked(
            server,
            token,
            new Document(
                $"{Other}/providers/Microsoft.ManagedNetworkFabric/l3IsolationDomains/mine",
                Documents.Domain("mine").Body
            )
        );
        await AssertLinked(server, token, Documents.NexusCluster with { Id = Moved(Documents.NexusCluster.Id) });
        await AssertLinked(
            server,
            token,
            Documents
                .Node("east", "w1")
                .With("uplinks", Expand("[{'name':'bond0'},{'name':'eth7','networkId':'~c/l3Networks/oam'}]"))
        );
        await AssertLinked(
            server,
            token,
            new Document(
                $"{Documents.East}/agentPools/more",
                new JsonObject
                {
                    ["location"] = "eastus",
                    ["properties"] = Expand(
                        "{'count':1,'mode':'User','vmSkuName':'s','attachedNetworkConfiguration':"
                            + "{'l3Networks':[{'networkId':'~c/l3Networks/oam','pluginType':'MACVLAN'}]}}"
                    ),
                }
            )
        );
    }

    [Fact]
    public async Task Asks_NotAgain_ForWhatIsAttached()
    {
        await using var server = await Start();
        await server.Create(Machine("n6"));
        var token = await server.IssueToken("tenant", [("Contributor", Other)]);
        (await server.PutAs(token, Machine("n6").With(body => body["tags"] = new JsonObject { ["a"] = "b" }))).Expect(
            200
        );
        (await server.SendAs(token, "PATCH", Thief, """{"tags":{"a":"c"}}""")).Expect(202);
        (await server.SendAs(token, "DELETE", Thief)).Expect(202);
    }

    [Fact]
    public async Task Asks_ForWhatAWriteAdds()
    {
        await using var server = await Start();
        var token = await server.IssueToken("tenant", [("Contributor", Documents.East)]);
        var east = Documents.Site.Single(document => document.Id == Documents.East);
        var more = east.With(body =>
            body["properties"]!["networkConfiguration"]!["attachedNetworkConfiguration"]!["trunkedNetworks"] = Expand(
                "[{'networkId':'~c/trunkedNetworks/ran','pluginType':'MACVLAN'}]"
            )
        );
        (await server.PutAs(token, east.With(body => body["tags"] = new JsonObject { ["a"] = "b" }))).Expect(200);
        Assert.Equal(
            [
                (
                    "properties.networkConfiguration.attachedNetworkConfiguration.trunkedNetworks[0].networkId",
                    "LinkedAuthorizationFailed"
                ),
            ],
            Findings((await server.PutAs(token, more)).Expect(403))
        );
    }

    [Fact]
    public async Task Plans_WhatTheWriteWouldRefuse_InTheSameWords()
    {
        await using var server = await Start();
        var (thief, reader) = (
            await server.IssueToken("mallory", [("Contributor", Other)]),
            await server.IssueToken("rita", [("Reader", "/")])
        );
        var body = Machine("n6").With(machine => machine["id"] = Thief).Body;
        var plan = new JsonObject { ["resources"] = new JsonArray(body) }.ToJsonString();

        var planned = (await server.SendAs(thief, "POST", "/providers/Weft.Fleet/plan", plan)).Expect(200).Json;
        var written = (await server.PutAs(thief, Machine("n6"))).Expect(403);
        var review = (await server.SendAs(reader, "POST", "/providers/Weft.Fleet/plan", plan)).Expect(200).Json;

        Assert.Equal("Refused", planned["changes"]![0]!["action"]!.ToString());
        Assert.Equal(written.Json["error"]!.ToJsonString(), planned["changes"]![0]!["error"]!.ToJsonString());
        Assert.Empty(planned["addresses"]!.AsArray());
        // Who may only read reviews what others would apply.
        Assert.Equal("Create", review["changes"]![0]!["action"]!.ToString());
        Assert.Contains("rita may not change it", review["warnings"]!.ToJsonString(), StringComparison.Ordinal);
    }

    private static async Task AssertLinked(InProcessServer server, string token, Document document) =>
        Assert.All(
            Findings((await server.PutAs(token, document)).Expect(403)),
            finding => Assert.Equal("LinkedAuthorizationFailed", finding.Code)
        );

    private static (string Target, string Code)[] Findings(ServerResponse refused)
    {
        var error = refused.Json["error"]!;
        return
        [
            .. (error["details"] as JsonArray ?? [error.DeepClone()]).Select(finding =>
                (finding!["target"]!.ToString(), finding["code"]!.ToString())
            ),
        ];
    }

    private static JsonNode Expand(string text) =>
        JsonNode.Parse(
            text.Replace('\'', '"')
                .Replace("~c/", $"{Documents.Cloud}/", StringComparison.Ordinal)
                .Replace("~f/", $"{Documents.Fabric}/", StringComparison.Ordinal)
        )!;

    private static string Moved(string id) => id.Replace(Documents.Group, Other, StringComparison.Ordinal);

    /// <summary>A machine of the other group, on a network of the first.</summary>
    private static Document Machine(string network, string name = "thief1")
    {
        var machine = Documents.Machine(name, Documents.Attached(network));
        return machine with { Id = Moved(machine.Id) };
    }

    private static async Task<InProcessServer> Start()
    {
        var server = await InProcessServer.WithSite();
        await server.Create(new Document(Other, new JsonObject { ["location"] = "eastus" }));
        return server;
    }
}
