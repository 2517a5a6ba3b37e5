using System.Net;
using System.Text;

namespace Weft.Relay.Tests.Server;

/// <summary>Requests and answers as bytes, for what no library would send or show.</summary>
internal static class RawExchange
{
    public const string Key = "dGhlIHNhbXBsZSBub25jZQ==";

    /// <summary>The head of a WebSocket handshake.</summary>
    public static string Handshake(string target, params string[] fields) =>
        $"GET {target} HTTP/1.1\r\nHost: attacker.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + $"{string.Concat(fields.Select(field => field + "\r\n"))}\r\n";

    /// <summary>One whose key and version are good.</summary>
    public static string GoodHandshake(string target, params string[] fields) =>
        Handshake(target, [$"Sec-WebSocket-Key: {Key}", "Sec-WebSocket-Version: 13", .. fields]);

    /// <summary>Opens a control channel, and reads the answer's head.</summary>
    public static async Task<Stream> Listen(LiveRelay relay)
    {
        var stream = await relay.Dial();
        var target = $"/$hc/{LiveRelay.Path}?sb-hc-action=listen";
        await Write(stream, GoodHandshake(target, $"ServiceBusAuthorization: {LiveRelay.ListenToken()}"));
        Assert.StartsWith("HTTP/1.1 101 ", await Head(stream), StringComparison.Ordinal);
        return stream;
    }

    /// <summary>Sends a handshake as a sender, and reads nothing.</summary>
    public static async Task<Stream> Connect(LiveRelay relay, IPAddress? from = null)
    {
        var stream = await relay.Dial(from);
        var token = $"ServiceBusAuthorization: {LiveRelay.SendToken()}";
        await Write(stream, GoodHandshake($"/$hc/{LiveRelay.Path}", token));
        return stream;
    }

    /// <summary>Sends a request for the listener's answer, and reads nothing.</summary>
    public static async Task<Stream> Request(LiveRelay relay)
    {
        var stream = await relay.Dial();
        var head = $"GET /{LiveRelay.Path} HTTP/1.1\r\nHost: x\r\nServiceBusAuthorization: {LiveRelay.SendToken()}";
        await Write(stream, head + "\r\n\r\n");
        return stream;
    }

    /// <summary>Sends a request and reads the answer's head.</summary>
    public static async Task<string> Send(LiveRelay relay, string request, IPAddress? from = null)
    {
        await using var stream = await relay.Dial(from);
        await Write(stream, request);
        return await Head(stream);
    }

    private static ValueTask Write(Stream stream, string text) =>
        stream.WriteAsync(Encoding.Latin1.GetBytes(text), Wait.Token);

    /// <summary>Reads a head, or what comes before the connection ends.</summary>
    public static async Task<string> Head(Stream stream)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        var deadline = Wait.Token;
        try
        {
            while (
                !head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal)
                && await stream.ReadAsync(one, deadline) == 1
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
