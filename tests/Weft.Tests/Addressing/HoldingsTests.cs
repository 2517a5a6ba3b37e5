using System.Collections.Immutable;
using CsCheck;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

/// <summary>Who holds what against a dictionary, and that a change that is refused changes nothing.</summary>
public sealed class HoldingsTests
{
    private const string Cluster = "/subscriptions/s/resourceGroups/G/providers/P/kubernetesClusters/East";
    private const string Since = "2026-11-22T10:00:00.1234567Z";

    // Pods, and machines that aren't packed; few addresses, so that many are taken.
    private static readonly Gen<Holding> Records = Gen.Select(Gen.Int[0, 7], Gen.Int[0, 9], Gen.Int[0, 9])
        .Select(Create);

    private static readonly Gen<(Holding Record, int What)[]> Steps = Gen.Select(Records, Gen.Int[0, 4]).Array[0, 60];

    [Fact]
    public void Replace_OnlyWhatIsThereByWhatIsFree() =>
        Gen.Select(Steps, Steps)
            .Sample(
                (before, after) =>
                {
                    var known = new Dictionary<string, Holding>(StringComparer.Ordinal);
                    var first = Edit(Holdings.Empty, known, before);
                    var then = known.Values.ToList();
                    var second = Edit(first, known, after);
                    AssertHolds(known.Values, second);
                    AssertHolds(then, first);
                }
            );

    [Fact]
    public void Builds_WhatIsReplacedOneByOne_AndRefusesTheFirstThatIsThere() =>
        Records
            .Array[0, 12]
            .Sample(records =>
            {
                var (one, first) = (Holdings.Empty.Open(), -1);
                for (var i = 0; i < records.Length && first < 0; i++)
                    first = one.TryReplace(null, records[i]) ? -1 : i;

                var builder = new Holdings.Builder(records);
                Parallel.Invoke([.. builder.Parts]);
                Assert.Same(first < 0 ? null : records[first], builder.Refused);
                if (first >= 0)
                    return;
                var built = builder.Close();
                AssertHolds(records, built);
                Assert.Equal(one.Close().Counts.All, built.Counts.All);
                var (next, taken) = (built.Open(), Create((6, 0, 9)));
                _ = next.TryReplace(null, taken);
                AssertHolds(records, built);
            });

    [Fact]
    public void Refuses_WhatSomebodyHolds_AndEndsNoRest()
    {
        var (gone, there) = (Create((1, 3, 9)), Create((2, 9, 4)));
        var open = Holdings.Empty.Open();
        open.Replace(null, gone);
        open.Replace(gone, null);
        open.BeginRest(gone, null, EndTime.At(1, 1));
        open.Replace(null, there);

        // One of its addresses rests, and the other is held.
        Assert.False(open.TryReplace(null, Create((3, 3, 4))));
        var rest = open.RestAt(gone.AddressAt(0));
        Assert.Same(gone, rest?.Ended);
        Assert.Same(rest, Assert.Single(open.Rests.Cooling(AddressFamily.IPv4)));
        AssertHolds([there], open.Close());

        var next = open.Open();
        Assert.True(next.TryReplace(there, Create((2, 3, 4))));
        Assert.True(next.Rests.IsEmpty);
        AssertHolds([next.At(gone.AddressAt(0))!], next.Close());
        Assert.Same(rest, open.RestAt(gone.AddressAt(0)));
    }

    [Fact]
    public void Finds_AllWhoHoldOneRecord_AndNoneOfThemTwice()
    {
        // Interfaces of one name of one cluster's pods: else a claim is another's.
        var (one, second) = (Claiming("one"), Claiming("other"));
        var alone = Holding.Create(one, [Lease(one, AddressFamily.IPv4, 5)]);
        var both = alone.With(second);
        var left = both.Without(one.Id)!;
        var other = Holding.Create(left.Holder, [Lease(left.Holder, AddressFamily.IPv4, 6)]);
        var open = Holdings.Empty.Open();

        Assert.True(open.TryReplace(null, alone));
        Assert.True(open.TryReplace(alone, both));
        Assert.Equal((both, both), (open.Find(one.Id), open.Find(second.Id)));
        Assert.False(open.TryReplace(null, other));
        Assert.Same(both, open.FindClaim(one));
        Assert.True(open.TryReplace(both, left));
        Assert.Equal((null, left), (open.Find(one.Id), open.Find(second.Id)));
        Assert.Same(left, open.FindClaim(one));
        Assert.Null(open.FindClaim(one with { Id = $"{one.Id}0" }));
        Assert.Equal([left], open.Others);

        var builder = new Holdings.Builder([both, other]);
        Parallel.Invoke([.. builder.Parts]);
        Assert.Same(other, builder.Refused);
    }

    private static Holdings Edit(
        Holdings holdings,
        Dictionary<string, Holding> known,
        IEnumerable<(Holding Record, int What)> steps
    )
    {
        var open = holdings.Open();
        foreach (var (record, what) in steps)
        {
            var there = known.GetValueOrDefault(record.Holder.Id);
            // As it is, or as somebody saw it who saw something else.
            var old =
                what == 0 ? Copy(record)
                : what == 1 ? null
                : there;
            var next = what == 2 ? null : record;
            var isGood =
                (old ?? next) is not null
                && ReferenceEquals(old, there)
                && known.Values.All(other => ReferenceEquals(other, old) || !Overlap(other, next));
            Assert.Equal(isGood, open.TryReplace(old, next));
            if (!isGood)
                continue;
            known.Remove(record.Holder.Id);
            if (next is not null)
                known.Add(record.Holder.Id, next);
        }

        return open.Close();
    }

    private static void AssertHolds(IReadOnlyCollection<Holding> wanted, Holdings held)
    {
        Assert.Equal(wanted.ToHashSet(), held.All.ToHashSet());
        Assert.Equal(wanted.Count, held.CountOfHolders);
        Assert.Equal(wanted.Where(record => record is not PodHolding).ToHashSet(), held.Others.ToHashSet());
        Assert.Equal(wanted.SelectMany(record => record.Leases).OrderBy(lease => lease.Address), held.Leases);
        Assert.Equal(wanted.Sum(record => FamilyCount.Of(record).IPv4), held.Count(AddressFamily.IPv4));
        Assert.Equal(wanted.Sum(record => FamilyCount.Of(record).IPv6), held.Count(AddressFamily.IPv6));
        foreach (var record in wanted)
        {
            Assert.Same(record, held.Find(record.Holder.Id));
            Assert.All(record.Leases, lease => Assert.Same(record, held.At(lease.Address)));
            if (record.Holder.Pod is { } pod)
                Assert.Contains(record, held.Named(pod[(pod.IndexOf('/', StringComparison.Ordinal) + 1)..]));
        }
    }

    private static Holding Create((int Holder, int IPv4, int IPv6) of)
    {
        var holder =
            of.Holder < 5
                ? AddressHolders.OfPod(
                    Cluster,
                    Cluster.ToLowerInvariant(),
                    "East",
                    $"c{of.Holder}",
                    "net1",
                    $"core/upf-{of.Holder % 2}",
                    "w1"
                )
                : new Holder($"machine:/m{of.Holder}#n6", $"virtual machine m{of.Holder} n6");
        var leases = ImmutableArray.CreateBuilder<Lease>();
        if (of.IPv4 < 8)
            leases.Add(Lease(holder, AddressFamily.IPv4, 0x0A00_0000u + (uint)of.IPv4));
        if (of.IPv6 < 8 || of.IPv4 >= 8)
            leases.Add(Lease(holder, AddressFamily.IPv6, ((UInt128)0xFD20 << 112) + (uint)of.IPv6));
        return Holding.Create(holder, leases.ToImmutable());
    }

    private static Holder Claiming(string container) =>
        AddressHolders.OfPod(
            Cluster,
            Cluster.ToLowerInvariant(),
            "East",
            container,
            "net1",
            $"core/{container}",
            "w1"
        ) with
        {
            Claim = "core/db",
        };

    private static Lease Lease(Holder holder, AddressFamily family, UInt128 address) =>
        new(new Address(family, address), holder, LeaseMethod.Dynamic, Since);

    private static Holding Copy(Holding record) => Holding.Create(record.Holder, record.Leases);

    private static bool Overlap(Holding one, Holding? other) =>
        other is not null && one.Leases.Any(lease => other.Leases.Any(of => of.Address == lease.Address));
}
