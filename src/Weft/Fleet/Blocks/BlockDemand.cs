using System.Numerics;
using Weft.Networks.Blocks;

namespace Weft.Fleet.Blocks;

/// <summary>What the size of a block follows from, of one family (docs/specs/blocks.md, "Who gets one").</summary>
/// <param name="Free">What nobody holds or owns.</param>
/// <param name="InBlocks">What is free in blocks, of all nodes.</param>
/// <param name="Nodes">How many nodes may lease of the network, at least 1.</param>
/// <param name="Owned">What the asking agent has free in blocks of the network.</param>
/// <param name="Expected">What it expects to give, at least 1.</param>
/// <param name="Room">How much more it may have by the bound on a node.</param>
internal readonly record struct BlockDemand(
    UInt128 Free,
    UInt128 InBlocks,
    int Nodes,
    int Owned,
    int Expected,
    int Room
)
{
    /// <summary>The size of the block: a power of two.</summary>
    /// <returns>0 where none is made.</returns>
    public int SizeBy(BlockRules rules)
    {
        var leastFree = (UInt128)rules.LeastFree;
        if (rules.IsOff || Free < leastFree || Room < BlockRules.MinSize)
            return 0;
        // A pool may have as many addresses as there are numbers; a block has not, so what is above doesn't matter.
        var most = (UInt128)int.MaxValue;
        var shared = UInt128.Min(Free, most) + UInt128.Min(InBlocks, most);
        var part = (long)(shared * (UInt128)rules.Percent / 100 / (UInt128)Math.Max(1, Nodes)) - Owned;
        var beside = (long)UInt128.Min(Free - leastFree, most);
        var size = Math.Min(
            Math.Min(BitOperations.RoundUpToPowerOf2((uint)Math.Max(Expected, BlockRules.MinSize)), rules.MaxSize),
            Math.Min(Math.Min(part, beside), Room)
        );
        return size < BlockRules.MinSize ? 0 : 1 << BitOperations.Log2((ulong)size);
    }
}
