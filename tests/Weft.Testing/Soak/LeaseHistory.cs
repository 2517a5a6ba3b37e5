using System.Collections.Concurrent;
using System.Diagnostics;

namespace Weft.Testing.Soak;

/// <summary>What all clients of a run did and were told.</summary>
internal sealed class LeaseHistory
{
    private readonly ConcurrentDictionary<string, int> _addresses = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> _holders = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<AddressOperation> _operations = [];
    private readonly ConcurrentQueue<Refusal> _refusals = [];
    private readonly ConcurrentQueue<string> _findings = [];
    private long _calls;
    private int _names;

    /// <summary>Answered calls.</summary>
    public long Calls => Interlocked.Read(ref _calls);

    public IReadOnlyCollection<AddressOperation> Operations => _operations;

    /// <summary>Answers that no call may get, whatever happened meanwhile, a sentence each.</summary>
    public IReadOnlyCollection<string> Findings => _findings;

    /// <summary>The ticks of this history.</summary>
    public static long Now => Stopwatch.GetTimestamp();

    /// <param name="isKnown">False where weftd hears of it some time after the answer.</param>
    public void Acquired(
        string network,
        string holder,
        IEnumerable<string> addresses,
        long began,
        bool isKnown = true
    ) => Add(AddressAction.Acquire, network, holder, addresses, began, isToldLater: !isKnown);

    /// <param name="isDone">False where it happens some time after the answer: then it has, before the next holder has it.</param>
    public void Released(string network, string holder, IEnumerable<string> addresses, long began, bool isDone) =>
        Add(AddressAction.Release, network, holder, addresses, began, isDone);

    /// <param name="holder">Null where the address was said to be free.</param>
    public void Read(string network, string address, string? holder, long began) =>
        Add(AddressAction.Read, network, holder, [address], began);

    /// <summary>Somebody was told that nothing is free.</summary>
    public void Exhausted(string network, long began)
    {
        _refusals.Enqueue(new Refusal(network, began, Now));
        _ = Interlocked.Increment(ref _calls);
    }

    public void Find(string finding) => _findings.Enqueue(finding);

    public string NameOf(AddressOperation operation) =>
        $"{operation.Action} of {_addresses.First(pair => pair.Value == operation.Address).Key} by "
        + (_holders.FirstOrDefault(pair => pair.Value == operation.Holder).Key ?? "nobody");

    /// <summary>What in this history can't be: findings, addresses, and exhaustion of what had room.</summary>
    /// <param name="sizes">How many pods each network has room for.</param>
    public IReadOnlyList<string> Check(IReadOnlyDictionary<string, int> sizes)
    {
        var operations = _operations.GroupBy(operation => operation.Address).SelectMany(Settle).ToArray();
        var late = LateReads.Split(operations, out var others);
        return
        [
            .. _findings,
            .. LinearizabilityCheck
                .FindViolations(others)
                .Concat(late.FindViolations())
                .Select(operation => $"{NameOf(operation)} fits nothing that happened before or meanwhile"),
            .. sizes.SelectMany(pair => CheckRefusals(operations, pair.Key, pair.Value)),
        ];
    }

    /// <summary>A release that happened some time after its answer has happened when the next holder was answered.</summary>
    private static IEnumerable<AddressOperation> Settle(IEnumerable<AddressOperation> ofOne)
    {
        var operations = ofOne.ToArray();
        var acquires = operations
            .Where(operation => operation.Action == AddressAction.Acquire)
            .OrderBy(operation => operation.Ended)
            .ToArray();
        return operations.Select(operation =>
            operation.Ended < long.MaxValue
                ? operation
                : operation with
                {
                    Ended = NextHolder(acquires, operation)?.Ended ?? long.MaxValue,
                }
        );
    }

    private static AddressOperation? NextHolder(AddressOperation[] acquires, AddressOperation release)
    {
        var (low, high) = (0, acquires.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = acquires[middle].Ended > release.Began ? (low, middle) : (middle + 1, high);
        }

        var next = acquires.Skip(low).FirstOrDefault(acquire => acquire.Holder != release.Holder);
        return next == default ? null : next;
    }

    /// <summary>Nothing was free only where at some moment of the call as many addresses as there are can have been in use.</summary>
    private IEnumerable<string> CheckRefusals(AddressOperation[] operations, string network, int size)
    {
        var refusals = _refusals.Where(refusal => refusal.Network == network).ToArray();
        if (refusals.Length == 0)
            yield break;
        var uses = UseCounts.Of(UsesOf([.. OfIPv4(operations, network)]));
        foreach (var refusal in refusals)
        {
            var most = uses.MostBetween(refusal.Began, refusal.Ended);
            if (most < size)
                yield return $"{network} was said to have nothing free, while {most} of {size} can have been in use";
        }
    }

    /// <summary>What was done with a network's IPv4 addresses: a pod has one of them.</summary>
    private IEnumerable<AddressOperation> OfIPv4(AddressOperation[] operations, string network)
    {
        var ofNetwork = _addresses
            .Where(pair =>
                pair.Key.StartsWith(network + " ", StringComparison.Ordinal)
                && !pair.Key.Contains(':', StringComparison.Ordinal)
            )
            .Select(pair => pair.Value)
            .ToHashSet();
        return operations.Where(operation => ofNetwork.Contains(operation.Address));
    }

    /// <summary>An address may have been in use from the beginning of its acquire to the end of its release.</summary>
    private static List<(long Began, long Ended)> UsesOf(AddressOperation[] operations)
    {
        var uses = new List<(long, long)>();
        foreach (var ofOne in operations.GroupBy(operation => (operation.Address, operation.Holder)))
        {
            long? began = null;
            foreach (var operation in ofOne.Where(o => o.Action != AddressAction.Read).OrderBy(o => o.Began))
            {
                if (operation.Action == AddressAction.Acquire)
                {
                    began ??= operation.Began;
                }
                else if (began is { } start)
                {
                    uses.Add((start, operation.Ended));
                    began = null;
                }
            }

            if (began is { } open)
                uses.Add((open, long.MaxValue));
        }

        return uses;
    }

    private void Add(
        AddressAction action,
        string network,
        string? holder,
        IEnumerable<string> addresses,
        long began,
        bool isDone = true,
        bool isToldLater = false
    )
    {
        var ended = isDone ? Now : long.MaxValue;
        var number = holder is null ? AddressOperation.Nobody : NumberOf(_holders, holder);
        foreach (var address in addresses)
            _operations.Enqueue(
                new AddressOperation(action, NumberOf(_addresses, $"{network} {address}"), number, began, ended)
                {
                    IsToldLater = isToldLater,
                }
            );
        _ = Interlocked.Increment(ref _calls);
    }

    private int NumberOf(ConcurrentDictionary<string, int> names, string name) =>
        names.GetOrAdd(name, static (_, history) => Interlocked.Increment(ref history._names), this);

    private sealed record Refusal(string Network, long Began, long Ended);
}
