using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Agent.Blocks;

/// <summary>A block as the journal has it: the newest entry of an id counts (docs/specs/agent.md, "Journal").</summary>
/// <param name="Ranges">What is left of it; empty once nothing is.</param>
/// <param name="Subnets">The prefixes of its network.</param>
/// <param name="Central">The pods that are given addresses by weftd alone, as patterns (<see cref="PodPattern"/>).</param>
internal sealed record JournaledBlock(
    string Id,
    IReadOnlyList<string> Ranges,
    IReadOnlyList<BlockSubnet> Subnets,
    IReadOnlyList<string> Central
);

/// <summary>Who owns the journal's blocks. Another name ends all blocks that stand before it.</summary>
/// <param name="Name">Drawn with the journal.</param>
/// <param name="Life">How often the agent was started on it.</param>
/// <param name="Mark">Where the journal was written (<see cref="PlaceMark"/>).</param>
internal sealed record JournaledOwner(string Name, long Life, string Mark);

/// <summary>A block while it is given of.</summary>
/// <param name="IsDraining">Whether nothing more is given of it.</param>
internal sealed record HeldBlock(
    string Id,
    ResourceId Network,
    AddressSet Addresses,
    ImmutableArray<HeldSubnet> Subnets,
    ImmutableHashSet<string> Central,
    bool IsDraining
)
{
    /// <summary>Reads what the journal has.</summary>
    public static HeldBlock Of(ResourceId network, JournaledBlock block, bool isDraining) =>
        new(
            block.Id,
            network,
            new OwnedBlock(block.Id, network.ToString(), block.Ranges).ToSet(),
            [.. block.Subnets.Select(HeldSubnet.Read).OfType<HeldSubnet>()],
            ImmutableHashSet.CreateRange(StringComparer.Ordinal, block.Central),
            isDraining
        );

    /// <summary>Whether a pod is given addresses by weftd alone.</summary>
    /// <param name="pod">Namespace and name.</param>
    public bool IsCentral(string pod) =>
        Central.Contains(pod) || Central.Any(pattern => PodPattern.Matches(pattern, pod));

    /// <summary>The block as the journal and weftd are told of it.</summary>
    public OwnedBlock ToOwned() => new(Id, Network.ToString(), [.. Addresses.Select(range => range.ToString())]);
}

/// <summary>A prefix of a block's network.</summary>
internal sealed record HeldSubnet(Prefix Prefix, string? Gateway)
{
    /// <summary>Reads one.</summary>
    /// <returns>Null where it is none.</returns>
    public static HeldSubnet? Read(BlockSubnet subnet) =>
        Prefix.TryParse(subnet.Prefix, out var prefix) ? new HeldSubnet(prefix, subnet.Gateway) : null;
}
