using System.Text;
using System.Text.Json.Nodes;

namespace Weft.Tests.Server;

/// <summary>
/// What is refused over HTTP: with which status, code, target, value and culprit, and with nothing written.
/// </summary>
public sealed class BadInputTests
{
    private const string N6 = $"{Documents.Cloud}/l3Networks/n6";

    public static TheoryData<string> Cases => [.. All.Keys];

    private static Dictionary<string, Case> All { get; } =
        new()
        {
            ["host bits in a prefix"] = new(
                Documents.Internal("vrf1", "more", 900, "10.9.0.5/24", "fd00:9::/64"),
                400,
                "InvalidMember",
                "properties.connectedIPv4Subnets[0].prefix",
                "10.9.0.5/24",
                null
            ),
            ["VLAN 0"] = new(
                Documents.Layer2Domain("l2isd2", 0),
                400,
                "InvalidMember",
                "properties.vlanId",
                "0 is outside of",
                null
            ),
            ["VLAN 4095"] = new(
                Documents.Layer2Domain("l2isd2", 4095),
                400,
                "InvalidMember",
                "properties.vlanId",
                "4095 is outside of",
                null
            ),
            ["VLAN beyond 32 bits"] = new(
                Documents.Layer2Domain("l2isd2", 4294967296 + 800),
                400,
                "InvalidMember",
                "properties.vlanId",
                "4294968096 is outside of",
                null
            ),
            ["MTU beyond 32 bits"] = new(
                Documents.Layer2Domain("l2isd2", 800).With("mtu", 4294967296 + 1500),
                400,
                "InvalidMember",
                "properties.mtu",
                "4294968796 is outside of",
                null
            ),
            ["prefix not of the internal network"] = new(
                Documents.Layer3("other", 606).With("ipv4ConnectedPrefix", "10.77.0.0/24"),
                409,
                "Mismatch",
                "properties.ipv4ConnectedPrefix",
                "10.77.0.0/24",
                $"{Documents.Vrf}/internalNetworks/n6-subnets"
            ),
            ["overlapping pools"] = new(
                Documents.Layer3("other", 606),
                409,
                "Overlap",
                "properties.ipv4ConnectedPrefix",
                "10.20.6.0/24",
                N6
            ),
            ["IPVLAN on L2"] = new(
                Documents.Kubernetes("third", [], ["ha"], "IPVLAN"),
                400,
                "PluginNotAllowed",
                "properties.networkConfiguration.attachedNetworkConfiguration.l2Networks[0].pluginType",
                "ha",
                $"{Documents.Cloud}/l2Networks/ha"
            ),
            ["trunk VLAN of no listed domain"] = new(
                Documents.Trunk("trunk2", 606, 999),
                400,
                "Mismatch",
                "properties.vlans[1]",
                "999",
                Documents.Vrf
            ),
            ["unknown reference"] = new(
                Documents.Layer3("other", 606, "vrf9"),
                400,
                "ReferenceNotFound",
                "properties.l3IsolationDomainId",
                "vrf9",
                $"{Documents.Fabric}/l3IsolationDomains/vrf9"
            ),
            ["static address that is reserved"] = new(
                Documents.Machine("vm1", Documents.Attached("n6", "10.20.6.2")),
                400,
                "AddressNotUsable",
                "properties.networkAttachments[0].ipv4Address",
                "10.20.6.2",
                N6
            ),
            ["static address that is held"] = new(
                Documents.Machine("vm1", Documents.Attached("n6", "10.20.6.40")),
                409,
                "AddressHeld",
                "properties.networkAttachments[0].ipv4Address",
                "10.20.6.40",
                N6
            ),
            ["two attachments with one name"] = new(
                Documents.Machine(
                    "vm1",
                    Documents.Attached("n6", null, "net0"),
                    Documents.Attached("big", null, "net0")
                ),
                409,
                "Overlap",
                "properties.networkAttachments[1].networkAttachmentName",
                "net0",
                null
            ),
            ["node that is no DNS label"] = new(
                Documents.Node("east", "a_.b").With(b => b["properties"]!["agentPool"] = "workers") with
                {
                    Id = $"{Documents.East}/providers/Weft.Fleet/nodes/n{new string('x', 63)}",
                },
                400,
                "InvalidResourceName",
                "name",
                "nxxx",
                null
            ),
            ["two nodes that are one label"] = new(
                Documents.Node("east", "a-b"),
                409,
                "Overlap",
                "name",
                "a-b",
                $"{Documents.East}/providers/Weft.Fleet/nodes/a.b"
            ),
            ["two pools of one name"] = new(
                Documents
                    .Kubernetes("third", [])
                    .With(b =>
                        b["properties"]!["initialAgentPoolConfigurations"]!
                            .AsArray()
                            .Add(b["properties"]!["initialAgentPoolConfigurations"]![0]!.DeepClone().AsObject())
                    ),
                409,
                "Overlap",
                "properties.initialAgentPoolConfigurations[1].name",
                "workers",
                null
            ),
            ["line feed behind a name"] = new(
                Documents.Layer3("other", 607).With("interfaceName", "eth1\n"),
                400,
                "InvalidMember",
                "properties.interfaceName",
                "doesn't match",
                null
            ),
            ["line feed behind a pool's name"] = new(
                Documents
                    .Kubernetes("third", [])
                    .With(b => b["properties"]!["initialAgentPoolConfigurations"]![0]!["name"] = "pool1\n"),
                400,
                "InvalidMember",
                "properties.initialAgentPoolConfigurations[0].name",
                "doesn't match",
                null
            ),
            ["null in a list of numbers"] = new(
                Documents.Trunk("trunk2", 606).With("vlans", new JsonArray(606, null)),
                400,
                "InvalidMember",
                "properties.vlans[1]",
                "null",
                null
            ),
            ["null in a list of objects"] = new(
                Documents.Machine("vm1").With("networkAttachments", new JsonArray((JsonNode?)null)),
                400,
                "InvalidMember",
                "properties.networkAttachments[0]",
                "null",
                null
            ),
            ["wrong type"] = new(
                Documents.Layer3("other", 607).With("vlan", "607"),
                400,
                "InvalidMember",
                "properties.vlan",
                "\"607\"",
                null
            ),
            ["unknown member"] = new(
                Documents.Layer3("other", 607).With("vlna", 607),
                409,
                "UnknownMember",
                "properties.vlna",
                "did you mean 'vlan'",
                null
            ),
            ["missing member"] = new(
                Documents.Layer3("other", 607).With(b => b["properties"]!.AsObject().Remove("l3IsolationDomainId")),
                400,
                "MissingMember",
                "properties.l3IsolationDomainId",
                "is required",
                null
            ),
            ["changed create-only member"] = new(
                Documents.Layer3("n6", 607),
                409,
                "ImmutableMember",
                "properties.vlan",
                "606",
                null
            ),
            ["name that doesn't fit"] = new(
                Documents.Layer3("x", 607),
                400,
                "InvalidResourceName",
                "name",
                "'x'",
                null
            ),
            ["another id in the body"] = new(
                Documents.Layer3("other", 607).With(b => b["id"] = N6),
                400,
                "InvalidMember",
                "id",
                N6,
                null
            ),
            ["group that isn't there"] = new(
                Documents.Layer3("other", 607) with
                {
                    Id =
                        $"{Documents.Subscription}/resourceGroups/rg9/providers/Microsoft.NetworkCloud/l3Networks/other",
                },
                404,
                "ResourceGroupNotFound",
                null,
                "rg9",
                $"{Documents.Subscription}/resourceGroups/rg9"
            ),
            ["parent that isn't there"] = new(
                Documents.Internal("vrf9", "more", 900, "10.9.0.0/24", "fd00:9::/64"),
                404,
                "ResourceNotFound",
                null,
                "vrf9",
                $"{Documents.Fabric}/l3IsolationDomains/vrf9"
            ),
        };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Refuses_BadDocument(string name)
    {
        var (document, _, code, target, value, culprit) = All[name];
        await using var server = await InProcessServer.WithSite();
        await server.Create(Documents.Machine("holder", Documents.Attached("n6", "10.20.6.40")));
        await server.Create(Documents.Node("east", "a.b"));
        var before = server.Revision;

        var answer = await server.Put(document);

        Assert.True(answer.Status is >= 400 and < 500, answer.Text);
        var findings = answer.Json["error"]!["details"]?.AsArray().ToArray() ?? [answer.Json["error"]];
        var finding = Assert.Single(
            findings,
            f => f!["code"]!.ToString() == code && (target is null || f["target"]?.ToString() == target)
        )!;
        Assert.Contains(value, finding["message"]!.ToString(), StringComparison.Ordinal);
        Assert.Equal(
            culprit?.ToLowerInvariant(),
            finding["additionalInfo"]?[0]!["info"]!["id"]!.ToString().ToLowerInvariant()
        );
        if (findings.Length == 1)
            Assert.Equal(Enum.Parse<RefusalCode>(code).HttpStatus(), answer.Status);
        Assert.Equal(before, server.Revision);
    }

    [Theory]
    [InlineData(N6, "east")]
    [InlineData(Documents.Vrf, "n6")]
    [InlineData($"{Documents.Vrf}/internalNetworks/n6-subnets", "n6")]
    [InlineData($"{Documents.Cloud}/clusters/cl1", "ran")]
    [InlineData($"{Documents.Fabric}/networkFabrics/fabric1", "vrf1")]
    [InlineData($"{Documents.Cloud}/cloudServicesNetworks/csn1", "west")]
    [InlineData(Documents.Group, "fabric1")]
    public async Task Refuses_Deletion_OfWhatIsInUse(string id, string user)
    {
        await using var server = await InProcessServer.WithSite();
        var before = server.Revision;

        var answer = (await server.Delete(id)).Expect(409);

        Assert.Equal("InUse", answer.Code);
        Assert.Contains(user, answer.Text, StringComparison.Ordinal);
        Assert.Contains("\"Culprit\"", answer.Text, StringComparison.Ordinal);
        Assert.Equal(before, server.Revision);
    }

    [Theory]
    [InlineData("{", "InvalidRequestContent")]
    [InlineData("nothing", "InvalidRequestContent")]
    [InlineData("[]", "InvalidRequestContent")]
    [InlineData("\"text\"", "InvalidRequestContent")]
    [InlineData("null", "InvalidRequestContent")]
    [InlineData("""{"location":"a","location":"b"}""", "InvalidRequestContent")]
    [InlineData("""{"location":"eastus","tags":{"a":"b","a":"c"}}""", "InvalidRequestContent")]
    [InlineData("""{"location":"eastus",}""", "InvalidRequestContent")]
    [InlineData("""{"location":"eastus"} {}""", "InvalidRequestContent")]
    [InlineData("""/* note */ {"location":"eastus"}""", "InvalidRequestContent")]
    [InlineData("""{"location":"\ud800"}""", "InvalidRequestContent")]
    [InlineData("""{"location":"eastus","tags":{"\udc00":"b"}}""", "InvalidRequestContent")]
    [InlineData("""{"location":7}""", "InvalidMember")]
    [InlineData("""{"location":"eastus","tags":{"a":1}}""", "InvalidMember")]
    [InlineData("""{"location":"eastus","tags":[]}""", "InvalidMember")]
    [InlineData("", "MissingMember")]
    public async Task Refuses_MalformedBody(string body, string code)
    {
        await using var server = await InProcessServer.Empty();

        var answer = (await server.Request("PUT", Documents.Group, body, [])).Expect(400);

        Assert.Equal(code, answer.Code);
        Assert.Equal(0, server.Revision);
    }

    [Fact]
    public async Task Refuses_BytesThatAreNoText()
    {
        await using var server = await InProcessServer.Empty();
        byte[] body = [.. Encoding.UTF8.GetBytes("{\"location\":\""), 0xc3, 0x28, .. Encoding.UTF8.GetBytes("\"}")];

        Assert.Equal(
            "InvalidRequestContent",
            (await server.SendAsAdministrator("PUT", $"{Documents.Group}?api-version=2021-04-01", body))
                .Expect(400)
                .Code
        );
        Assert.Equal(0, server.Revision);
    }

    [Fact]
    public async Task Refuses_BodyOfFiveMebibytes()
    {
        await using var server = await InProcessServer.Empty();
        var body = Encoding.UTF8.GetBytes($$"""{"location":"{{new string('x', 5 * 1024 * 1024)}}"}""");

        Assert.Equal(
            "RequestTooLarge",
            (await server.SendAsAdministrator("PUT", $"{Documents.Group}?api-version=2021-04-01", body))
                .Expect(413)
                .Code
        );
        Assert.Equal(0, server.Revision);
    }

    [Fact]
    public async Task Refuses_DeepNesting_AndAcceptsWhatIsAllowed()
    {
        await using var server = await InProcessServer.WithSite();
        string Nested(int depth) => $"{string.Concat(Enumerable.Repeat("{\"a\":", depth))}1{new string('}', depth)}";
        var before = server.Revision;
        var document = Documents.Kubernetes("deep", []);
        Task<ServerResponse> With(int depth) =>
            server.Request(
                "PUT",
                document.Id,
                document
                    .With("aadConfiguration", "HERE")
                    .Body.ToJsonString()
                    .Replace("\"HERE\"", Nested(depth), StringComparison.Ordinal),
                []
            );

        foreach (var depth in (int[])[63, 1000, 100_000])
            Assert.Equal("InvalidRequestContent", (await With(depth)).Expect(400).Code);
        Assert.Equal(before, server.Revision);
        _ = (await With(40)).Expect(201);
        _ = (await server.Get(document.Id)).Expect(200);
    }

    [Theory]
    [InlineData($"{N6}", 400, "MissingApiVersionParameter")]
    [InlineData($"{N6}?api-version=", 400, "MissingApiVersionParameter")]
    [InlineData($"{N6}?api-version=latest", 400, "InvalidApiVersionParameter")]
    [InlineData($"{N6}?api-version=2026-1-1", 400, "InvalidApiVersionParameter")]
    [InlineData($"{N6}?api-version=2026-10-01%0A", 400, "InvalidApiVersionParameter")]
    [InlineData($"{N6}?api-version=2019-01-01", 400, "NoRegisteredProviderFound")]
    [InlineData($"{Documents.Cloud}/l3Networks", 400, "MissingApiVersionParameter")]
    [InlineData($"{Documents.Group}", 400, "MissingApiVersionParameter")]
    [InlineData("/subscriptions", 400, "MissingApiVersionParameter")]
    [InlineData("/providers/Weft.Ipam/who?address=10.20.6.17", 400, "MissingApiVersionParameter")]
    [InlineData($"{Documents.Cloud}/operationStatuses", 404, "InvalidResourceType")]
    [InlineData(
        $"{Documents.Group}/providers/Microsoft.Compute/virtualMachines/vm?api-version=2026-10-01",
        409,
        "MissingSubscriptionRegistration"
    )]
    [InlineData($"{Documents.Cloud}/l9Networks/n?api-version=2026-10-01", 404, "InvalidResourceType")]
    [InlineData($"{Documents.Cloud}/l9Networks?api-version=2026-10-01", 404, "InvalidResourceType")]
    [InlineData("/nothing/here?api-version=2026-10-01", 400, "InvalidResourceId")]
    [InlineData($"{Documents.Cloud}/l3Networks/none?api-version=2026-10-01", 404, "ResourceNotFound")]
    [InlineData(
        $"{Documents.Subscription}/resourceGroups/rg9/providers/Microsoft.NetworkCloud/l3Networks?api-version=2026-10-01",
        404,
        "ResourceGroupNotFound"
    )]
    public async Task Refuses_Question(string path, int status, string code)
    {
        await using var server = await InProcessServer.WithSite();

        var answer = (await server.SendAsAdministrator("GET", path, null)).Expect(status);

        Assert.Equal(code, answer.Code);
        if (code == "NoRegisteredProviderFound")
            Assert.Contains("2026-10-01", answer.Json["error"]!["message"]!.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("POST", N6)]
    [InlineData("PUT", $"{N6}/providers/Weft.Ipam/leases/10.20.6.17")]
    [InlineData("POST", $"{N6}/providers/Weft.Ipam/pools/default")]
    [InlineData("PUT", $"{Documents.East}/providers/Weft.Fleet/agents/w1")]
    [InlineData("PUT", Documents.Subscription)]
    public async Task Refuses_Method(string method, string path)
    {
        await using var server = await InProcessServer.WithSite();
        var before = server.Revision;

        var answer = (await server.Request(method, path, "{}", [])).Expect(405);

        Assert.Equal("MethodNotAllowed", answer.Code);
        Assert.Equal(before, server.Revision);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("weft_adm_wrong")]
    public async Task Refuses_CallerWithoutToken(string? token)
    {
        await using var server = await InProcessServer.Empty();
        foreach (
            var path in (string[])
                [$"{N6}?api-version=2026-10-01", "/agents/v1/desired", "/", "/providers/Weft.Fleet/limits"]
        )
        {
            var answer = (await server.Send("GET", path, null, token)).Expect(401);
            Assert.Equal("AuthenticationFailed", answer.Code);
            Assert.Equal("Bearer", Assert.Single(answer.Headers.WwwAuthenticate).Scheme);
            Assert.NotEmpty(answer.Json["error"]!["message"]!.ToString());
        }
    }

    private sealed record Case(
        Document Document,
        int Status,
        string Code,
        string? Target,
        string Value,
        string? Culprit
    );
}
