using System.Net;
using System.Net.Sockets;
using System.Text;
using Weft.Contracts;
using Weft.Server;
using Weft.Server.Http;

namespace Weft.Tests.Server.Http;

/// <summary>What requests of one credential, and of all, may use up (docs/specs/limits.md).</summary>
public sealed class RequestLimitTests
{
    private const int Mebibyte = 1024 * 1024;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static readonly ManagementLimits Small = ManagementLimits.Default with
    {
        BodyBytes = 6 * Mebibyte,
        BodyBytesPerCredential = 4 * Mebibyte,
    };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>What was received counts, and not what was promised; and as soon as it is given up there is room.</summary>
    [Fact]
    public async Task Bounds_BodiesInFlight_OfOneCredentialAndOfAll()
    {
        await using var server = await Start(Small);
        var (one, other) = (await server.Enrol(Documents.East, "w1"), await server.Enrol(Documents.East, "w2"));
        using (var first = await HalfSent(server, one, promised: 4 * Mebibyte, sent: 3 * Mebibyte))
        {
            using var promising = await HalfSent(server, one, promised: 4 * Mebibyte, sent: 4096);
            var bodies = server.Service<RequestLimits>().Bodies;
            await server.WaitUntil(() => bodies.Taken > 3 * Mebibyte, "what was sent has come");
            Assert.InRange(bodies.Taken, 3 * Mebibyte, (3 * Mebibyte) + (64 * 1024));
            using var second = await HalfSent(server, one, promised: 4 * Mebibyte, sent: 2 * Mebibyte);
            var refused = await second.ReadHead();
            Assert.Contains(" 429 ", refused, StringComparison.Ordinal);
            Assert.Contains("Retry-After: 1", refused, StringComparison.OrdinalIgnoreCase);

            // All together have 6 MiB: the other's 4 are too many, though it may have 4 by itself.
            using var others = await HalfSent(server, other, promised: 4 * Mebibyte, sent: 4 * Mebibyte - 1);
            Assert.Contains(" 503 ", await others.ReadHead(), StringComparison.Ordinal);
            (await server.SendAsAgent(other, "PUT", "status", Status("ok"))).Expect(204);
        }

        // Those who gave up leave their room to others.
        await server.WaitUntil(
            () => server.Service<RequestLimits>().Bodies.Taken == 0,
            "bodies given up are forgotten"
        );
        (await server.SendAsAgent(one, "PUT", "status", Status("ok"))).Expect(204);
    }

    [Fact]
    public async Task Gives_UpOnABody_ThatTakesTooLong()
    {
        await using var server = await Start(Small);
        var agent = await server.Enrol(Documents.East, "w1");
        var status = await HeldBody.Send(
            server,
            agent,
            HttpMethod.Put,
            "status",
            Status("late"),
            () =>
            {
                server.Clock.Advance(Small.BodyTimeout);
                return Task.CompletedTask;
            }
        );
        Assert.Equal(408, status);
    }

    /// <summary>Kestrel's own bound, which acts: nothing is advanced here, and who sends nothing is answered.</summary>
    [Fact]
    public async Task Answers_WhoSendsNothingMore()
    {
        await using var server = await Start(Small);
        using var slow = await HalfSent(server, await server.Enrol(Documents.East, "w1"), promised: 4096, sent: 1);
        var answer = await slow.ReadHead();
        Assert.Contains(" 408 ", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bounds_RequestsOfOneCredentialThatWait()
    {
        await using var server = await Start(Small with { WaitsPerCredential = 2 });
        var (one, other) = (await server.Enrol(Documents.East, "w1"), await server.Enrol(Documents.East, "w2"));
        var digest = (await server.SendAsAgent(one, "GET", "desired?wait=0")).Expect(200).Json["digest"]!.ToString();
        var path = $"desired?after={Uri.EscapeDataString(digest)}&wait=60";
        var waiting = Enumerable.Range(0, 2).Select(_ => server.SendAsAgent(one, "GET", path)).ToList();
        await server.WaitUntil(() => server.Service<RequestLimits>().Waits.Taken == 2, "both wait");
        foreach (var poll in AgentApi.LongPolls)
        {
            var refused = await server.SendAsAgent(one, "GET", $"{poll}?wait=0");
            Assert.Equal((429, "TooManyRequests", "1"), (refused.Status, refused.Code, refused.Header("Retry-After")));
        }

        // What doesn't wait is served, and so are others.
        (await server.SendAsAgent(one, "PUT", "status", Status("ok"))).Expect(204);
        (await server.SendAsAgent(other, "GET", "desired?wait=0")).Expect(200);

        _ = await server.Put(Documents.Kubernetes("east", ["n6"]));
        Assert.All(await Task.WhenAll(waiting), answer => Assert.Equal(200, answer.Status));
        // A place is free again a moment after the answer.
        await server.WaitUntil(() => server.Service<RequestLimits>().Waits.Taken == 0, "nobody waits");
        (await server.SendAsAgent(one, "GET", "verifications?wait=0")).Expect(204);
    }

    /// <summary>Whoever has a plan made already is told when to ask again.</summary>
    [Fact]
    public async Task Bounds_PlansAtATime()
    {
        await using var server = await Start(
            Small with
            {
                Plans = new PlanLimits { RunningPerPrincipal = 1, WaitingPerPrincipal = 0 },
            }
        );
        const string Plan = "/providers/Weft.Fleet/plan";
        using (var place = (await server.Service<PlanGate>().Enter("admin", Cancel)).Value)
        {
            var refused = (await server.Post(Plan, "{\"resources\":[]}")).Expect(429);
            Assert.Equal(("TooManyRequests", "5"), (refused.Code, refused.Header("Retry-After")));
        }

        (await server.Post(Plan, "{\"resources\":[]}")).Expect(200);
        (await server.Post(Plan, "{\"resources\":[]}")).Expect(200);
    }

    private static Task<InProcessServer> Start(ManagementLimits limits) =>
        InProcessServer.WithSite(numbers: ServerLimits.Default with { Management = limits });

    private static System.Text.Json.Nodes.JsonObject Status(string message) =>
        new()
        {
            ["digest"] = "d",
            ["revision"] = 1,
            ["state"] = "Failed",
            ["message"] = message,
        };

    /// <summary>A report whose sender stops in the middle of its body.</summary>
    private static async Task<Sender> HalfSent(InProcessServer server, string token, int promised, int sent)
    {
        var address = server.Client.BaseAddress!;
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, address.Port), Cancel);
        var head =
            $"PUT /agents/v1/status HTTP/1.1\r\nHost: {address.Authority}\r\nAuthorization: Bearer {token}\r\n"
            + $"Content-Type: application/json\r\nContent-Length: {promised}\r\n\r\n";
        await socket.SendAsync(Encoding.ASCII.GetBytes(head), Cancel);
        var sender = new Sender(socket);
        await sender.SendWhatIsTaken(new byte[sent]);
        return sender;
    }

    private sealed class Sender(Socket socket) : IDisposable
    {
        /// <summary>Who is refused in the middle of it isn't read to the end.</summary>
        public async Task SendWhatIsTaken(byte[] body)
        {
            try
            {
                await socket.SendAsync(body, Cancel);
            }
            catch (SocketException)
            {
                // The answer says why.
            }
        }

        public async Task<string> ReadHead()
        {
            var buffer = new byte[16 * 1024];
            var read = await socket.ReceiveAsync(buffer, Cancel).AsTask().WaitAsync(Limit, Cancel);
            return Encoding.ASCII.GetString(buffer, 0, read);
        }

        public void Dispose() => socket.Dispose();
    }
}
