using System.Collections.Immutable;

namespace Weft.Addressing;

/// <summary>Which free address a pod is given. Machines and nodes have the lowest, so that a plan can say which.</summary>
internal enum PoolChoice
{
    /// <summary>The next behind the one that was picked last; the default.</summary>
    Next,

    /// <summary>The lowest.</summary>
    Lowest,

    /// <summary>Any.</summary>
    Random,
}

/// <summary>How long what was given up rests before others are given it, at a certain time.</summary>
/// <remarks>Source: docs/specs/addressing.md, "Rest".</remarks>
internal sealed record RestRules
{
    /// <summary>The default for how long a named pod's address is kept for it, in seconds: an hour, a node's repair.</summary>
    public const int DefaultKeepSeconds = 3_600;

    /// <summary>Nothing rests.</summary>
    public static readonly RestRules None = new();

    /// <summary>How many of those that rest a request looks at, at most.</summary>
    private const int MaxLookedAt = 1_024;

    /// <summary>The time, by the store's <see cref="LeaseClock"/>, in milliseconds.</summary>
    public long Now { get; init; }

    /// <summary>How long an address cools, in milliseconds. Default: 0.</summary>
    public long CoolDown { get; init; }

    /// <summary>Whether an address that cools is given where nothing else is free. Default: yes.</summary>
    public bool ReusesCooling { get; init; } = true;

    /// <summary>The pods that find their addresses again: <c>NAMESPACE/NAME</c>, where <c>*</c> stands for anything.</summary>
    public ImmutableArray<string> StickyPods { get; init; } = [];

    /// <summary>How long these are kept, in milliseconds.</summary>
    public long Keep { get; init; }

    /// <summary>Whether one has cooled down.</summary>
    public bool HasCooled(Rest rest) => Age(rest) >= CoolDown;

    /// <summary>How long one still cools, in milliseconds; at most the whole of it, whatever time it was given up at.</summary>
    public long LeftOf(Rest rest) => Math.Clamp(CoolDown - Age(rest), 0, CoolDown);

    /// <summary>Whether one is kept for who had it.</summary>
    public bool IsKept(Rest rest) => IsSticky(rest.Ended) && Age(rest) < Keep;

    /// <summary>Whether a pod finds its address again: it has a claim, or its name is among those that do.</summary>
    public bool IsSticky(Holding holding) =>
        holding is OtherHolding { Holder.Claim: not null }
        || (
            !StickyPods.IsDefaultOrEmpty
            && holding.Holder.Pod is { } pod
            && StickyPods.Any(pattern => PodPattern.Matches(pattern, pod))
        );

    /// <summary>Ends rests whose time is up, the longest first, in open holdings.</summary>
    /// <param name="most">How many to look at: what is left is for the next.</param>
    public void Expire(Holdings holdings, int most)
    {
        foreach (var family in (AddressFamily[])[AddressFamily.IPv4, AddressFamily.IPv6])
        {
            var rests = holdings.Rests;
            for (var i = 0; i < most && rests.Cooling(family).FirstOrDefault() is { } rest; i++)
            {
                if (!HasCooled(rest) && rests.CountCooling(family) <= Resting.MaxPerFamily)
                    break;
                if (IsKept(rest))
                    rests.Keep(rest);
                else
                    holdings.EndRest(rest);
            }

            for (var i = 0; i < most && rests.Kept(family).FirstOrDefault() is { } kept && !IsKept(kept); i++)
                holdings.EndRest(kept);
        }
    }

    /// <summary>Of what cools, what may be given where nothing else is free: what rests longest.</summary>
    /// <param name="suits">Whether the address may be picked at all.</param>
    public Address? PickResting(Resting rests, AddressFamily family, Func<Address, bool> suits)
    {
        foreach (var rest in rests.Cooling(family).Take(MaxLookedAt))
        {
            if ((ReusesCooling || HasCooled(rest)) && !IsKept(rest) && suits(rest.Address))
                return rest.Address;
        }

        return null;
    }

    private long Age(Rest rest) => Now - rest.End.Clock;
}
