using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace Weft.Benchmarks;

/// <summary>
/// How much of the audit log strangers use up, and whether they push out what others have done (docs/specs/audit.md).
/// </summary>
internal static class AttackAudit
{
    private const int Requests = 10_000;
    private const int Sources = 1_000;
    private const double Budget = 64 * 1024;

    public static async Task Run(string program)
    {
        Console.Error.WriteLine(
            $"bench: {Requests} requests without a good credential, of {Sources} sources; {program}"
        );
        var data = Directory.CreateTempSubdirectory("weft-bench-");
        try
        {
            using var server = Start(program, data.FullName);
            var line = await server.StandardOutput.ReadLineAsync() ?? "";
            if (!line.StartsWith("weft: listening on ", StringComparison.Ordinal))
                throw new InvalidOperationException(
                    $"{program} didn't start: {await server.StandardError.ReadToEndAsync()}"
                );
            var address = new Uri(line["weft: listening on ".Length..]);
            // Nobody reads it otherwise, and a full pipe would stop the server.
            var log = server.StandardError.ReadToEndAsync();
            var refused = 0;
            await Parallel.ForEachAsync(
                Enumerable.Range(0, Sources),
                new ParallelOptions { MaxDegreeOfParallelism = 16 },
                async (source, cancel) =>
                    Interlocked.Add(ref refused, await Attack(address, source, Requests / Sources, cancel))
            );
            using (var kill = Process.Start("kill", ["-TERM", server.Id.ToString(CultureInfo.InvariantCulture)]))
                await kill.WaitForExitAsync();
            await server.WaitForExitAsync();
            _ = await log;
            var bytes = data.GetFiles("audit.log*").Sum(file => file.Length);
            new Figure("attack-audit-refused", refused, "requests", ">=", Requests).Print();
            new Figure("attack-audit-bytes-per-10000", bytes, "B", "<=", Budget).Print();
        }
        finally
        {
            data.Delete(true);
        }
    }

    /// <summary>Asks from an address of 127.0.0.0/8 as somebody who guesses.</summary>
    /// <returns>How many requests were refused with 401.</returns>
    private static async Task<int> Attack(Uri address, int source, int requests, CancellationToken cancel)
    {
        var local = new IPEndPoint(new IPAddress([127, 1, (byte)(source >> 8), (byte)source]), 0);
        using var client = new HttpClient(new SocketsHttpHandler { ConnectCallback = Connect })
        {
            BaseAddress = address,
        };
        var refused = 0;
        for (var i = 0; i < requests; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Put, $"/subscriptions/{new string('x', 200)}/{i}");
            if (i % 2 == 0)
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", $"weft_usr_{source}_{i}");
            using var answer = await client.SendAsync(request, cancel);
            if (answer.StatusCode == HttpStatusCode.Unauthorized)
                refused++;
        }

        return refused;

        async ValueTask<Stream> Connect(SocketsHttpConnectionContext context, CancellationToken aborted)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                socket.Bind(local);
                await socket.ConnectAsync(context.DnsEndPoint, aborted);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    private static Process Start(string program, string data) =>
        Process.Start(
            new ProcessStartInfo(program, ["serve", "--data", data, "--listen", "127.0.0.1:0"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }
        ) ?? throw new InvalidOperationException($"{program} can't be started");
}
