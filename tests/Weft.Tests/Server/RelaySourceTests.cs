using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Weft.Tests.Server;

/// <summary>
/// Rules against callers from several addresses, on one socket of both families: IPv4 comes to it mapped.
/// </summary>
public sealed class RelaySourceTests
{
    private const string Connection = $"{Documents.East}/providers/Weft.Relay/connections/default";
    private const string Rules = $"{Documents.East}/providers/Weft.Relay/networkRuleSets/default?force=true";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("""{"ipMask":"127.0.0.2"}""", "127.0.0.2,127.0.0.2:x", "127.0.0.1,127.0.0.3,::1,127.0.0.3:x")]
    [InlineData("""{"ipMask":"::1"}""", "::1", "127.0.0.1,127.0.0.2")]
    [InlineData(
        """{"ipMask":"127.0.0.2","action":"Deny"},{"ipMask":"127.0.0.0/8"}""",
        "127.0.0.1,127.255.255.254",
        "127.0.0.2,::1"
    )]
    [InlineData("""{"ipMask":"127.0.0.0/8"},{"ipMask":"127.0.0.2","action":"Deny"}""", "127.0.0.2", "::1")]
    [InlineData("""{"ipMask":"127.0.0.4/31"}""", "127.0.0.4,127.0.0.5", "127.0.0.3,127.0.0.6")]
    [InlineData("""{"ipMask":"0.0.0.0/0"}""", "127.0.0.1,127.9.9.9", "::1")]
    [InlineData("""{"ipMask":"::/0"}""", "::1", "127.0.0.1")]
    [InlineData("""{"ipMask":"0.0.0.0/0"},{"ipMask":"::/0"}""", "127.0.0.1,::1", "")]
    [InlineData("""{"ipMask":"127.0.0.0/8","appliesTo":"listeners"}""", "", "127.0.0.1,::1")]
    [InlineData("""{"ipMask":"127.0.0.0/8","services":["ssh"]}""", "", "127.0.0.1")]
    [InlineData("", "", "127.0.0.1,::1")]
    public async Task Allows_WhomTheRulesName_AndNobodyElse(string rules, string allowed, string refused)
    {
        await using var server = await InProcessServer.WithSite(
            new(new IPEndPoint(IPAddress.IPv6Any, 0), "127.0.0.1", null, null, null, [], true)
        );
        (
            await server.Put(
                new Document(Rules, RelayResourceTests.Body($$$"""{"properties":{"ipRules":[{{{rules}}}]}}"""))
            )
        ).Expect(201);
        var credentials = (await server.Post($"{Connection}/listCredentials", "")).Expect(200).Json;

        foreach (var source in allowed.Split(',', StringSplitOptions.RemoveEmptyEntries))
            Assert.StartsWith("HTTP/1.1 502 ", await Connect(server, credentials, source), StringComparison.Ordinal);
        foreach (var source in refused.Split(',', StringSplitOptions.RemoveEmptyEntries))
            Assert.StartsWith(
                $"HTTP/1.1 403 your address {source.Split(":x")[0]} is ",
                await Connect(server, credentials, source),
                StringComparison.Ordinal
            );
    }

    /// <summary>
    /// Returns the first line of the answer. With x behind it, the source says of itself that it is 127.0.0.2.
    /// </summary>
    private static async Task<string> Connect(InProcessServer server, JsonNode credentials, string source)
    {
        var from = IPAddress.Parse(source.Split(":x")[0]);
        var lie = source.EndsWith(":x", StringComparison.Ordinal)
            ? "X-Forwarded-For: 127.0.0.2\r\nForwarded: for=127.0.0.2\r\nX-Real-IP: 127.0.0.2\r\n"
            : "";
        using var tcp = new TcpClient(new IPEndPoint(from, 0));
        await tcp.ConnectAsync(
            from.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback,
            server.Relay.Port,
            Cancel
        );
        var stream = tcp.GetStream();
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes(
                $"GET /{credentials["hybridConnectionName"]}/kubernetes HTTP/1.1\r\nHost: "
                    + $"x\r\n{lie}ServiceBusAuthorization: {credentials["token"]}\r\nConnection: close\r\n\r\n"
            ),
            Cancel
        );
        using var reader = new StreamReader(stream, Encoding.ASCII);
        return (await reader.ReadToEndAsync(Cancel)).Split('\r')[0];
    }
}
