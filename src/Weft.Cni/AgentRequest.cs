using System.Buffers;
using System.Text.Json;

namespace Weft.Cni;

/// <summary>What the agent is asked for.</summary>
/// <param name="Verb">The verb of the socket: <c>acquire</c>, <c>release</c>, <c>check</c> or <c>status</c>.</param>
/// <remarks>docs/specs/agent-socket.md, "Request". A member that is null stays away from the wire.</remarks>
internal sealed record AgentRequest(string Verb)
{
    /// <summary>The longest line either side may send, its end included: 64 KiB.</summary>
    internal const int MaxLineLength = 64 * 1024;

    /// <summary>The ARM id of the L3Network.</summary>
    internal string? Network { get; init; }

    /// <summary>The sandbox.</summary>
    internal string? ContainerId { get; init; }

    /// <summary>The interface in the sandbox.</summary>
    internal string? Interface { get; init; }

    /// <summary>Whose sandbox it is, so that people see it; never part of the holder's identity.</summary>
    internal RuntimeArguments? Pod { get; init; }

    /// <summary>The addresses asked for; none are not sent.</summary>
    internal IReadOnlyList<string> RequestedAddresses { get; init; } = [];

    /// <summary>The addresses the lease must hold; null for every verb but <c>check</c>.</summary>
    internal IReadOnlyList<string>? PreviousAddresses { get; init; }

    /// <summary>The request as it goes over the socket.</summary>
    /// <returns>One line of JSON, its end included.</returns>
    internal ReadOnlyMemory<byte> ToLine()
    {
        var line = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            json.WriteString("verb", Verb);
            WriteText(json, "network", Network);
            WriteText(json, "containerId", ContainerId);
            WriteText(json, "interface", Interface);
            WriteText(json, "namespace", Pod?.Namespace);
            WriteText(json, "pod", Pod?.Pod);
            WriteText(json, "uid", Pod?.Uid);
            WriteList(json, "ips", RequestedAddresses.Count == 0 ? null : RequestedAddresses);
            WriteList(json, "addresses", PreviousAddresses);
            json.WriteEndObject();
        }

        line.Write("\n"u8);
        return line.WrittenMemory;
    }

    private static void WriteText(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
            json.WriteString(name, value);
    }

    private static void WriteList(Utf8JsonWriter json, string name, IReadOnlyList<string>? values)
    {
        if (values is null)
            return;
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }
}
