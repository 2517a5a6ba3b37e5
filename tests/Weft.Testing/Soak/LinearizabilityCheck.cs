namespace Weft.Testing.Soak;

/// <summary>
/// Whether a history of concurrent calls can be explained by calls that happened one at a time, each at some moment between
/// its beginning and its end (linearizability, Herlihy and Wing 1990).
/// </summary>
/// <remarks>
/// An address is a register with one holder: who acquires it must find it free or their own, who releases it must have it, who
/// reads it is told its holder. A history is linearizable where that of each address is. For one address all states are followed
/// that the calls so far can have led to; a call that ends must have taken effect in each of them.
/// </remarks>
internal static class LinearizabilityCheck
{
    /// <summary>No more calls about one address may be under way at a time: a set of them is a word of 64 bits.</summary>
    public const int MaxConcurrent = 64;

    /// <summary>Looks for addresses whose history can't be explained.</summary>
    /// <param name="operations">In any order.</param>
    /// <returns>For each such address the first call at whose end no explanation was left.</returns>
    /// <exception cref="ArgumentException">More than <see cref="MaxConcurrent"/> calls about one address at a time.</exception>
    public static IReadOnlyList<AddressOperation> FindViolations(IEnumerable<AddressOperation> operations) =>
        [
            .. operations
                .GroupBy(operation => operation.Address)
                .Select(group => FindViolation([.. group]))
                .OfType<AddressOperation>(),
        ];

    private static AddressOperation? FindViolation(AddressOperation[] operations)
    {
        var states = new HashSet<State> { new(AddressOperation.Nobody, 0) };
        var pending = new AddressOperation?[MaxConcurrent];
        var places = new int[operations.Length];
        foreach (var (index, begins) in InOrder(operations))
        {
            if (begins)
            {
                places[index] = Array.FindIndex(pending, operation => operation is null);
                if (places[index] < 0)
                    throw new ArgumentException($"more than {MaxConcurrent} calls about one address at a time");
                pending[places[index]] = operations[index];
                continue;
            }

            var bit = 1UL << places[index];
            Follow(states, pending, bit);
            states =
            [
                .. states
                    .Where(state => (state.Done & bit) != 0)
                    .Select(state => state with { Done = state.Done & ~bit }),
            ];
            pending[places[index]] = null;
            if (states.Count == 0)
                return operations[index];
        }

        return null;
    }

    /// <summary>Beginnings and ends as they came. Of one tick beginnings are first: that forbids least.</summary>
    private static IEnumerable<(int Index, bool Begins)> InOrder(AddressOperation[] operations) =>
        operations
            .SelectMany((operation, index) => new[] { (operation.Began, false, index), (operation.Ended, true, index) })
            .Order()
            .Select(moment => (moment.index, !moment.Item2));

    /// <summary>Adds every state that calls under way can lead to, until the one that ends has taken effect.</summary>
    private static void Follow(HashSet<State> states, AddressOperation?[] pending, ulong ends)
    {
        var left = new Stack<State>(states.Where(state => (state.Done & ends) == 0));
        while (left.TryPop(out var state))
        {
            for (var place = 0; place < pending.Length; place++)
            {
                var bit = 1UL << place;
                if (pending[place] is not { } operation || (state.Done & bit) != 0 || !Allows(state.Holder, operation))
                    continue;
                var next = new State(HolderAfter(state.Holder, operation), state.Done | bit);
                if (states.Add(next) && bit != ends)
                    left.Push(next);
            }
        }
    }

    private static bool Allows(int holder, AddressOperation operation) =>
        operation.Action switch
        {
            AddressAction.Acquire => holder == AddressOperation.Nobody || holder == operation.Holder,
            _ => holder == operation.Holder,
        };

    private static int HolderAfter(int holder, AddressOperation operation) =>
        operation.Action switch
        {
            AddressAction.Acquire => operation.Holder,
            AddressAction.Release => AddressOperation.Nobody,
            _ => holder,
        };

    /// <summary>One explanation of what has happened so far.</summary>
    /// <param name="Done">Which of the calls under way have taken effect, a bit for each.</param>
    private readonly record struct State(int Holder, ulong Done);
}
