using System.Text.Json;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Contracts;

/// <summary>
/// Reads batches of requests about leases as agents send them, without a document in between. Whatever is unusual is left
/// to <see cref="LeaseBatchBody.Read"/>, which says what is wrong with it.
/// </summary>
internal ref struct PlainLeaseBatch
{
    private const int Verb = 0;
    private const int Network = 1;
    private const int Container = 2;
    private const int Interface = 3;
    private const int Namespace = 4;
    private const int Pod = 5;
    private const int Uid = 6;
    private const int Node = 7;
    private const int Members = 8;

    private readonly Func<string, ResourceId?> _network;

    // Of the item before: what is the same again, as networks and nodes mostly are, is neither made nor looked up again.
    private readonly string?[] _before = new string?[Members];
    private readonly string?[] _texts = new string?[Members];
    private ResourceId? _found;
    private Utf8JsonReader _json;

    private PlainLeaseBatch(ReadOnlySpan<byte> body, Func<string, ResourceId?> network)
    {
        _json = new Utf8JsonReader(body);
        _network = network;
    }

    /// <summary>Reads a body.</summary>
    /// <param name="network">The network of an id, where it is known already.</param>
    /// <returns>The items; null where it has to be looked at more closely.</returns>
    public static List<BatchedLeaseRequest>? TryRead(ReadOnlySpan<byte> body, Func<string, ResourceId?> network)
    {
        try
        {
            return new PlainLeaseBatch(body, network).Read();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private List<BatchedLeaseRequest>? Read()
    {
        string? session = null;
        long sequence = 0,
            oldest = 0;
        List<BatchedLeaseRequest>? items = null;
        if (!_json.Read() || _json.TokenType != JsonTokenType.StartObject)
            return null;
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            // Where the items stand first, their order isn't known yet.
            var isRead =
                items is null
                && (
                    _json.ValueTextEquals("session"u8) ? PlainLeaseBody.TryReadText(ref _json, ref session)
                    : _json.ValueTextEquals("sequence"u8) ? PlainLeaseBody.TryReadNumber(ref _json, ref sequence)
                    : _json.ValueTextEquals("oldest"u8) ? PlainLeaseBody.TryReadNumber(ref _json, ref oldest)
                    : _json.ValueTextEquals("items"u8)
                        && PlainLeaseBody.TryCreateOrder(session, sequence, oldest, out var order)
                        && (items = ReadItems(order)) is not null
                );
            if (!isRead)
                return null;
        }

        return _json.TokenType == JsonTokenType.EndObject && !_json.Read() ? items : null;
    }

    private List<BatchedLeaseRequest>? ReadItems(RequestOrder? first)
    {
        if (!_json.Read() || _json.TokenType != JsonTokenType.StartArray)
            return null;
        var items = new List<BatchedLeaseRequest>();
        while (_json.Read() && _json.TokenType == JsonTokenType.StartObject)
        {
            if (
                items.Count == LeaseBatchBody.MaxItems
                || !TryReadMembers()
                || Create(first?.Plus(items.Count)) is not { } item
            )
                return null;
            items.Add(item);
        }

        return _json.TokenType == JsonTokenType.EndArray && items.Count > 0 ? items : null;
    }

    private bool TryReadMembers()
    {
        _texts.AsSpan().CopyTo(_before);
        _texts.AsSpan().Clear();
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            var index = IndexOf(_json.ValueSpan);
            if (index < 0 || _texts[index] is not null || !_json.Read() || _json.TokenType != JsonTokenType.String)
                return false;
            _texts[index] =
                _before[index] is { } same && _json.ValueTextEquals(same.AsSpan()) ? same : _json.GetString();
            if (_texts[index] is not { Length: > 0 and <= AgentTexts.MaxLeaseText })
                return false;
        }

        return _json.TokenType == JsonTokenType.EndObject;
    }

    private BatchedLeaseRequest? Create(RequestOrder? order)
    {
        if (
            LeaseBatchBody.VerbOf(_texts[Verb]) is not { } verb
            || _texts[Container] is not { } container
            || container.Contains('#', StringComparison.Ordinal)
            || _texts[Interface] is not { } name
            || name.Contains('#', StringComparison.Ordinal)
            || FindNetwork() is not { } network
        )
            return null;
        return new BatchedLeaseRequest(
            verb,
            new PodLeaseRequest(new LeaseHolder(network, container, name))
            {
                Namespace = _texts[Namespace],
                Pod = _texts[Pod],
                Uid = _texts[Uid],
                Node = _texts[Node],
                Order = order,
            }
        );
    }

    private ResourceId? FindNetwork()
    {
        if (_texts[Network] is not { } id)
            return null;
        if (ReferenceEquals(id, _before[Network]))
            return _found;
        _found = _network(id) ?? (ResourceId.TryParse(id, out var parsed) ? parsed : null);
        return _found = _found?.Type == L3Network.ResourceType ? _found : null;
    }

    private static int IndexOf(ReadOnlySpan<byte> name) =>
        name.Length switch
        {
            3 => name.SequenceEqual("pod"u8) ? Pod
            : name.SequenceEqual("uid"u8) ? Uid
            : -1,
            4 => name.SequenceEqual("verb"u8) ? Verb
            : name.SequenceEqual("node"u8) ? Node
            : -1,
            7 => name.SequenceEqual("network"u8) ? Network : -1,
            9 => name.SequenceEqual("interface"u8) ? Interface
            : name.SequenceEqual("namespace"u8) ? Namespace
            : -1,
            11 => name.SequenceEqual("containerId"u8) ? Container : -1,
            _ => -1,
        };
}
