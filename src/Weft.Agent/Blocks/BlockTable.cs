using System.Collections.Immutable;
using System.Globalization;
using Weft.Addressing;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Agent.Blocks;

/// <summary>
/// The blocks that the agent owns by its journal, and what of them is given. Entries come in by <see cref="Apply(JournaledOwner)"/>
/// and <see cref="Apply(ResourceId, JournaledBlock)"/> alone, once they are on the disk; what is free is derived.
/// </summary>
internal sealed class BlockTable
{
    private readonly Lock _guard = new();
    private readonly Dictionary<string, HeldBlock> _blocks = new(StringComparer.Ordinal);

    // What pods hold, or are being given, of each network; what is being given back.
    private readonly Dictionary<string, HashSet<Address>> _busy = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AddressSet> _leaving = new(StringComparer.Ordinal);

    // The last one given of each network and family, so that what came back rests.
    private readonly Dictionary<(string, AddressFamily), Address> _last = [];
    private JournaledOwner? _owner;
    private volatile bool _mayGive;

    /// <summary>Whether addresses are given: weftd has taken this owner for the one it was, or can't be reached.</summary>
    public bool MayGive
    {
        get => _mayGive;
        set => _mayGive = value;
    }

    /// <summary>Who owns the blocks; null where the journal has never owned any.</summary>
    public JournaledOwner? Owner
    {
        get
        {
            lock (_guard)
                return _owner;
        }
    }

    /// <summary>All blocks, in the order of their ids.</summary>
    public ImmutableArray<HeldBlock> Blocks
    {
        get
        {
            lock (_guard)
                return [.. _blocks.Values.OrderBy(block => block.Id, StringComparer.Ordinal)];
        }
    }

    /// <summary>Takes in an owner that is on the disk.</summary>
    public void Apply(JournaledOwner owner)
    {
        lock (_guard)
        {
            if (_owner?.Name != owner.Name)
            {
                _blocks.Clear();
                _leaving.Clear();
            }

            _owner = owner;
        }
    }

    /// <summary>Takes in a block that is on the disk.</summary>
    public void Apply(ResourceId network, JournaledBlock block)
    {
        lock (_guard)
        {
            var held = HeldBlock.Of(network, block, _blocks.GetValueOrDefault(block.Id)?.IsDraining == true);
            _leaving.Remove(block.Id);
            if (held.Addresses.IsEmpty)
                _blocks.Remove(block.Id);
            else
                _blocks[block.Id] = held;
        }
    }

    /// <summary>Nothing more is given of a block, whatever the journal says of it.</summary>
    public void Drain(string id)
    {
        lock (_guard)
        {
            if (_blocks.TryGetValue(id, out var block))
                _blocks[id] = block with { IsDraining = true };
        }
    }

    /// <summary>Some addresses are held.</summary>
    public void Hold(ResourceId network, PodLease lease)
    {
        lock (_guard)
        {
            foreach (var address in AddressesOf(lease))
            {
                BusyOf(network).Add(address);
                _last[(network.Key, address.Family)] = address;
            }
        }
    }

    /// <summary>Some addresses are free again.</summary>
    public void Free(ResourceId network, PodLease lease)
    {
        lock (_guard)
            BusyOf(network).ExceptWith(AddressesOf(lease));
    }

    /// <summary>Takes addresses for a pod, one of each family of the network: nobody else is given them from here on.</summary>
    /// <param name="pod">The pod as <c>namespace/name</c>; null where the runtime doesn't say.</param>
    /// <returns>The lease, which isn't on the disk yet; null where weftd is to be asked.</returns>
    public PodLease? TryTake(ResourceId network, string? pod)
    {
        if (!MayGive)
            return null;
        lock (_guard)
        {
            var blocks = BlocksOf(network).Where(block => !block.IsDraining).ToList();
            if (blocks.Count == 0 || (pod is not null && blocks.Exists(block => block.IsCentral(pod))))
                return null;
            var subnets = blocks[0].Subnets;
            var taken = new List<(Address Address, HeldSubnet Subnet)>();
            foreach (var family in subnets.Select(subnet => subnet.Prefix.Family).Distinct())
            {
                if (
                    Pick(network, family, blocks) is not { } address
                    || subnets.FirstOrDefault(s => s.Prefix.Contains(address)) is not { } subnet
                )
                    return null;
                taken.Add((address, subnet));
            }

            var lease = new PodLease([.. taken.Select(item => Render(item.Address, item.Subnet))], []);
            Hold(network, lease);
            return lease;
        }
    }

    /// <summary>How many addresses of the family that has the fewest are free in blocks of a network.</summary>
    public int CountFree(ResourceId network)
    {
        lock (_guard)
        {
            var blocks = BlocksOf(network).Where(block => !block.IsDraining).ToList();
            return blocks.Count == 0
                ? 0
                : blocks[0]
                    .Subnets.Select(subnet => subnet.Prefix.Family)
                    .Distinct()
                    .Select(family => (int)FreeOf(network, family, blocks).CountOf(family))
                    .DefaultIfEmpty(0)
                    .Min();
        }
    }

    /// <summary>Whether a pod could be given addresses of some network now.</summary>
    public bool HasRoom => MayGive && Blocks.Select(block => block.Network).Distinct().Any(n => CountFree(n) > 0);

    /// <summary>
    /// Begins to give back what is free of a block: nobody is given it from here on, and the entry says what is left.
    /// </summary>
    /// <param name="settled">What is held and weftd knows of, which needn't stay in the block; none for a block that is kept.</param>
    /// <returns>The entry to put on the disk; null where nothing changes.</returns>
    public JournaledBlock? GiveBack(string id, IReadOnlySet<Address> settled)
    {
        lock (_guard)
        {
            if (!_blocks.TryGetValue(id, out var block))
                return null;
            var busy = BusyOf(block.Network);
            var kept = AddressSet.Create(
                busy.Where(address => !settled.Contains(address) && block.Addresses.Contains(address))
                    .Select(address => new AddressRange(address, address))
            );
            if (kept.Equals(block.Addresses))
                return null;
            _leaving[id] = block.Addresses.Except(kept);
            return Render(block with { Addresses = kept });
        }
    }

    /// <summary>What the journal would have if it held these blocks alone; the owner first.</summary>
    public (JournaledOwner? Owner, ImmutableArray<(ResourceId Network, JournaledBlock Block)> Blocks) Entries()
    {
        lock (_guard)
            return (_owner, [.. _blocks.Values.Select(block => (block.Network, Render(block)))]);
    }

    private static JournaledBlock Render(HeldBlock block) =>
        new(
            block.Id,
            block.ToOwned().Ranges,
            [.. block.Subnets.Select(subnet => new BlockSubnet(subnet.Prefix.ToString(), subnet.Gateway))],
            [.. block.Central.Order(StringComparer.Ordinal)]
        );

    private static LeasedAddress Render(Address address, HeldSubnet subnet) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{address}/{subnet.Prefix.Length}"), subnet.Gateway);

    private static IEnumerable<Address> AddressesOf(PodLease lease) =>
        lease.Addresses.Select(address => address.ParsedAddress).OfType<Address>();

    private IEnumerable<HeldBlock> BlocksOf(ResourceId network) =>
        _blocks.Values.Where(block => block.Network.Equals(network));

    private HashSet<Address> BusyOf(ResourceId network) =>
        _busy.TryGetValue(network.Key, out var busy) ? busy : _busy[network.Key] = [];

    /// <summary>The next free one behind the last that was given, else the first.</summary>
    private Address? Pick(ResourceId network, AddressFamily family, List<HeldBlock> blocks)
    {
        var free = FreeOf(network, family, blocks);
        if (free.IsEmpty)
            return null;
        if (_last.TryGetValue((network.Key, family), out var last))
        {
            foreach (var range in free)
            {
                if (range.First > last)
                    return range.First;
                if (range.Last > last)
                    return new Address(family, last.Value + 1);
            }
        }

        return free.First().First;
    }

    private AddressSet FreeOf(ResourceId network, AddressFamily family, List<HeldBlock> blocks)
    {
        var all = AddressSet.Create(
            blocks.SelectMany(block =>
                _leaving.TryGetValue(block.Id, out var leaving) ? block.Addresses.Except(leaving) : block.Addresses
            )
        );
        var busy = AddressSet.Create(BusyOf(network).Select(address => new AddressRange(address, address)));
        return AddressSet.Create(all.Except(busy).Where(range => range.Family == family));
    }
}
