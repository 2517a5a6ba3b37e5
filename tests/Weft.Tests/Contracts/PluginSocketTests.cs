using System.Text;
using Weft.Contracts;

namespace Weft.Tests.Contracts;

/// <summary>The lines of the agent's socket, and what its readers refuse (docs/specs/agent-socket.md).</summary>
public sealed class PluginSocketTests
{
    private const string Id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud/l3Networks/n6";

    private static readonly SocketRequest Asking = new(SocketRequest.Acquire, Id, "c", "net1")
    {
        Namespace = "core",
        Pod = "upf-0",
        Uid = "u",
    };

    [Fact]
    public void Writes_Requests_ByteForByte()
    {
        const string Who = $"\"network\":\"{Id}\",\"containerId\":\"c\",\"interface\":\"net1\"";
        const string Whose = "\"namespace\":\"core\",\"pod\":\"upf-0\",\"uid\":\"u\"";
        Assert.Equal($$"""{"verb":"acquire",{{Who}},{{Whose}}}""" + "\n", TextOf(Asking.ToLine()));
        Assert.Equal(
            $$"""{"verb":"acquire",{{Who}},{{Whose}},"ips":["10.20.6.40"]}""" + "\n",
            TextOf((Asking with { Ips = ["10.20.6.40"] }).ToLine())
        );
        Assert.Equal(
            $$"""{"verb":"check",{{Who}},"addresses":[]}""" + "\n",
            TextOf(new SocketRequest(SocketRequest.Check, Id, "c", "net1") { Addresses = [] }.ToLine())
        );
        Assert.Equal(
            $$"""{"verb":"collect","network":"{{Id}}","configuration":"n6","valid":[{"containerId":"c","interface":"net1"}]}"""
                + "\n",
            TextOf(
                new SocketRequest(SocketRequest.Collect, Id)
                {
                    Configuration = "n6",
                    Valid = [new SocketAttachment("c", "net1")],
                }.ToLine()
            )
        );
        Assert.Equal("{\"verb\":\"status\"}\n", TextOf(new SocketRequest(SocketRequest.Status).ToLine()));
    }

    [Fact]
    public void Writes_Answers_ByteForByte()
    {
        var lease = new PodLease([new LeasedAddress("10.20.6.17/24", "10.20.6.1")], []);
        Assert.Equal(
            """{"lease":{"addresses":[{"address":"10.20.6.17/24","gateway":"10.20.6.1"}],"routes":[]}}""",
            TextOf(SocketResponse.Grant(lease))
        );
        Assert.Equal("{}", TextOf(SocketResponse.Done));
        Assert.Equal(
            """{"error":{"code":"MissingMember","message":"the request has no \u0027network\u0027","target":"network"}}""",
            TextOf(SocketResponse.Refuse(new SocketRequest("acquire").ParseHolder().Refusal!))
        );
    }

    private const string NoRequest =
        "the request is no JSON object as it must be: The JSON value could not be converted to Weft.Agent.Leases.SocketRequest.";

    [Theory]
    [InlineData("null", null, "the request is null; it must be a JSON object")]
    [InlineData("[]", "$", NoRequest + " Path: $ | LineNumber: 0 | BytePositionInLine: 1.")]
    [InlineData("""{"verb":7}""", "$.verb", NoRequest + " Path: $.verb | LineNumber: 0 | BytePositionInLine: 9.")]
    public void Refuses_ALineThatIsNoRequest(string line, string? target, string message)
    {
        var refusal = SocketRequest.Read(Encoding.UTF8.GetBytes(line)).Refusal!;
        Assert.Equal((RefusalCode.InvalidRequestContent, target), (refusal.Code, refusal.Target));
        Assert.Equal(message, refusal.Message);
    }

    [Fact]
    public void Skips_MembersThatNobodyNamed() =>
        Assert.Equal("status", SocketRequest.Read("""{"verb":"status","later":{}}"""u8).Value.Verb);

    [Theory]
    [InlineData(null, "c", "net1", "the request has no 'network'")]
    [InlineData(Id, null, "net1", "the request has no 'containerId'")]
    [InlineData(Id, "c", null, "the request has no 'interface'")]
    [InlineData(
        Id,
        "a/b",
        "net1",
        "'a/b' is no containerId: it must be 1 to 253 letters, digits, '_', '.' and '-', a letter or digit first"
    )]
    [InlineData(
        Id,
        "c",
        "..",
        "'..' is no interface: it must be 1 to 15 characters, not '.' or '..', without '/', ':' and blanks"
    )]
    public void Refuses_AHolderThatIsNone(string? network, string? container, string? name, string message) =>
        Assert.Equal(message, new SocketRequest("acquire", network, container, name).ParseHolder().Refusal?.Message);

    [Fact]
    public void Refuses_AddressesThatAreNone()
    {
        var holder = Asking.ParseHolder().Value;
        Assert.Equal("ips", (Asking with { Ips = ["10.20.6.040"] }).ToLeaseRequest(holder, "w1").Refusal?.Target);
        Assert.Equal("addresses", (Asking with { Addresses = [null] }).ParseCheckedAddresses().Refusal?.Target);
        Assert.Equal("the request has no 'addresses'", Asking.ParseCheckedAddresses().Refusal?.Message);
    }

    [Theory]
    [InlineData("""{"lease":{"addresses":[{"address":7}]}}""", "'address' is a number, not text")]
    [InlineData("""{"lease":{"addresses":[]}}""", """its lease is none: {"addresses":[]}""")]
    [InlineData("[]", "it is a list")]
    public void Refuses_AnAnswerThatIsNone(string line, string why)
    {
        Assert.False(SocketResponse.TryRead(Encoding.UTF8.GetBytes(line), out _, out var said));
        Assert.Equal(why, said);
    }

    private static string TextOf(ReadOnlyMemory<byte> line) => Encoding.UTF8.GetString(line.Span);
}
