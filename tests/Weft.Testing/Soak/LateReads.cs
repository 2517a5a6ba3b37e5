namespace Weft.Testing.Soak;

/// <summary>
/// What weftd said of addresses that agents gave of blocks of their own. It hears of that some time later, so such a read isn't one
/// of the register's (<see cref="LinearizabilityCheck"/>). It must name somebody who can have the address as far as weftd knows,
/// and nobody but the holder while that has it from weftd itself.
/// </summary>
internal sealed class LateReads
{
    private readonly AddressOperation[] _operations;

    private LateReads(AddressOperation[] operations) => _operations = operations;

    /// <summary>Takes them out of a history.</summary>
    /// <param name="others">All that isn't such a read.</param>
    public static LateReads Split(AddressOperation[] operations, out AddressOperation[] others)
    {
        var late = operations
            .Where(operation => operation.IsToldLater)
            .Select(operation => operation.Address)
            .ToHashSet();
        others =
        [
            .. operations.Where(operation =>
                operation.Action != AddressAction.Read || !late.Contains(operation.Address)
            ),
        ];
        return new LateReads([.. operations.Where(operation => late.Contains(operation.Address))]);
    }

    /// <summary>Looks for reads that can't be.</summary>
    public IEnumerable<AddressOperation> FindViolations() =>
        _operations.GroupBy(operation => operation.Address).SelectMany(ofOne => FindViolations([.. ofOne]));

    private static IEnumerable<AddressOperation> FindViolations(AddressOperation[] ofOne)
    {
        var uses = ofOne
            .Where(operation => operation.Action != AddressAction.Read)
            .GroupBy(operation => operation.Holder)
            .Select(Use.Of)
            .OfType<Use>()
            .ToArray();
        return ofOne.Where(operation => operation.Action == AddressAction.Read && !CanBe(operation, uses));
    }

    private static bool CanBe(AddressOperation read, Use[] uses)
    {
        if (uses.FirstOrDefault(use => use.IsKnownThroughout(read)) is { } known)
            return read.Holder == known.Holder;
        if (read.Holder == AddressOperation.Nobody)
            return true;
        return uses.FirstOrDefault(use => use.Holder == read.Holder) is { } named
            && named.Began <= read.Ended
            && (named.IsToldLater ? !uses.Any(use => use.IsKnownAfter(named, read)) : named.Ended >= read.Began);
    }

    /// <summary>From when to when a pod may have had the address, and surely had it.</summary>
    /// <param name="Began">When it was first asked for.</param>
    /// <param name="Given">When that was answered.</param>
    /// <param name="GivenUp">When it was begun to be given back.</param>
    /// <param name="Ended">When that had surely happened.</param>
    private sealed record Use(int Holder, long Began, long Given, long GivenUp, long Ended, bool IsToldLater)
    {
        /// <returns>Null where nothing was acquired.</returns>
        public static Use? Of(IGrouping<int, AddressOperation> ofHolder)
        {
            var acquires = ofHolder.Where(operation => operation.Action == AddressAction.Acquire).ToArray();
            var releases = ofHolder.Where(operation => operation.Action == AddressAction.Release).ToArray();
            return acquires.Length == 0
                ? null
                : new Use(
                    ofHolder.Key,
                    acquires.Min(operation => operation.Began),
                    acquires.Min(operation => operation.Ended),
                    releases.Select(operation => operation.Began).DefaultIfEmpty(long.MaxValue).Min(),
                    releases.Select(operation => operation.Ended).DefaultIfEmpty(long.MaxValue).Max(),
                    acquires.Any(operation => operation.IsToldLater)
                );
        }

        public bool IsKnownThroughout(AddressOperation read) =>
            !IsToldLater && Given <= read.Began && GivenUp >= read.Ended;

        /// <summary>weftd gave the address itself, later than an agent gave it to somebody: then it has heard of the end of that.</summary>
        public bool IsKnownAfter(Use other, AddressOperation read) =>
            !IsToldLater && Began > other.Given && Given <= read.Began;
    }
}
