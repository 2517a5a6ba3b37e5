using System.Text.Json.Nodes;
using Weft.Contracts;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Fleet.Blocks;

/// <summary>What a report is of, beside what weftd knows of the agent's owner.</summary>
internal enum OwnerTurn
{
    /// <summary>The process that reported last.</summary>
    Same,

    /// <summary>The same journal in a later life of the agent.</summary>
    NextLife,

    /// <summary>Another journal: the one before is lost.</summary>
    Another,

    /// <summary>A journal that was copied, set back or given up: it must draw another owner.</summary>
    Fenced,
}

/// <summary>Who owns an agent's blocks: a journal, in one life of the process that writes it (docs/specs/blocks.md).</summary>
/// <param name="Name">Drawn with the journal.</param>
/// <param name="Life">How often the agent was started on it.</param>
/// <param name="Instance">What the process calls itself in its requests.</param>
internal sealed record BlockOwner(string Name, long Life, string Instance, string Machine, string Boot)
{
    /// <summary>The partition of the rows.</summary>
    public const string Partition = "blockowner";

    /// <summary>The key of an agent's.</summary>
    public static string KeyOf(ResourceId agent) => $"{Partition}|{agent.Key}";

    /// <summary>Reads a row.</summary>
    public static BlockOwner Of(Row row) =>
        row.ReadAs(r => new BlockOwner(
            r.Json.Text("name") ?? "",
            r.Json.Integer("life") ?? 0,
            r.Json.Text("instance") ?? "",
            r.Json.Text("machine") ?? "",
            r.Json.Text("boot") ?? ""
        ));

    /// <summary>Who reports, by its own word.</summary>
    public static BlockOwner Of(BlockReport report, string instance) =>
        new(report.Owner, report.Life, instance, report.Machine, report.Boot);

    /// <summary>Judges who reports.</summary>
    /// <param name="known">Who reported last; null where nobody has.</param>
    /// <param name="blocks">The agent's blocks.</param>
    public static OwnerTurn Judge(BlockOwner? known, BlockOwner now, IEnumerable<AddressBlock> blocks)
    {
        if (known?.Name != now.Name)
            return blocks.Any(block => block.Owner == now.Name && block.State == BlockState.Lost)
                ? OwnerTurn.Fenced
                : OwnerTurn.Another;
        if (now.Life > known.Life)
            return OwnerTurn.NextLife;
        return now.Life == known.Life && now.Instance == known.Instance ? OwnerTurn.Same : OwnerTurn.Fenced;
    }

    /// <summary>The change that writes it.</summary>
    public Mutation ToMutation(ResourceId agent) =>
        Mutation.Put(
            KeyOf(agent),
            new JsonObject
            {
                ["name"] = Name,
                ["life"] = Life,
                ["instance"] = Instance,
                ["machine"] = Machine,
                ["boot"] = Boot,
            }
        );
}
