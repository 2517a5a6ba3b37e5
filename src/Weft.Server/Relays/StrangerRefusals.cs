using System.Net;
using Weft.Relay.Server.Authorization;
using Weft.Relay.Transport;

namespace Weft.Server.Relays;

/// <summary>
/// The refusals of callers without a good token, summed by source between two takings. There may be as many of them as
/// anybody likes to cause, so each is no line of its own.
/// </summary>
internal sealed class StrangerRefusals
{
    /// <summary>How many sources are told apart at a time; those beyond are one sum.</summary>
    public const int MaxSources = 32;

    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, RefusalSum> _sources = [];
    private RefusalSum? _others;

    /// <summary>
    /// Whether an event is a refusal of somebody without a good token. A token that has expired is none: whoever found an
    /// old one might show it for ever.
    /// </summary>
    public static bool Includes(RelayEvent relayEvent) =>
        relayEvent.Kind == RelayEventKind.Refused && (relayEvent.Key is null || relayEvent.Status == 401);

    /// <summary>Adds a refusal.</summary>
    public void Add(RelayEvent refused, DateTimeOffset at)
    {
        var source = AddressNormalizer.SourceOf(refused.Source.Address);
        lock (_lock)
        {
            if (_sources.TryGetValue(source, out var sum))
                _sources[source] = sum with { Count = sum.Count + 1 };
            else if (_sources.Count < MaxSources)
                _sources[source] = new(refused, at, 1);
            else
                AddToOthers(1, at);
        }
    }

    /// <summary>Adds what couldn't be written to the sum of the others.</summary>
    public void Return(RefusalSum sum)
    {
        lock (_lock)
            AddToOthers(sum.Count, sum.Since);
    }

    /// <summary>Takes the sums out; what comes then is summed anew.</summary>
    public List<RefusalSum> Take()
    {
        lock (_lock)
        {
            var sums = _sources.Values.ToList();
            if (_others is not null)
                sums.Add(_others);
            _sources.Clear();
            _others = null;
            return sums;
        }
    }

    private void AddToOthers(long count, DateTimeOffset since) =>
        _others = _others is { } before
            ? before with
            {
                Count = before.Count + count,
                Since = before.Since < since ? before.Since : since,
            }
            : new(null, since, count);
}

/// <summary>Refusals of one source.</summary>
/// <param name="First">The first of them; null for those of many sources.</param>
/// <param name="Since">When that was.</param>
internal sealed record RefusalSum(RelayEvent? First, DateTimeOffset Since, long Count);
