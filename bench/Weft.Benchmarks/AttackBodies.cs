using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Weft.Benchmarks;

/// <summary>
/// What bodies cost weftd that one credential sends half of, and what others have of it meanwhile (docs/specs/limits.md).
/// </summary>
internal static class AttackBodies
{
    private const int Bodies = 400;
    private const int Promised = 4 * 1024 * 1024;
    private const double Budget = 64;

    public static async Task Run(string program)
    {
        Console.Error.WriteLine($"bench: {Bodies} bodies of one credential, of which half is sent; {program}");
        using var server = new AttackedServer(program);
        // What it grew by at its first requests isn't the attack's.
        _ = await server.MeasureReads(100);
        await server.Do(
            HttpMethod.Post,
            "/providers/Weft.Fleet/plan?api-version=2026-11-01",
            new JsonObject { ["resources"] = new JsonArray(), ["padding"] = new string('x', Promised / 2) }
        );
        var before = server.ResidentBytes;
        var sockets = new List<Socket>();
        try
        {
            var half = new byte[Promised / 2];
            await Parallel.ForAsync(
                0,
                Bodies,
                new ParallelOptions { MaxDegreeOfParallelism = 32 },
                async (_, cancel) =>
                {
                    var socket = await SendHalf(server, half, cancel);
                    lock (sockets)
                        sockets.Add(socket);
                }
            );
            var most = server.ResidentBytes;
            for (var i = 0; i < 30; i++)
            {
                await Task.Delay(100);
                most = Math.Max(most, server.ResidentBytes);
            }

            var read = await server.MeasureReads(100);
            Console.Error.WriteLine($"bench: {before / 1e6:0} MB before, {most / 1e6:0} MB at most");
            new Figure($"attack-half-bodies-{Bodies}-growth", (most - before) / 1e6, "MB", "<=", Budget).Print();
            new Figure("attack-half-bodies-read-p99", read, "ms", "<=", 100).Print();
        }
        finally
        {
            sockets.ForEach(socket => socket.Dispose());
        }
    }

    private static async Task<Socket> SendHalf(AttackedServer server, byte[] half, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, server.Url.Port, cancel);
        var head =
            $"POST /providers/Weft.Fleet/plan?api-version=2026-11-01 HTTP/1.1\r\nHost: {server.Url.Authority}\r\n"
            + $"Authorization: Bearer {server.Token}\r\nContent-Type: application/json\r\nContent-Length: {Promised}\r\n\r\n";
        await socket.SendAsync(Encoding.ASCII.GetBytes(head), cancel);
        try
        {
            for (var sent = 0; sent < half.Length; )
                sent += await socket.SendAsync(half.AsMemory(sent), cancel);
        }
        catch (SocketException)
        {
            // It was refused, and the rest isn't read.
        }

        return socket;
    }
}
