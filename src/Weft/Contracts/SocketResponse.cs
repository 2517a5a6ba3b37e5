using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;

namespace Weft.Contracts;

/// <summary>What the agent answers: a lease, a refusal, or simply that it is so.</summary>
/// <param name="Lease">The lease, for <c>acquire</c>.</param>
/// <param name="Code">The code of a refusal, or null where it was none.</param>
/// <remarks>docs/specs/agent-socket.md, "Answer".</remarks>
internal sealed record SocketResponse(PodLease? Lease, string? Code, string Message)
{
    /// <summary>The answer that it is so, without its end.</summary>
    public static byte[] Done { get; } = "{}"u8.ToArray();

    /// <summary>The answer that grants a lease, without its end.</summary>
    public static byte[] Grant(PodLease lease)
    {
        var line = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            json.WritePropertyName("lease");
            JsonSerializer.Serialize(json, lease, ContractJson.Default.PodLease);
            json.WriteEndObject();
        }

        return line.WrittenSpan.ToArray();
    }

    /// <summary>The answer that refuses, without its end.</summary>
    public static byte[] Refuse(Refusal refusal) => Encoding.UTF8.GetBytes(refusal.ToErrorBody().ToJsonString());

    /// <summary>Reads an answer.</summary>
    /// <param name="line">The line, without its end.</param>
    public static bool TryRead(
        ReadOnlyMemory<byte> line,
        [NotNullWhen(true)] out SocketResponse? response,
        [NotNullWhen(false)] out string? why
    )
    {
        (response, why) = (null, null);
        try
        {
            var root = StrictJson.ParseObject(line);
            if (root.TryGetObject("error", out var error))
                response = new SocketResponse(null, error.TextOf("code") ?? "", error.TextOf("message") ?? "");
            else if (!root.TryGetObject("lease", out var json))
                response = new SocketResponse(null, null, "");
            else if (PodLease.TryRead(json, out var lease))
                response = new SocketResponse(lease, null, "");
            else
                why = $"its lease is none: {json.GetRawText()}";
        }
        catch (JsonException e)
        {
            why = e.Message;
        }

        return response is not null;
    }
}
