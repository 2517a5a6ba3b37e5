using System.Text.Json.Nodes;

namespace Weft.Tests.Server;

/// <summary>What agents find on their nodes, as weftd takes it, keeps it and shows it.</summary>
public sealed class InventoryTests
{
    private const string Node = $"{Documents.East}/providers/Weft.Fleet/nodes/w1";

    [Fact]
    public async Task Shows_OnTheNode_WhatItsAgentHasFound()
    {
        await using var server = await InProcessServer.WithSite();
        await server.Create(NodeOf("w1", "ens1f0"));
        var agent = await Enrol(server, "w1");

        Assert.Equal("", (await server.SendAsAgent(agent, "PUT", "inventory", Inventory("ens1f0"))).Expect(204).Text);

        var shown = (await server.Get(Node)).Expect(200).Json["properties"]!["inventory"]!;
        Assert.Equal(("6.1.0", "ens1f0"), (shown["kernel"]!.ToString(), shown["devices"]![0]!["name"]!.ToString()));
        Assert.Null(shown["devices"]![0]!["secret"]);
        Assert.NotNull(shown["reportedAt"]);
    }

    [Fact]
    public async Task Writes_NothingWhereNothingIsNew()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await Enrol(server, "w1");
        _ = (await server.SendAsAgent(agent, "PUT", "inventory", Inventory("ens1f0"))).Expect(204);
        var before = server.Revision;

        _ = (await server.SendAsAgent(agent, "PUT", "inventory", Inventory("ens1f0"))).Expect(204);
        Assert.Equal(before, server.Revision);
        _ = (await server.SendAsAgent(agent, "PUT", "inventory", Inventory("ens2f0"))).Expect(204);
        Assert.True(server.Revision > before);
    }

    [Fact]
    public async Task Changes_NoResource()
    {
        await using var server = await InProcessServer.WithSite();
        await server.Create(NodeOf("w1", "ens1f0"));
        var agent = await Enrol(server, "w1");
        var tag = (await server.Get(Node)).Json["etag"]!.ToString();

        _ = (await server.SendAsAgent(agent, "PUT", "inventory", Inventory("ens1f0"))).Expect(204);

        Assert.Equal(tag, (await server.Get(Node)).Json["etag"]!.ToString());
        // What was read is written back: the inventory in it is ignored.
        var read = (await server.Get(Node)).Json.AsObject();
        Assert.Equal(200, (await server.Put(new Document(Node, read))).Status);
        Assert.Equal(tag, (await server.Get(Node)).Json["etag"]!.ToString());
    }

    [Fact]
    public async Task Refuses_AgentsWithoutNode_AndTokens()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "c1");
        var token = await server.EnrolmentToken(Documents.East, "w1", "w1");

        var refused = (await server.SendAsAgent(agent, "PUT", "inventory", Inventory("ens1f0"))).Expect(409);

        Assert.Equal("Conflict", refused.Code);
        Assert.Contains("agent c1 serves no node", refused.Text, StringComparison.Ordinal);
        Assert.Equal(
            "AuthorizationFailed",
            (await server.SendAsAgent(token, "PUT", "inventory", Inventory("ens1f0"))).Expect(403).Code
        );
    }

    [Theory]
    [InlineData("""{"devices":[],"plugins":[]}""", "MissingMember", "hugepages")]
    [InlineData("""{"devices":{},"hugepages":[],"plugins":[]}""", "MissingMember", "devices")]
    [InlineData("""{"devices":[1],"hugepages":[],"plugins":[]}""", "InvalidMember", "devices")]
    [InlineData("""{"devices":[{"name":"a\nb"}],"hugepages":[],"plugins":[]}""", "InvalidMember", "devices[0].name")]
    [InlineData("""[]""", "InvalidRequestContent", null)]
    public async Task Refuses_InvalidInventory(string body, string code, string? target)
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await Enrol(server, "w1");
        var before = server.Revision;

        var refused = (await server.SendAsAgent(agent, "PUT", "inventory", JsonNode.Parse(body))).Expect(400);

        Assert.Equal((code, target), (refused.Code, refused.Json["error"]!["target"]?.ToString()));
        Assert.Equal(before, server.Revision);
    }

    [Fact]
    public async Task Refuses_MoreThanAMebibyte()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await Enrol(server, "w1");
        var inventory = Inventory("ens1f0");
        for (var i = 0; i < 9000; i++)
            inventory["devices"]!
                .AsArray()
                .Add(
                    new JsonObject
                    {
                        ["name"] = $"e{i}",
                        ["pciAddress"] = "0000:3b:00.0",
                        ["vendor"] = "8086",
                        ["device"] = "1592",
                        ["driver"] = "ice",
                        ["macAddress"] = "3c:fd:fe:00:00:3b",
                    }
                );

        Assert.Equal(
            "RequestTooLarge",
            (await server.SendAsAgent(agent, "PUT", "inventory", inventory)).Expect(413).Code
        );
    }

    [Fact]
    public async Task Removes_WithTheAgent_AndWithTheNode()
    {
        await using var server = await InProcessServer.WithSite();
        await server.Create(NodeOf("w1", "ens1f0"));
        var agent = await Enrol(server, "w1");
        _ = (await server.SendAsAgent(agent, "PUT", "inventory", Inventory("ens1f0"))).Expect(204);
        await server.DeleteAndWait($"{Documents.East}/providers/Weft.Fleet/agents/w1");
        Assert.Empty(server.Store.Current.Range("inventory|"));

        agent = await Enrol(server, "w1");
        _ = (await server.SendAsAgent(agent, "PUT", "inventory", Inventory("ens1f0"))).Expect(204);
        _ = (await server.Delete($"{Documents.East}/providers/Weft.Fleet/agents/w1")).Expect(202);
        await server.WaitUntil(() => !server.Store.Current.Range("inventory|").Any(), "the inventory is gone");
        await server.DeleteAndWait(Node);
        Assert.Empty(server.Store.Current.Range("inventory|"));
    }

    [Fact]
    public async Task Checks_TheDeclarationAgainstWhatWasFoundBefore()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await Enrol(server, "w1");
        _ = (await server.SendAsAgent(agent, "PUT", "inventory", Inventory("ens2f0"))).Expect(204);
        // Its agent has still to apply it; what comes next needn't wait for that.
        _ = (await server.Put(Attached())).Expect(200);

        var refused = (await server.Put(NodeOf("w1", "ens1f0", "0-3"))).Expect(400);
        Assert.Equal("Mismatch", refused.Code);
        Assert.Contains(
            "node w1 has no port 'ens1f0'; its inventory has ens2f0 (0000:3b:00.0)",
            refused.Text,
            StringComparison.Ordinal
        );

        Assert.Equal(201, (await server.Put(NodeOf("w1", "ens2f0", "0-3"))).Status);
    }

    [Fact]
    public async Task Plans_HowFullPortsAre()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await Enrol(server, "w1");
        _ = (await server.SendAsAgent(agent, "PUT", "inventory", Inventory("ens1f0"))).Expect(204);
        var node = NodeOf("w1", "ens1f0", "0-3");

        var plan = (
            await server.Post(
                "/providers/Weft.Fleet/plan",
                new JsonObject { ["resources"] = new JsonArray(WithId(Attached()), WithId(node)) }.ToJsonString()
            )
        )
            .Expect(200)
            .Json;

        Assert.Equal(["Update", "Create"], plan["changes"]!.AsArray().Select(c => c!["action"]!.ToString()));
        var port = Assert.Single(plan["capacity"]!["functions"]!.AsArray())!;
        Assert.Equal(("east/w1", 4, 64), (port["node"]!.ToString(), (int)port["declared"]!, (int)port["total"]!));
        Assert.Equal(4, (int)port["networks"]![0]!["pooled"]!);
        Assert.NotEmpty(plan["warnings"]!.AsArray());
    }

    private static JsonObject WithId(Document document)
    {
        var body = document.Body.DeepClone().AsObject();
        body["id"] = document.Id;
        return body;
    }

    private static Document Attached() =>
        Documents
            .Site.Single(d => d.Id == Documents.East)
            .With(body =>
                body["properties"]!["networkConfiguration"]!["attachedNetworkConfiguration"] = new JsonObject
                {
                    ["l3Networks"] = new JsonArray(
                        new JsonObject { ["networkId"] = $"{Documents.Cloud}/l3Networks/n6", ["pluginType"] = "SRIOV" }
                    ),
                }
            );

    private static Document NodeOf(string name, string port, string? functions = null)
    {
        var uplink = new JsonObject { ["name"] = port };
        if (functions is not null)
            uplink["virtualFunctions"] = new JsonArray(
                new JsonObject { ["functions"] = functions, ["networkId"] = $"{Documents.Cloud}/l3Networks/n6" }
            );
        var pool = Documents.Site.Single(d => d.Id == Documents.East).Body["properties"]![
            "initialAgentPoolConfigurations"
        ]![0]!["name"]!.ToString();
        return new Document(
            $"{Documents.East}/providers/Weft.Fleet/nodes/{name}",
            new JsonObject
            {
                ["properties"] = new JsonObject { ["agentPool"] = pool, ["uplinks"] = new JsonArray(uplink) },
            }
        );
    }

    private static Task<string> Enrol(InProcessServer server, string node) => server.Enrol(Documents.East, node, node);

    private static JsonObject Inventory(string port) =>
        JsonNode
            .Parse(
                $$"""
                {"kernel":"6.1.0","hasIommu":true,"hugepages":[{"kilobytes":2048,"total":8,"free":8}],
                 "plugins":[{"name":"macvlan","versions":["1.0.0"],"release":"v1.1.1"}],
                 "devices":[{"name":"{{port}}","pciAddress":"0000:3b:00.0","vendor":"8086","device":"1592","driver":"ice",
                   "macAddress":"3c:fd:fe:00:00:3b","mtu":9000,"isUp":true,"totalFunctions":64,
                   "functions":0,"linkType":"ether","secret":"x"}]}
                """
            )!
            .AsObject();
}
