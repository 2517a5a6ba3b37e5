using Weft.Addressing;
using Weft.Agent.Blocks;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Agent.Leases;

/// <summary>
/// What is said of blocks and what comes of the answers (docs/specs/blocks.md): each step says which entries must be on the disk
/// before the next one. For one caller at a time.
/// </summary>
/// <param name="newName">Draws an owner's name.</param>
internal sealed class BlockLedger(LeaseTable table, PlaceMark place, Func<string> newName)
{
    private readonly Dictionary<LeaseHolder, JournalEntry> _settled = [];
    private List<(LeaseHolder Holder, JournalEntry Entry)> _reported = [];

    // What was given back is told, and after a start that is told which may have been given back before.
    private bool _isOwed = true;

    private BlockTable Blocks => table.Blocks;

    /// <summary>Whether something is to be told that isn't about what the agent wants.</summary>
    public bool HasNews => Blocks.Owner is not null && (_isOwed || !Blocks.Blocks.IsEmpty || Unsettled().Count > 0);

    /// <summary>Whether another report follows at once: something drains, or leases weren't told yet.</summary>
    public bool HasMore(BlockReply reply) =>
        Blocks.Blocks.Any(block => block.IsDraining) || Unsettled().Count > reply.Refused.Count;

    /// <summary>Whether the journal is of another machine or directory, so that its blocks are another's.</summary>
    public bool IsElsewhere => Blocks.Owner is { } owner && owner.Mark != place.Text;

    /// <summary>
    /// Begins a life of the journal's owner: two processes that say the same are told apart by it. On the disk before anything is
    /// said or given.
    /// </summary>
    public JournalEntry Begin(DateTimeOffset now) =>
        JournalEntry.Create(
            Blocks.Owner is { } known && !IsElsewhere ? known with { Life = known.Life + 1 } : NewOwner(),
            now
        );

    /// <summary>Begins anew as another owner: all blocks are given up, what pods hold is told again.</summary>
    public JournalEntry BeginAnew(DateTimeOffset now)
    {
        Blocks.MayGive = false;
        _settled.Clear();
        return JournalEntry.Create(NewOwner(), now);
    }

    /// <summary>What is asked back, and what drains: nothing more is given of it, and once that is on the disk weftd may be told.</summary>
    /// <param name="asked">The ids of networks, in lower case.</param>
    public IEnumerable<JournalEntry> GiveBack(IReadOnlySet<string> asked, DateTimeOffset now)
    {
        foreach (var block in Blocks.Blocks)
        {
            if (!block.IsDraining && !asked.Contains(block.Network.Key))
                continue;
            IReadOnlySet<Address> settled = block.IsDraining ? SettledOf(block.Network) : new HashSet<Address>();
            if (Blocks.GiveBack(block.Id, settled) is not { } left)
                continue;
            _isOwed = true;
            yield return JournalEntry.Create(block.Network, left, now);
        }
    }

    /// <summary>The report of now.</summary>
    public BlockReport CreateReport(IReadOnlyList<BlockWant> wants)
    {
        var owner = Blocks.Owner!;
        _reported = Unsettled();
        return new BlockReport(
            owner.Name,
            owner.Life,
            place.Machine,
            place.Boot,
            [.. Blocks.Blocks.Select(block => block.ToOwned())],
            [
                .. _reported.Select(lease => new BlockLease(
                    lease.Holder.Network.ToString(),
                    lease.Holder.ContainerId,
                    lease.Holder.Interface,
                    [.. lease.Entry.Lease!.Addresses.Select(address => $"{address.ParsedAddress}")],
                    lease.Entry.Pod,
                    lease.Entry.Uid
                )),
            ],
            wants
        );
    }

    /// <summary>Takes the answer to the last report in.</summary>
    /// <returns>What must be on the disk before anything is given of it.</returns>
    public IReadOnlyList<JournalEntry> TakeIn(BlockReply reply, DateTimeOffset now)
    {
        var entries = new List<JournalEntry>();
        _isOwed = false;
        var known = Blocks.Blocks.ToDictionary(block => block.Id);
        foreach (var granted in reply.Blocks)
        {
            if (!ResourceId.TryParse(granted.Network, out var network))
                continue;
            if (granted.IsDraining)
                Blocks.Drain(granted.Id);
            // A block only ever becomes smaller.
            var left = new OwnedBlock(granted.Id, granted.Network, granted.Ranges).ToSet();
            if (known.TryGetValue(granted.Id, out var mine))
                left = left.Intersect(mine.Addresses);
            var block = new JournaledBlock(
                granted.Id,
                [.. left.Select(range => range.ToString())],
                granted.Subnets,
                granted.Central
            );
            if (mine is null ? !granted.IsDraining : IsChanged(mine, network, block))
                entries.Add(JournalEntry.Create(network, block, now));
        }

        // What weftd doesn't have has ended.
        foreach (var gone in known.Keys.Except(reply.Blocks.Select(block => block.Id)))
            Blocks.Drain(gone);
        var refused = reply.Refused.Select(lease => (lease.Network, lease.ContainerId, lease.Interface)).ToHashSet();
        foreach (var (holder, entry) in _reported)
        {
            if (!refused.Contains((holder.Network.ToString(), holder.ContainerId, holder.Interface)))
                _settled[holder] = entry;
        }

        return entries;
    }

    private static bool IsChanged(HeldBlock mine, ResourceId network, JournaledBlock block)
    {
        var now = HeldBlock.Of(network, block, mine.IsDraining);
        return !now.Addresses.Equals(mine.Addresses)
            || !now.Subnets.SequenceEqual(mine.Subnets)
            || !now.Central.SetEquals(mine.Central);
    }

    private JournaledOwner NewOwner() => new(newName(), 1, place.Text);

    private HashSet<Address> SettledOf(ResourceId network) =>
        [
            .. table
                .Grants()
                .Where(grant => grant.Holder.Network.Equals(network) && IsSettled(grant.Holder, grant.Entry))
                .SelectMany(grant => grant.Entry.Lease!.Addresses)
                .Select(address => address.ParsedAddress)
                .OfType<Address>(),
        ];

    private bool IsSettled(LeaseHolder holder, JournalEntry entry) =>
        entry.IsOfBlock is null || (_settled.TryGetValue(holder, out var known) && ReferenceEquals(known, entry));

    private List<(LeaseHolder Holder, JournalEntry Entry)> Unsettled()
    {
        var grants = table.Grants();
        var held = grants.Select(grant => grant.Holder).ToHashSet();
        foreach (var gone in _settled.Keys.Where(holder => !held.Contains(holder)).ToList())
            _settled.Remove(gone);
        return [.. grants.Where(grant => !IsSettled(grant.Holder, grant.Entry)).Take(BlockReport.MaxLeases)];
    }
}
