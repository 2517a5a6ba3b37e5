using System.Text.Json;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Contracts;

/// <summary>
/// Reads the bodies of requests about leases as agents send them, without a document in between: they come by the ten
/// thousand a second. Whatever is unusual is left to <see cref="PodLeaseRequest.Read"/>, which says what is wrong with it.
/// </summary>
internal static class PlainLeaseBody
{
    private static readonly string[] Texts =
    [
        "network",
        "containerId",
        "interface",
        "namespace",
        "pod",
        "uid",
        "node",
        "session",
    ];

    /// <summary>Reads a body.</summary>
    /// <param name="network">The network of an id, where it is known already; it saves taking the id apart.</param>
    /// <returns>The request; null where it has to be looked at more closely.</returns>
    public static PodLeaseRequest? TryRead(ReadOnlySpan<byte> body, Func<string, ResourceId?> network)
    {
        try
        {
            var texts = new string?[Texts.Length];
            return TryRead(body, texts, out var sequence, out var oldest)
                ? Create(texts, sequence, oldest, network)
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static bool TryRead(ReadOnlySpan<byte> body, string?[] texts, out long sequence, out long oldest)
    {
        (sequence, oldest) = (0, 0);
        var json = new Utf8JsonReader(body);
        if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
            return false;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var isRead =
                json.ValueTextEquals("sequence"u8) ? TryReadNumber(ref json, ref sequence)
                : json.ValueTextEquals("oldest"u8) ? TryReadNumber(ref json, ref oldest)
                : IndexOf(ref json) is >= 0 and var index && TryReadText(ref json, ref texts[index]);
            if (!isRead)
                return false;
        }

        return json.TokenType == JsonTokenType.EndObject && !json.Read();
    }

    private static PodLeaseRequest? Create(
        string?[] texts,
        long sequence,
        long oldest,
        Func<string, ResourceId?> network
    )
    {
        if (
            texts is not [{ } id, { } container, { } name, var space, var pod, var uid, var node, var session]
            || container.Contains('#', StringComparison.Ordinal)
            || name.Contains('#', StringComparison.Ordinal)
            || (network(id) ?? (ResourceId.TryParse(id, out var parsed) ? parsed : null)) is not { } found
            || found.Type != L3Network.ResourceType
        )
            return null;
        if (!TryCreateOrder(session, sequence, oldest, out var order))
            return null;
        return new PodLeaseRequest(new LeaseHolder(found, container, name))
        {
            Namespace = space,
            Pod = pod,
            Uid = uid,
            Node = node,
            Order = order,
        };
    }

    /// <summary>The order that three members say, all of them or none.</summary>
    /// <returns>False where they have to be looked at more closely.</returns>
    internal static bool TryCreateOrder(string? session, long sequence, long oldest, out RequestOrder? order)
    {
        order = null;
        if (session is null)
            return sequence == 0 && oldest == 0;
        if (oldest < 1 || sequence < oldest || session.Length > RequestOrder.MaxSessionLength)
            return false;
        order = new RequestOrder(session, sequence, oldest);
        return true;
    }

    private static int IndexOf(ref Utf8JsonReader json)
    {
        for (var i = 0; i < Texts.Length; i++)
        {
            if (json.ValueTextEquals(Texts[i]))
                return i;
        }

        return -1;
    }

    /// <returns>False also for what stands there twice.</returns>
    internal static bool TryReadText(ref Utf8JsonReader json, ref string? text)
    {
        if (text is not null || !json.Read() || json.TokenType != JsonTokenType.String)
            return false;
        text = json.GetString();
        return text is { Length: > 0 and <= AgentTexts.MaxLeaseText };
    }

    /// <returns>False also for what stands there twice.</returns>
    internal static bool TryReadNumber(ref Utf8JsonReader json, ref long number) =>
        number == 0
        && json.Read()
        && json.TokenType == JsonTokenType.Number
        && json.TryGetInt64(out number)
        && number > 0;
}
