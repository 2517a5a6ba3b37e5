using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Weft.Tests.Server;

/// <summary>
/// The relay in weftd: a listener and a sender over real sockets, let in by tokens of the API and by its network rules.
/// </summary>
public sealed class RelayHostTests
{
    private const string Connection = $"{Documents.East}/providers/Weft.Relay/connections/default";
    private const string Rules = $"{Documents.East}/providers/Weft.Relay/networkRuleSets/default?force=true";
    private const string Hosted =
        $"{Documents.Cloud}/clusters/cl1/providers/Weft.Relay/networkRuleSets/default?force=true";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Joins_SenderAndListener_ByTokensOfTheApi()
    {
        await using var server = await RelayResourceTests.Start(relay: true);
        using var listener = await Listen(server);

        using var sender = new ClientWebSocket();
        using var answering = await AcceptSender(listener, Send(server, sender));
        await sender.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Binary, true, Cancel);

        Assert.Equal("hello", await Receive(answering));
        var status = (await server.Get("/providers/Weft.Relay/status")).Expect(200).Json;
        Assert.Equal("kubernetes", Assert.Single(status["sessions"]!.AsArray())!["service"]!.ToString());
        Assert.Single(status["listeners"]!.AsArray());
    }

    [Theory]
    [InlineData(Rules)]
    [InlineData(Hosted)]
    public async Task Closes_SessionsThatAreNoLongerAllowed_AndTellsTheNextOneWhy(string rules)
    {
        await using var server = await RelayResourceTests.Start(relay: true);
        using var listener = await Listen(server);
        using var sender = new ClientWebSocket();
        using var answering = await AcceptSender(listener, Send(server, sender));

        (
            await server.Put(
                new Document(
                    rules,
                    RelayResourceTests.Body(
                        """{"properties":{"ipRules":[{"ipMask":"127.0.0.0/8","appliesTo":"listeners"},{"ipMask":"192.0.2.0/24"}]}}"""
                    )
                )
            )
        ).Expect(201);
        var cut = await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            if (
                (await sender.ReceiveAsync(new byte[16], Cancel).WaitAsync(TimeSpan.FromSeconds(5), Cancel)).MessageType
                == WebSocketMessageType.Close
            )
                throw new WebSocketException("closed");
        });
        using var next = new ClientWebSocket();
        var refused = await Assert.ThrowsAsync<WebSocketException>(() => Send(server, next));

        Assert.IsNotType<TimeoutException>(cut);
        Assert.Contains("403", refused.Message, StringComparison.Ordinal);
        Assert.Equal(WebSocketState.Open, listener.State);
        (await server.Delete(rules)).Expect(200);
        using var last = new ClientWebSocket();
        using var again = await AcceptSender(listener, Send(server, last));
    }

    [Theory]
    [InlineData("sender", "listen")]
    [InlineData("listener", "connect")]
    public async Task Refuses_TokenOfTheOtherRight(string role, string action)
    {
        await using var server = await RelayResourceTests.Start(relay: true);
        using var socket = new ClientWebSocket();
        var refused = await Assert.ThrowsAsync<WebSocketException>(() => Connect(server, socket, role, action, ""));
        Assert.Contains("403", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_TokensOfAClusterThatWasMadeAnew()
    {
        await using var server = await RelayResourceTests.Start(relay: true);
        var old = (await server.Post($"{Connection}/listCredentials", """{"role":"listener"}""")).Expect(200).Json;
        await server.DeleteAndWait(Documents.East);
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        await server.Create(Documents.Kubernetes("east", ["n6", "big", "tiny"], ["ha"]));
        using var socket = new ClientWebSocket();
        var refused = await Assert.ThrowsAsync<WebSocketException>(() => Connect(server, socket, old, "listen", ""));
        Assert.Contains("401", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Audits_EachConnectionAndRefusal_AndNoToken()
    {
        await using var server = await RelayResourceTests.Start(relay: true);
        using (var listener = await Listen(server))
        using (var sender = new ClientWebSocket())
        {
            using var answering = await AcceptSender(listener, Send(server, sender));
            (await server.Put(new Document(Rules, RelayResourceTests.Body("{}")))).Expect(201);
            using var next = new ClientWebSocket();
            await Assert.ThrowsAsync<WebSocketException>(() => Send(server, next));
        }

        var path = Path.Join(server.Data, "relay-audit.log");
        await server.WaitUntil(
            () =>
                File.Exists(path)
                && Lines(path).Any(l => l["event"]!.ToString() == "SessionClosed")
                && Lines(path).Any(l => l["event"]!.ToString() == "Refused"),
            "a log"
        );
        var lines = Lines(path);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite,
            File.GetUnixFileMode(Path.Join(server.Data, "relay.key"))
        );
        Assert.Contains(
            lines,
            l =>
                l["event"]!.ToString() == "SessionOpened"
                && l["key"]!.ToString() == "send"
                && l["source"]!.ToString() == "127.0.0.1"
        );
        Assert.Contains(
            lines,
            l => l["event"]!.ToString() == "Refused" && l["rule"]?.ToString() == "cluster east: deny by default"
        );
        Assert.Contains(
            lines,
            l => l["event"]!.ToString() == "CredentialsIssued" && l["principal"]!.ToString() == "admin"
        );
        Assert.DoesNotContain(
            "SharedAccessSignature",
            await File.ReadAllTextAsync(path, Cancel),
            StringComparison.Ordinal
        );
    }

    /// <summary>
    /// Who has no token is told the same of a cluster that is there and of one that isn't, and leaves a line a minute.
    /// </summary>
    [Fact]
    public async Task Answers_StrangersAlike_AndSumsThem()
    {
        await using var server = await RelayResourceTests.Start(relay: true);
        var east = (await server.Get(Connection)).Json["properties"]!["hybridConnectionName"]!.ToString();
        var answers = new HashSet<string>();
        for (var i = 0; i < 40; i++)
        {
            foreach (var path in (string[])[east, $"{east}-{i}", $"site-a/absent{i}", $"absent{i}"])
            {
                var answer = await AskWithoutToken(server, IPAddress.Parse($"127.0.3.{1 + i}"), path);
                answers.Add(answer.Replace($". Path:{path}", "", StringComparison.Ordinal).Split("TrackingId")[0]);
            }
        }

        Assert.Equal("HTTP/1.1 401 The token is missing or malformed. ", Assert.Single(answers));
        server.Clock.Advance(TimeSpan.FromMinutes(1));
        var log = Path.Join(server.Data, "relay-audit.log");
        await server.WaitUntil(
            () => File.Exists(log) && Lines(log).Count >= 33,
            "a line for each source and the others"
        );
        var lines = Lines(log);
        Assert.Equal((33, 160), (lines.Count, lines.Sum(line => line["count"]!.GetValue<int>())));
        Assert.Single(lines, line => line["source"] is null);
    }

    /// <summary>Returns the first line of the answer.</summary>
    private static async Task<string> AskWithoutToken(InProcessServer server, IPAddress from, string path)
    {
        using var tcp = new TcpClient(new IPEndPoint(from, 0));
        await tcp.ConnectAsync(IPAddress.Loopback, server.Relay.Port, Cancel);
        var stream = tcp.GetStream();
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes($"GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
            Cancel
        );
        return (await ReadToEnd(stream)).Split('\r')[0];
    }

    [Theory]
    [InlineData("203.0.113.7", null, "HTTP/1.1 50")]
    [InlineData(
        "198.51.100.1",
        null,
        "HTTP/1.1 403 your address 198.51.100.1 is not in the networks that east lets in to kubernetes"
    )]
    [InlineData("198.51.100.1", "203.0.113.7", "HTTP/1.1 403 your address 198.51.100.1")]
    [InlineData(null, "203.0.113.7", "")]
    public async Task Evaluates_TheAddressThatAListedProxySends_AndNoHeaderAnybodyCanWrite(
        string? proxied,
        string? forwarded,
        string answer
    )
    {
        await using var server = await InProcessServer.WithSite(
            new(
                new IPEndPoint(IPAddress.Loopback, 0),
                "127.0.0.1",
                null,
                null,
                null,
                [Weft.Addressing.Prefix.Parse("127.0.0.0/8").Value],
                false
            )
        );
        (
            await server.Put(
                new Document(
                    Rules,
                    RelayResourceTests.Body("""{"properties":{"ipRules":[{"ipMask":"203.0.113.0/24"}]}}""")
                )
            )
        ).Expect(201);
        var credentials = (await server.Post($"{Connection}/listCredentials", "")).Expect(200).Json;
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, server.Relay.Port, Cancel);
        var stream = tcp.GetStream();
        // PROXY protocol 2.2: signature, version and command, TCP over IPv4, twelve bytes of addresses and ports.
        byte[] header = proxied is null
            ? []
            :
            [
                .. "\r\n\r\n\0\r\nQUIT\n"u8,
                0x21,
                0x11,
                0,
                12,
                .. IPAddress.Parse(proxied).GetAddressBytes(),
                127,
                0,
                0,
                1,
                0x12,
                0x34,
                0x1d,
                0x0a,
            ];
        var lie = forwarded is null ? "" : $"X-Forwarded-For: {forwarded}\r\nForwarded: for={forwarded}\r\n";
        await stream.WriteAsync(
            (byte[])
                [
                    .. header,
                    .. Encoding.ASCII.GetBytes(
                        $"GET /{credentials["hybridConnectionName"]}/kubernetes HTTP/1.1\r\nHost: "
                            + $"x\r\n{lie}ServiceBusAuthorization: {credentials["token"]}\r\nConnection: close\r\n\r\n"
                    ),
                ],
            Cancel
        );
        var said = await ReadToEnd(stream);
        Assert.True(answer.Length == 0 ? said.Length == 0 : said.StartsWith(answer, StringComparison.Ordinal), said);
    }

    /// <summary>What is sent before the connection ends, however it ends.</summary>
    private static async Task<string> ReadToEnd(NetworkStream stream)
    {
        var text = new StringBuilder();
        var buffer = new byte[4096];
        try
        {
            for (
                int read;
                (read = await stream.ReadAsync(buffer, Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(15), Cancel))
                    > 0;

            )
                text.Append(Encoding.UTF8.GetString(buffer, 0, read));
        }
        catch (IOException)
        {
            // Reset: who must not connect is told nothing.
        }

        return text.ToString();
    }

    private static List<JsonNode> Lines(string path)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return
        [
            .. reader
                .ReadToEnd()
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => JsonNode.Parse(line)!),
        ];
    }

    /// <summary>A listener at the east cluster's connection.</summary>
    internal static async Task<ClientWebSocket> Listen(InProcessServer server)
    {
        var socket = new ClientWebSocket();
        await Connect(server, socket, "listener", "listen", "");
        // The handshake is done a moment before the listener is in the roster.
        while ((await server.Get(Connection)).Json["properties"]!["listenerCount"]!.GetValue<int>() == 0)
            await Task.Delay(10, Cancel);
        return socket;
    }

    private static Task Send(InProcessServer server, ClientWebSocket socket) =>
        Connect(server, socket, "sender", "connect", "/kubernetes");

    private static async Task Connect(
        InProcessServer server,
        ClientWebSocket socket,
        string role,
        string action,
        string suffix
    ) =>
        await Connect(
            server,
            socket,
            (await server.Post($"{Connection}/listCredentials", $$"""{"role":"{{role}}"}""")).Expect(200).Json,
            action,
            suffix
        );

    private static async Task Connect(
        InProcessServer server,
        ClientWebSocket socket,
        JsonNode credentials,
        string action,
        string suffix
    )
    {
        socket.Options.SetRequestHeader("ServiceBusAuthorization", credentials["token"]!.ToString());
        await socket
            .ConnectAsync(
                new Uri(
                    $"{credentials["relay"]}/$hc/{credentials["hybridConnectionName"]}{suffix}?sb-hc-action={action}"
                ),
                Cancel
            )
            .WaitAsync(TimeSpan.FromSeconds(10), Cancel);
    }

    /// <summary>Takes the sender that comes next, as a listener does.</summary>
    private static async Task<ClientWebSocket> AcceptSender(ClientWebSocket listener, Task sending)
    {
        var accept = JsonNode.Parse(await Receive(listener))!["accept"]!;
        var answering = new ClientWebSocket();
        await answering
            .ConnectAsync(new Uri(accept["address"]!.ToString()), Cancel)
            .WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        await sending;
        return answering;
    }

    private static async Task<string> Receive(ClientWebSocket socket)
    {
        var buffer = new byte[64 * 1024];
        var result = await socket.ReceiveAsync(buffer, Cancel).WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        return Encoding.UTF8.GetString(buffer, 0, result.Count);
    }
}
