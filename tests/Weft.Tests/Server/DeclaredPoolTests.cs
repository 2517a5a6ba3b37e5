using System.Text.Json.Nodes;

namespace Weft.Tests.Server;

/// <summary>Pools over HTTP: by the defaults, declared, and filled by an import.</summary>
public sealed class DeclaredPoolTests
{
    private const string N6 = $"{Documents.Cloud}/l3Networks/n6";
    private const string Pool = $"{N6}/providers/Weft.Ipam/pools/default";

    [Fact]
    public async Task Is_ThereByTheDefaults_UntilItIsDeclared_AndAfterwards()
    {
        await using var server = await InProcessServer.WithSite();
        var before = (await server.Get(Pool)).Expect(200);
        Assert.Null(before.Json["properties"]!["exclusions"]);
        (await server.Delete(Pool)).Expect(204);

        var written = (await Put(server, """{"properties":{"exclusions":["10.20.6.4-10.20.6.9"]}}""")).Expect(201);
        await server.WaitForSuccess(written);
        var declared = (await server.Get(Pool)).Expect(200);
        Assert.Equal("10.20.6.4-10.20.6.9", declared.Json["properties"]!["exclusions"]![0]!.ToString());
        Assert.Equal(N6, declared.Json["properties"]!["network"]!.ToString());
        Assert.Equal("245", declared.Json["properties"]!["families"]![0]!["size"]!.ToString());
        // What is read can be written back, and is the same.
        (await Put(server, declared.Text)).Expect(200);
        Assert.Equal(
            Pool,
            (await server.Get($"{N6}/providers/Weft.Ipam/pools")).Expect(200).Json["value"]![0]!["id"]!.ToString()
        );

        await server.DeleteAndWait(Pool);
        Assert.Equal(before.Text, (await server.Get(Pool)).Expect(200).Text);
    }

    /// <summary>Single calls and batches alike, and from the next answer on.</summary>
    [Fact]
    public async Task Tells_WhetherAddressesAreTestedForDuplicates()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");
        async Task<(string, string)> Lease()
        {
            var request = LeaseAllocatorTests.LeaseRequest("n6", "c1");
            var alone = (await server.SendAsAgent(agent, "POST", "leases/acquire", request)).Expect(200);
            request["verb"] = "acquire";
            var batch = new JsonObject { ["items"] = new JsonArray(request) };
            var item = (await server.SendAsAgent(agent, "POST", "leases/batch", batch)).Expect(200).Json["items"]![0]!;
            return (alone.Text, item["lease"]!.ToJsonString());
        }

        var (before, inBatch) = await Lease();
        Assert.DoesNotContain("duplicateAddressDetection", before, StringComparison.Ordinal);
        Assert.Equal(before, inBatch);
        (await Put(server, """{"properties":{"duplicateAddressDetection":true}}""")).Expect(201);
        var (tested, testedInBatch) = await Lease();
        Assert.EndsWith("\"routes\":[],\"duplicateAddressDetection\":true}", tested, StringComparison.Ordinal);
        Assert.Equal(tested, testedInBatch);
    }

    [Fact]
    public async Task Gives_PodsOfSeveralPrefixes_TheLengthAndGatewayOfTheirs_AndToEachWhatIsKeptForIt()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");
        // The agent applies nothing here, so these operations go on.
        _ = (
            await server.Request(
                "PUT",
                $"{Documents.Vrf}/internalNetworks/n6-subnets",
                """
                {"properties":{"vlanId":606,"mtu":9000,"connectedIPv4Subnets":[{"prefix":"10.20.6.0/24"},{"prefix":"10.20.7.0/29"}],
                 "connectedIPv6Subnets":[{"prefix":"fd20:0:0:606::/64"}]}}
                """,
                []
            )
        ).Expect(200);
        _ = (
            await Put(
                server,
                $$$"""
                {"properties":{"prefixes":["10.20.7.0/29","10.20.6.0/24"],"gateways":["10.20.7.6","10.20.6.1","None"],
                 "reservations":[{"name":"upf","addresses":["10.20.6.77"],"for":"{{{Documents.East}}}","pod":"core/upf-7"}]}}
                """
            )
        ).Expect(201);

        Assert.Equal(
            "10.20.7.4/29 by 10.20.7.6, fd20:0:0:606::4/64 by none",
            await Acquire(server, agent, "c0", "upf-0")
        );
        Assert.Equal(
            "10.20.7.5/29 by 10.20.7.6, fd20:0:0:606::5/64 by none",
            await Acquire(server, agent, "c1", "upf-1")
        );
        Assert.Equal(
            "10.20.6.4/24 by 10.20.6.1, fd20:0:0:606::6/64 by none",
            await Acquire(server, agent, "c2", "upf-2")
        );
        Assert.Equal(
            "10.20.6.77/24 by 10.20.6.1, fd20:0:0:606::7/64 by none",
            await Acquire(server, agent, "c7", "upf-7")
        );
        var who = (await server.Get("/providers/Weft.Ipam/who?address=10.20.7.6")).Expect(200);
        Assert.Equal("Reserved", who.Json["answers"]![0]!["state"]!.ToString());
        Assert.Contains("the gateway of 10.20.7.0/29", who.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Imports_AllOrNothing()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");
        _ = await Acquire(server, agent, "c0", "upf-0");
        var before = server.Revision;

        var refused = (
            await Import(
                server,
                """{"entries":[{"address":"10.20.6.40"},{"address":"10.20.6.4"},{"address":"10.20.6.1"}]}"""
            )
        ).Expect(409);
        Assert.Equal(
            ["entries[1]", "entries[2]"],
            refused.Json["error"]!["details"]!.AsArray().Select(d => d!["target"]!.ToString()).Order()
        );
        Assert.Contains("core/upf-0", refused.Text, StringComparison.Ordinal);
        const string Good = """{"entries":[{"address":"10.20.6.40"},{"address":"10.20.6.5","name":"db"}]}""";
        var dry = (
            await Import(server, Good.Replace("{\"entries", "{\"dryRun\":true,\"entries", StringComparison.Ordinal))
        ).Expect(200);
        Assert.Equal(("2", "true"), (dry.Json["imported"]!.ToString(), dry.Json["dryRun"]!.ToJsonString()));
        Assert.Equal(before, server.Revision);

        var done = (await Import(server, Good)).Expect(200);
        Assert.Equal("2", done.Json["imported"]!.ToString());
        Assert.Equal("0", (await Import(server, Good)).Expect(200).Json["imported"]!.ToString());
        Assert.StartsWith("10.20.6.6/24", await Acquire(server, agent, "c1", "upf-1"), StringComparison.Ordinal);
        var who = (await server.Get("/providers/Weft.Ipam/who?address=10.20.6.5")).Expect(200);
        Assert.Contains("kept by the reservation 'db'", who.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Is_APartOfItsNetwork_ForRoles()
    {
        await using var server = await InProcessServer.WithSite();
        var reader = await server.IssueToken("ann", [("Reader", N6)]);
        var user = await server.IssueToken("bob", [("NetworkUser", N6)]);
        var writer = await server.IssueToken("eve", [("Contributor", N6)]);
        foreach (var token in (string[])[reader, user])
        {
            (await server.SendAs(token, "GET", Pool)).Expect(200);
            (await server.SendAs(token, "PUT", Pool, "{\"properties\":{}}")).Expect(403);
            (await server.SendAs(token, "POST", $"{Pool}/import", "{}")).Expect(403);
            (await server.SendAs(token, "DELETE", Pool)).Expect(403);
        }

        (await server.SendAs(writer, "PUT", Pool, "{\"properties\":{}}")).Expect(201);
        (await server.SendAs(writer, "POST", $"{Pool}/import", """{"entries":[{"address":"10.20.6.40"}]}""")).Expect(
            200
        );
    }

    private static Task<ServerResponse> Put(InProcessServer server, string body) =>
        server.Request("PUT", Pool, body, []);

    private static Task<ServerResponse> Import(InProcessServer server, string body) =>
        server.Post($"{Pool}/import", body);

    private static async Task<string> Acquire(InProcessServer server, string agent, string container, string pod)
    {
        var request = LeaseAllocatorTests.LeaseRequest("n6", container);
        request["pod"] = pod;
        var answer = (await server.SendAsAgent(agent, "POST", "leases/acquire", request)).Expect(200);
        return string.Join(
            ", ",
            answer.Json["addresses"]!
                .AsArray()
                .OfType<JsonObject>()
                .Select(address => $"{address["address"]} by {address["gateway"]?.ToString() ?? "none"}")
        );
    }
}
