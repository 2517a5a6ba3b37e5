using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Weft.Relay.Protocol;

/// <summary>Reads control messages from whoever sent them: nothing that can be sent makes it throw.</summary>
internal static class ControlMessageReader
{
    /// <summary>
    /// A message is an object in an object, with headers and an endpoint one deeper, and an array of values one more.
    /// </summary>
    private const int MaxDepth = 8;

    /// <summary>Reads a message.</summary>
    /// <returns>The message or what is wrong with it; neither for a message that isn't known.</returns>
    public static (ControlMessage? Message, string? Fault) Read(ReadOnlyMemory<byte> utf8)
    {
        if (utf8.Length > ControlMessage.MaxReceivedSize)
            return (null, $"the message has {utf8.Length} bytes; {ControlMessage.MaxReceivedSize} are the most");
        try
        {
            using var document = JsonDocument.Parse(utf8, new() { MaxDepth = MaxDepth });
            return ReadMessage(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: an escaped lone surrogate, which is found only when the text is taken.
            return (null, "the message isn't JSON in UTF-8");
        }
    }

    private static (ControlMessage?, string?) ReadMessage(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
            return (null, "the message isn't an object");
        foreach (var member in root.EnumerateObject())
        {
            Func<JsonElement, (ControlMessage?, string?)>? read = member.Name switch
            {
                "accept" => ReadAccept,
                "request" => ReadRequest,
                "response" => ReadResponse,
                "renewToken" => ReadRenewToken,
                _ => null,
            };
            if (read is not null)
                return member.Value.ValueKind == JsonValueKind.Object
                    ? read(member.Value)
                    : (null, $"'{member.Name}' isn't an object");
        }

        return (null, null);
    }

    private static (ControlMessage?, string?) ReadAccept(JsonElement accept)
    {
        if (ReadText(accept, "address") is not { Length: > 0 } address || ReadText(accept, "id") is not { } id)
            return (null, "'accept' has no address or no id");
        return (new AcceptMessage(address, id, ReadHeaders(accept, "connectHeaders"), ReadEndpoint(accept)), null);
    }

    private static (ControlMessage?, string?) ReadRequest(JsonElement request)
    {
        if (ReadText(request, "address") is not { Length: > 0 } address || ReadText(request, "id") is not { } id)
            return (null, "'request' has no address or no id");
        return (
            new RequestMessage(address, id)
            {
                Method = ReadText(request, "method"),
                RequestTarget = ReadText(request, "requestTarget"),
                RequestHeaders = ReadHeaders(request, "requestHeaders"),
                RemoteEndpoint = ReadEndpoint(request),
                HasBody = ReadBoolean(request, "body"),
            },
            null
        );
    }

    private static (ControlMessage?, string?) ReadResponse(JsonElement response)
    {
        if (ReadText(response, "requestId") is not { Length: > 0 } id)
            return (null, "'response' has no requestId");
        var hasBody = ReadBoolean(response, "body");
        try
        {
            var status = ReadStatus(response);
            return (
                new ResponseMessage(
                    id,
                    status,
                    ReadText(response, "statusDescription"),
                    ReadHeaders(response, "responseHeaders"),
                    hasBody
                ),
                status == ResponseMessage.NoStatus ? "'response' has no statusCode of 200–999" : null
            );
        }
        catch (InvalidOperationException)
        {
            // An escaped lone surrogate. Whoever waits for this response gets no other.
            return (
                new ResponseMessage(id, ResponseMessage.NoStatus, null, [], hasBody),
                "'response' has text that isn't Unicode"
            );
        }
    }

    private static (ControlMessage?, string?) ReadRenewToken(JsonElement renew) =>
        ReadText(renew, "token") is { Length: > 0 } token
            ? (new RenewTokenMessage(token), null)
            : (null, "'renewToken' has no token");

    /// <summary>The libraries send a number, the protocol's documents show a string.</summary>
    private static int ReadStatus(JsonElement response)
    {
        if (!response.TryGetProperty("statusCode", out var code))
            return ResponseMessage.NoStatus;
        var status = code.ValueKind switch
        {
            JsonValueKind.Number when code.TryGetInt32(out var number) => number,
            JsonValueKind.String
                when int.TryParse(code.GetString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) =>
                number,
            _ => ResponseMessage.NoStatus,
        };
        return status is >= 200 and <= 999 ? status : ResponseMessage.NoStatus;
    }

    private static ImmutableArray<HeaderField> ReadHeaders(JsonElement holder, string name)
    {
        if (!holder.TryGetProperty(name, out var headers) || headers.ValueKind != JsonValueKind.Object)
            return [];
        var fields = ImmutableArray.CreateBuilder<HeaderField>();
        foreach (var header in headers.EnumerateObject())
        {
            IEnumerable<JsonElement> values =
                header.Value.ValueKind == JsonValueKind.Array ? header.Value.EnumerateArray() : [header.Value];
            fields.AddRange(
                values.Select(ReadScalar).OfType<string>().Select(value => new HeaderField(header.Name, value))
            );
        }

        return fields.ToImmutable();
    }

    /// <summary>Node's libraries send what the program set: Content-Length as a number, for one.</summary>
    private static string? ReadScalar(JsonElement value) =>
        value.ValueKind switch
        {
            JsonValueKind.String => value.GetString(),
            JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.GetRawText(),
            _ => null,
        };

    private static IPEndPoint? ReadEndpoint(JsonElement holder)
    {
        if (
            !holder.TryGetProperty("remoteEndpoint", out var endpoint)
            || endpoint.ValueKind != JsonValueKind.Object
            || !IPAddress.TryParse(ReadText(endpoint, "address"), out var address)
        )
            return null;
        var port =
            endpoint.TryGetProperty("port", out var number)
            && number.ValueKind == JsonValueKind.Number
            && number.TryGetUInt16(out var value)
                ? value
                : 0;
        return new(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port);
    }

    private static string? ReadText(JsonElement holder, string name) =>
        holder.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    private static bool ReadBoolean(JsonElement holder, string name) =>
        holder.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;
}
