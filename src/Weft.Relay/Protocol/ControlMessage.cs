using System.Buffers;
using System.Collections.Immutable;
using System.Net;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Weft.Relay.Protocol;

/// <summary>A header: a name and one value. A name may come more than once.</summary>
internal readonly record struct HeaderField(string Name, string Value);

/// <summary>
/// A message on the control channel, or at the head of a rendezvous for a request: one WebSocket text message of JSON
/// with one member that says which message it is. Written with a relaxed encoder, since the usual one makes six bytes
/// of each <c>+</c> and <c>&amp;</c>.
/// </summary>
internal abstract record ControlMessage
{
    /// <summary>
    /// The longest message that is sent, in bytes of UTF-8. The .NET client of Azure Relay goes deaf on a message of 64
    /// KiB; this leaves room below.
    /// </summary>
    public const int MaxSentSize = 60 * 1024;

    /// <summary>The longest message that is read, in bytes of UTF-8: 64 KiB, the protocol's own bound.</summary>
    public const int MaxReceivedSize = 64 * 1024;

    /// <summary>
    /// The largest body that goes with a message on the control channel, in bytes: 64 KiB. What is larger goes by a
    /// rendezvous.
    /// </summary>
    public const int MaxBodySize = 64 * 1024;

    private static readonly JsonWriterOptions Relaxed = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    private protected ControlMessage() { }

    /// <summary>The member that says which message it is.</summary>
    private protected abstract string Name { get; }

    /// <summary>Writes the message.</summary>
    /// <param name="limit">The most bytes that it may have.</param>
    /// <returns>The message in UTF-8; null where it would be longer, and nothing is to be sent.</returns>
    public byte[]? Write(int limit = MaxSentSize)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, Relaxed))
        {
            json.WriteStartObject();
            json.WriteStartObject(Name);
            WriteMembers(json);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return buffer.WrittenCount <= limit ? buffer.WrittenSpan.ToArray() : null;
    }

    /// <summary>Reads a message. Members that aren't known are skipped, and so is a message that isn't.</summary>
    /// <param name="message">The message; null where it is unknown, or none at all. A response whose id can be read is
    /// one, whatever else is wrong with it, since somebody waits for it.</param>
    /// <param name="fault">What is wrong with it, one line for a log; null where nothing is, unknown ones
    /// included.</param>
    /// <returns>Whether there is a message to act upon.</returns>
    public static bool TryRead(ReadOnlyMemory<byte> utf8, out ControlMessage? message, out string? fault)
    {
        (message, fault) = ControlMessageReader.Read(utf8);
        return message is not null;
    }

    /// <summary>Writes the members between the braces.</summary>
    private protected abstract void WriteMembers(Utf8JsonWriter json);

    private protected static void WriteEndpoint(Utf8JsonWriter json, IPEndPoint? endpoint)
    {
        if (endpoint is null)
            return;
        // The .NET listener reads it with IPAddress.TryParse, and whoever reads it wants the client's own address:
        // never a mapped one.
        var address = endpoint.Address.IsIPv4MappedToIPv6 ? endpoint.Address.MapToIPv4() : endpoint.Address;
        json.WriteStartObject("remoteEndpoint");
        json.WriteString("address", address.ToString());
        json.WriteNumber("port", endpoint.Port);
        json.WriteEndObject();
    }

    /// <summary>
    /// Writes headers as the members of an object: values of one name are joined by a comma, as RFC 9110 §5.2 allows.
    /// </summary>
    private protected static void WriteHeaders(Utf8JsonWriter json, string name, ImmutableArray<HeaderField> headers)
    {
        json.WriteStartObject(name);
        foreach (var header in headers.GroupBy(h => h.Name, StringComparer.OrdinalIgnoreCase))
            json.WriteString(header.Key, string.Join(", ", header.Select(h => h.Value)));
        json.WriteEndObject();
    }
}

/// <summary>Relay to listener: a sender is waiting.</summary>
/// <param name="Address">Where to meet it, used as it is: a capability, good once and for some seconds.</param>
/// <param name="ConnectHeaders">The headers it came with, but for its token.</param>
/// <param name="RemoteEndpoint">Where it came from, as the relay saw it; null where the relay doesn't say.</param>
internal sealed record AcceptMessage(
    string Address,
    string Id,
    ImmutableArray<HeaderField> ConnectHeaders,
    IPEndPoint? RemoteEndpoint
) : ControlMessage
{
    private protected override string Name => "accept";

    private protected override void WriteMembers(Utf8JsonWriter json)
    {
        json.WriteString("address", Address);
        json.WriteString("id", Id);
        WriteHeaders(json, "connectHeaders", ConnectHeaders);
        WriteEndpoint(json, RemoteEndpoint);
    }
}

/// <summary>
/// Relay to listener: an HTTP request. One that is too large for the control channel comes without method, headers and
/// body, and whole by the rendezvous: the real clients tell by these members' absence.
/// </summary>
/// <param name="Address">Where a large request is fetched, and a large response sent.</param>
/// <param name="Id">The request's id, which the response repeats.</param>
internal sealed record RequestMessage(string Address, string Id) : ControlMessage
{
    /// <summary>The HTTP method; null where the request is to be fetched.</summary>
    public string? Method { get; init; }

    /// <summary>
    /// Path and query without the relay's pairs, for example <c>/site-a/x?y=1</c>; null where the request is to be
    /// fetched.
    /// </summary>
    public string? RequestTarget { get; init; }

    /// <summary>The headers, but for the token and those of the connection.</summary>
    public ImmutableArray<HeaderField> RequestHeaders { get; init; } = [];

    /// <summary>Where it came from; null where the relay doesn't say.</summary>
    public IPEndPoint? RemoteEndpoint { get; init; }

    /// <summary>Whether one binary message with the body follows at once.</summary>
    public bool HasBody { get; init; }

    /// <summary>Whether the request is to be fetched at <see cref="Address"/>.</summary>
    public bool IsByRendezvous => Method is null;

    private protected override string Name => "request";

    private protected override void WriteMembers(Utf8JsonWriter json)
    {
        json.WriteString("address", Address);
        json.WriteString("id", Id);
        if (Method is null)
            return;
        json.WriteString("requestTarget", RequestTarget ?? "/");
        json.WriteString("method", Method);
        WriteEndpoint(json, RemoteEndpoint);
        WriteHeaders(json, "requestHeaders", RequestHeaders);
        json.WriteBoolean("body", HasBody);
    }
}

/// <summary>Listener to relay: the answer to a request.</summary>
/// <param name="StatusCode">200–999; <see cref="NoStatus"/> where the listener wrote none that a request may end
/// with.</param>
/// <param name="StatusDescription">The reason phrase; null for the usual one. What a listener wrote is to be cleaned
/// before it is sent on.</param>
/// <param name="HasBody">Whether one binary message with the body follows at once.</param>
internal sealed record ResponseMessage(
    string RequestId,
    int StatusCode,
    string? StatusDescription,
    ImmutableArray<HeaderField> ResponseHeaders,
    bool HasBody
) : ControlMessage
{
    /// <summary>What stands for a status that is none: its sender is answered all the same, and at once.</summary>
    public const int NoStatus = 0;

    private protected override string Name => "response";

    private protected override void WriteMembers(Utf8JsonWriter json)
    {
        json.WriteString("requestId", RequestId);
        json.WriteNumber("statusCode", StatusCode);
        if (StatusDescription is not null)
            json.WriteString("statusDescription", StatusDescription);
        WriteHeaders(json, "responseHeaders", ResponseHeaders);
        json.WriteBoolean("body", HasBody);
    }
}

/// <summary>Listener to relay: a token that lasts longer.</summary>
internal sealed record RenewTokenMessage(string Token) : ControlMessage
{
    /// <summary>Hides the token.</summary>
    public override string ToString() => nameof(RenewTokenMessage);

    private protected override string Name => "renewToken";

    private protected override void WriteMembers(Utf8JsonWriter json) => json.WriteString("token", Token);
}
