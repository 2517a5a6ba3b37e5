using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Attachments.Verification;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Tests.Contracts;

/// <summary>The bytes of the agents' endpoint, and what its readers refuse (docs/specs/agent-api.md).</summary>
public sealed class AgentApiTests
{
    private const string Network = "/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud/l3Networks/n6";

    [Fact]
    public void Writes_AnEnrolment_ByteForByte()
    {
        Assert.Equal(
            """{"name":"w1","credentialHash":"00ff","node":"w1","version":"0.1.0"}""",
            TextOf(new EnrolmentRequest("w1", "00ff", "w1", "0.1.0").ToBytes())
        );
        Assert.Equal(
            """{"name":"c1","credentialHash":"00ff","version":"0.1.0"}""",
            TextOf(new EnrolmentRequest("c1", "00ff", null, "0.1.0").ToBytes())
        );
        Assert.Equal(
            """{"agentId":"/a/w+1","cluster":"/c"}""",
            TextOf(new EnrolmentResponse("/a/w+1", "/c").ToBytes())
        );
        Assert.Equal("""{"credentialHash":"00ff"}""", TextOf(new CredentialRequest("00ff").ToBytes()));
    }

    [Fact]
    public void Writes_AStatus_ByteForByte()
    {
        var status = new StatusReport("sha256-1", 4711, StatusReport.Failed, "it's full", "w1", "0.1.0")
        {
            Drift = [new DriftFinding("link n6 of w1", "mtu 1500, wanted 9000", true, "2026-01-02T03:04:05Z")],
            CertificateAuthority = "-----BEGIN CERTIFICATE-----\nMII+\n",
        };
        Assert.Equal(
            """
            {"digest":"sha256-1","revision":4711,"state":"Failed","message":"it\u0027s full","node":"w1","version":"0.1.0",
            "drift":[{"what":"link n6 of w1","was":"mtu 1500, wanted 9000","mended":true,"at":"2026-01-02T03:04:05Z"}],
            "certificateAuthority":"-----BEGIN CERTIFICATE-----\nMII\u002B\n"}
            """.ReplaceLineEndings(""),
            TextOf(status.ToBytes())
        );
        Assert.Equal(
            """{"digest":"sha256-1","revision":1,"state":"Applied","version":"0.1.0","drift":[]}""",
            TextOf(new StatusReport("sha256-1", 1, StatusReport.Applied, null, null, "0.1.0").ToBytes())
        );
    }

    [Fact]
    public void Writes_ARequestForALease_ByteForByte()
    {
        var request = new PodLeaseRequest(Holder("c", "net1"))
        {
            Namespace = "core",
            Pod = "upf-0",
            Uid = "u-1",
            Node = "w1",
            Ips = [Address.Parse("10.20.6.40").Value],
        };
        Assert.Equal(
            $$"""
            {"network":"{{Network}}","containerId":"c","interface":"net1",
            "namespace":"core","pod":"upf-0","uid":"u-1","node":"w1","ips":["10.20.6.40"]}
            """.ReplaceLineEndings(""),
            TextOf(request.ToBytes())
        );
        Assert.Equal(
            $$"""{"network":"{{Network}}","containerId":"c","interface":"net1"}""",
            TextOf(new PodLeaseRequest(Holder("c", "net1")).ToBytes())
        );
    }

    [Fact]
    public void Writes_ARegistration_ByteForByte()
    {
        var lease = new RegisteredLease(
            Holder("c", "net1"),
            "core/upf-0",
            [Address.Parse("10.20.6.40").Value, Address.Parse("fd00::28").Value]
        );
        Assert.Equal(
            $$"""
            {"epoch":"00ff","part":1,"isLast":true,"leases":[{"network":"{{Network}}",
            "containerId":"c","interface":"net1","pod":"core/upf-0","addresses":["10.20.6.40","fd00::28"]}]}
            """.ReplaceLineEndings(""),
            TextOf(new LeaseRegistration("00ff", 1, true, [lease]).ToBytes())
        );
        Assert.Equal(
            """{"adopted":2,"conflicts":[{"network":"/n","address":"10.20.6.40","holder":"pod a","heldBy":"pod b"}]}""",
            TextOf(
                new LeaseRegistrationResponse(2, [new LeaseConflict("/n", "10.20.6.40", "pod a", "pod b")]).ToBytes()
            )
        );
    }

    [Fact]
    public void Writes_ALease_ByteForByte() =>
        Assert.Equal(
            """
            {"addresses":[{"address":"10.20.6.17/24","gateway":"10.20.6.1"},{"address":"fd20:6::11/64"}],
            "routes":[{"dst":"10.9.0.0/16"}]}
            """.ReplaceLineEndings(""),
            TextOf(
                new PodLease(
                    [new LeasedAddress("10.20.6.17/24", "10.20.6.1"), new LeasedAddress("fd20:6::11/64")],
                    [new LeaseRoute("10.9.0.0/16")]
                ).ToBytes()
            )
        );

    [Fact]
    public void Writes_RelaysAndVerifications_ByteForByte()
    {
        var access = new RelayAccess("wss://relay.example:7434", "weft/c1", ["kubernetes"], "SAS sr=a&sig=b+c", 7);
        Assert.Equal(
            """
            {"connections":[{"relay":"wss://relay.example:7434","hybridConnectionName":"weft/c1",
            "services":["kubernetes"],"token":"SAS sr=a&sig=b+c","expiresOn":7}]}
            """.ReplaceLineEndings(""),
            TextOf(Json.ToUtf8(new RelayConnections([access]).ToJson()))
        );
        Assert.Equal("""{"connections":[]}""", TextOf(Json.ToUtf8(new RelayConnections([]).ToJson())));
        var pending = new PendingVerifications(9, [new VerificationTask("1", null, "core/upf-0", "n6")]);
        Assert.Equal(
            """{"after":9,"verifications":[{"id":"1","pod":"core/upf-0","network":"n6"}]}""",
            TextOf(Json.ToUtf8(pending.ToJson()))
        );
    }

    [Theory]
    [InlineData("""{"name":"w1"}""", "'credentialHash': '' is not a SHA-256: 64 lower-case hexadecimal digits")]
    [InlineData(
        """{"name":"W1","credentialHash":"0000000000000000000000000000000000000000000000000000000000000000"}""",
        "'name': 'W1' is not a DNS label: lower-case letters, digits and hyphens, at most 63"
    )]
    public void Refuses_AnEnrolment(string body, string message) =>
        Assert.Equal(message, EnrolmentRequest.Read(Parse(body)).Refusal?.Message);

    [Theory]
    [InlineData("""{"agentId":"","cluster":"/c"}""")]
    [InlineData("""{"agentId":"/a","cluster":""}""")]
    public void Takes_NoAnswer_ThatSaysNothing(string body) =>
        Assert.Null(EnrolmentResponse.Read(Encoding.UTF8.GetBytes(body)));

    [Theory]
    [InlineData("""{"agentId":"/a"}""")]
    [InlineData("""{"agentId":null,"cluster":"/c"}""")]
    [InlineData("[]")]
    public void Refuses_AnEnrolmentsAnswer_ThatLacksSomething(string body) =>
        Assert.Throws<JsonException>(() => EnrolmentResponse.Read(Encoding.UTF8.GetBytes(body)));

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"digest":"","revision":1,"state":"Applied"}""")]
    [InlineData("""{"digest":"d","revision":"1","state":"Applied"}""")]
    [InlineData("""{"digest":"d","revision":1,"state":"applied"}""")]
    public void Refuses_AStatus_ThatLacksSomething(string body) =>
        Assert.Equal(
            (
                RefusalCode.InvalidRequestContent,
                "a status has a digest, a revision, and a state of Applied or Failed",
                "state"
            ),
            DescribeRefusal(StatusReport.Read(Parse(body)))
        );

    [Theory]
    [InlineData("{}", "drift", "'drift' must be a list")]
    [InlineData(
        """[{"what":"a","was":"b"}]""",
        "drift[0]",
        "'drift[0]' must have 'what' and 'was', texts of 1 to 512 characters, and 'mended', true or false"
    )]
    public void Refuses_DriftThatIsNone(string drift, string target, string message) =>
        Assert.Equal(
            (RefusalCode.InvalidMember, message, target),
            DescribeRefusal(
                StatusReport.Read(Parse($$"""{"digest":"d","revision":1,"state":"Applied","drift":{{drift}}}"""))
            )
        );

    [Fact]
    public void Reads_Certificates_OnlyWhereTheyAreText()
    {
        Assert.Null(StatusReport.ReadCertificateAuthority([]).Value);
        Assert.Equal("", StatusReport.ReadCertificateAuthority(Parse("""{"certificateAuthority":""}""")).Value);
        Assert.Equal(
            (RefusalCode.InvalidMember, "'certificateAuthority' must be a text", "certificateAuthority"),
            DescribeRefusal(StatusReport.ReadCertificateAuthority(Parse("""{"certificateAuthority":7}""")))
        );
    }

    [Theory]
    [InlineData("containerId", "\"a#b\"", "'containerId' is required: up to 256 characters without '#'")]
    [InlineData("interface", "7", "'interface' is required: up to 256 characters without '#'")]
    [InlineData("network", "\"n6\"", "'network': 'n6' is no id of an L3 network")]
    [InlineData("network", "7", "'network': '' is no id of an L3 network")]
    [InlineData("ips", "\"10.0.0.1\"", "'ips' must be a list of addresses")]
    [InlineData(
        "ips",
        """["10.0.0.1","10.0.0.2"]""",
        "'ips': 10.0.0.2 is a second IPv4 address; an interface has one of each family"
    )]
    public void Refuses_ARequestForALease(string member, string value, string message)
    {
        var body = Parse(TextOf(new PodLeaseRequest(Holder("c", "net1")).ToBytes()));
        body[member] = JsonNode.Parse(value);
        Assert.Equal(message, PodLeaseRequest.Read(body).Refusal?.Message);
    }

    [Fact]
    public void Refuses_AllOfALeaseRequest_AtOnce() =>
        Assert.Equal(
            ["network", "containerId", "interface"],
            PodLeaseRequest.Read([]).Refusal!.Findings.Select(finding => finding.Target)
        );

    [Theory]
    [InlineData("""{"addresses":[],"routes":[]}""")]
    [InlineData("""{"addresses":[{"address":"10.0.0.1"}],"routes":[]}""")]
    public void Takes_NoLease_ThatHoldsNoAddress(string body) =>
        Assert.Null(PodLease.Read(Encoding.UTF8.GetBytes(body)));

    [Theory]
    [InlineData("""{"addresses":[{"address":"10.0.0.1/24"}]}""")]
    [InlineData("""{"addresses":null,"routes":[]}""")]
    [InlineData("""{"addresses":[{"gateway":"10.0.0.1"}],"routes":[]}""")]
    public void Refuses_ALease_ThatLacksSomething(string body) =>
        Assert.Throws<JsonException>(() => PodLease.Read(Encoding.UTF8.GetBytes(body)));

    [Theory]
    [InlineData("""{"relay":"wss://r","hybridConnectionName":"h","token":"","expiresOn":1}""")]
    [InlineData("""{"relay":"wss://r","hybridConnectionName":"h","token":"t"}""")]
    public void Takes_NoRelay_WithoutATokenAndItsEnd(string body) =>
        Assert.Null(RelayAccess.Read(JsonElement.Parse(body)));

    [Fact]
    public void Leaves_OutVerifications_ThatCanNotBeAnswered()
    {
        var pending = PendingVerifications.Read(JsonElement.Parse("""{"verifications":[{"pod":"a/b"},{"id":"1"}]}"""));
        Assert.Null(pending.After);
        Assert.Equal("1", Assert.Single(pending.Tasks).Id);
    }

    private static LeaseHolder Holder(string container, string name) =>
        new(ResourceId.Parse(Network).Value, container, name);

    private static string TextOf(byte[] body) => Encoding.UTF8.GetString(body);

    private static JsonObject Parse(string body) => JsonNode.Parse(body)!.AsObject();

    private static (RefusalCode?, string?, string?) DescribeRefusal<T>(Outcome<T> outcome) =>
        (outcome.Refusal?.Code, outcome.Refusal?.Message, outcome.Refusal?.Target);
}
