using System.Net;
using System.Text;

namespace Weft.Relay.Tests.Server;

/// <summary>Requests and answers as bytes, for what no library would send or show.</summary>
internal static class RawExchange
{
    public const string Key = "dGhlIHNhbXBsZSBub25jZQ==";

    /// <summary>The head of a WebSocket handshake.</summary>
    public static string Handshake(string target, params string[] fields) =>
        $"GET {target} HTTP/1.1\r\nHost: attacker.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{string.Concat(fields.Select(field => field + "\r\n"))}\r\n";

    /// <summary>One whose key and version are good.</summary>
    public static string GoodHandshake(string target, params string[] fields) =>
        Handshake(target, [$"Sec-WebSocket-Key: {Key}", "Sec-WebSocket-Version: 13", .. fields]);

    /// <summary>Sends a request and reads the answer's head.</summary>
    public static async Task<string> Send(LiveRelay relay, string request, IPAddress? from = null)
    {
        await using var stream = await relay.Dial(from);
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request), TestContext.Current.CancellationToken);
        return await Head(stream);
    }

    /// <summary>Reads a head, or what comes before the connection ends.</summary>
    public static async Task<string> Head(Stream stream)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(40));
        try
        {
            while (
                !head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal)
                && await stream.ReadAsync(one, deadline.Token) == 1
            )
                head.Append((char)one[0]);
        }
        catch (IOException)
        {
            // The relay ended it.
        }

        return head.ToString();
    }

    public static string StatusLine(string head) => head.Split("\r\n")[0];
}
