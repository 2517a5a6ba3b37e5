using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text.Json.Nodes;
using Weft.Relay.Protocol;

namespace Weft.Benchmarks;

/// <summary>How long people and agents wait for weftd while very many senders wait at its relay.</summary>
internal static class AttackSenders
{
    private const int SendersPerSource = 500;
    private const double Budget = 100;
    private const string Group = "/subscriptions/5be00000-0000-4000-8000-0000000005a0/resourceGroups/site";
    private const string Namespace = $"{Group}/providers/Microsoft.Relay/namespaces/site-a";
    private const string Version = "?api-version=2024-01-01";
    private const string Connection = "silent";

    public static async Task Run(string program, bool quick)
    {
        var senders = quick ? SendersPerSource : 2_000;
        Console.Error.WriteLine($"bench: {senders} senders wait at a listener that says nothing; {program}");
        var port = RelayFolder.FreePort();
        using var server = new AttackedServer(
            program,
            """{"relay":{"acceptSeconds":300}}""",
            "--relay-listen",
            string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}")
        );
        var token = await CreateConnection(server);
        var relay = new Uri(
            string.Create(CultureInfo.InvariantCulture, $"ws://127.0.0.1:{port}/$hc/site-a/{Connection}")
        );
        using var listener = await Connect(relay, "listen", token, "127.0.0.1");
        using var over = new CancellationTokenSource();
        var quiet = await server.MeasureReads(200);
        var waiting = Enumerable
            .Range(0, senders)
            .Select(i => Wait(relay, token, i / SendersPerSource, over.Token))
            .ToList();
        await UntilPending(server, senders);
        var busy = await server.MeasureReads(200);
        Console.Error.WriteLine($"bench: p99 of reads {quiet:0.0} ms without them, {busy:0.0} ms with them");
        new Figure($"attack-senders-{senders}-read-p99", busy, "ms", "<=", Budget).Print();
        await over.CancelAsync();
        await Task.WhenAll(waiting);
    }

    private static async Task<string> CreateConnection(AttackedServer server)
    {
        await server.Do(HttpMethod.Put, $"{Group}?api-version=2021-04-01", JsonNode.Parse("""{"location":"east"}"""));
        await server.Do(
            HttpMethod.Put,
            Namespace + Version,
            JsonNode.Parse("""{"location":"east","sku":{"name":"Standard","tier":"Standard"}}""")
        );
        var rule = $"{Namespace}/authorizationRules/all";
        await server.Do(
            HttpMethod.Put,
            rule + Version,
            JsonNode.Parse("""{"properties":{"rights":["Listen","Send"]}}""")
        );
        var keys = await server.Do(HttpMethod.Post, $"{rule}/listKeys{Version}");
        await server.Do(HttpMethod.Put, $"{Namespace}/hybridConnections/{Connection}{Version}", new JsonObject());
        return SharedAccessSignature.Sign(
            $"http://localhost/site-a/{Connection}",
            "all",
            keys!["primaryKey"]!.ToString(),
            TimeProvider.System.GetUtcNow().AddHours(1)
        );
    }

    private static async Task Wait(Uri relay, string token, int source, CancellationToken over)
    {
        try
        {
            using var socket = await Connect(
                relay,
                "connect",
                token,
                string.Create(CultureInfo.InvariantCulture, $"127.0.3.{1 + source}"),
                over
            );
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException)
        {
            // Nobody has accepted it, as it was to be.
        }
    }

    private static async Task<ClientWebSocket> Connect(
        Uri relay,
        string action,
        string token,
        string source,
        CancellationToken over = default
    )
    {
        var socket = new ClientWebSocket();
        try
        {
            socket.Options.SetRequestHeader("ServiceBusAuthorization", token);
            using var handler = new SocketsHttpHandler { ConnectCallback = Dial };
            using var invoker = new HttpMessageInvoker(handler);
            await socket.ConnectAsync(
                new Uri($"{relay}?sb-hc-action={action}&sb-hc-id={Guid.NewGuid()}"),
                invoker,
                over
            );
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        async ValueTask<Stream> Dial(SocketsHttpConnectionContext context, CancellationToken aborted)
        {
            var tcp = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                tcp.Bind(new IPEndPoint(IPAddress.Parse(source), 0));
                await tcp.ConnectAsync(context.DnsEndPoint, aborted);
                return new NetworkStream(tcp, ownsSocket: true);
            }
            catch
            {
                tcp.Dispose();
                throw;
            }
        }
    }

    /// <summary>By the relay's own word.</summary>
    private static async Task UntilPending(AttackedServer server, int senders)
    {
        for (var i = 0; i < 600; i++)
        {
            var status = await server.Do(HttpMethod.Get, "/providers/Weft.Relay/status?api-version=2026-11-01");
            if (status!["waiting"]!.GetValue<int>() >= senders)
                return;
            await Task.Delay(100);
        }

        throw new InvalidOperationException($"{senders} senders never waited at once");
    }
}
