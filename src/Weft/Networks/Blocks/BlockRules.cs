using System.Text.Json;
using Weft.Resources;

namespace Weft.Networks.Blocks;

/// <summary>What a pool says of blocks (docs/specs/blocks.md, "Who gets one").</summary>
/// <param name="IsOff">Whether none are made, and those that are out come back. Default: no.</param>
/// <param name="LeastFree">How many addresses of each family must be free beside a block that is made. Default 64.</param>
/// <param name="Percent">How much of what is free may be in blocks, of all nodes together. Default 50.</param>
/// <param name="MaxSize">The most addresses of a family in one block. Default 64.</param>
internal sealed record BlockRules(bool IsOff = false, int LeastFree = 64, int Percent = 50, int MaxSize = 64)
{
    /// <summary>Nothing said.</summary>
    public static readonly BlockRules Default = new();

    /// <summary>The least addresses of a family in a block that is made.</summary>
    public const int MinSize = 4;

    /// <summary>The most addresses of a family that a pool may let a block have.</summary>
    public const int MostOfFamily = 1024;

    /// <summary>The most blocks of one network that an agent has.</summary>
    public const int MaxPerNetwork = 8;

    private const string Off = "Off";

    /// <summary>The member of a pool.</summary>
    public static readonly SchemaMember Member = (
        SchemaMember.Object(
            "blocks",
            SchemaMember.Enum("mode", $"Auto|{Off}", "whether nodes own blocks; default: Auto"),
            SchemaMember
                .Integer(
                    "leastFree",
                    "a block is made only if so many stay free beside it, of each family; default: 64"
                )
                .Range(0, 1_000_000),
            SchemaMember.Integer("percent", "how much of what is free may be in blocks; default: 50").Range(1, 100),
            SchemaMember
                .Integer("maxSize", "the most addresses of a family in one block; default: 64")
                .Range(MinSize, MostOfFamily)
        ) with
        {
            Description = "what nodes own of it, to give while weftd is away",
        }
    ).Patchable();

    /// <summary>Reads a pool's.</summary>
    public static BlockRules Read(JsonElement properties)
    {
        var blocks = properties.Member(Member.Name);
        return new BlockRules(
            Off.Equals(blocks.Text("mode"), StringComparison.OrdinalIgnoreCase),
            (int)(blocks.Integer("leastFree") ?? Default.LeastFree),
            (int)(blocks.Integer("percent") ?? Default.Percent),
            (int)(blocks.Integer("maxSize") ?? Default.MaxSize)
        );
    }
}
