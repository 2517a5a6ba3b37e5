namespace Weft.Benchmarks;

/// <summary>What somebody who means harm can bring about, and what a disk does. Each attack is a file of its own.</summary>
internal static class AttackSuite
{
    public static async Task Run(string bin, bool quick)
    {
        AttackStore.Run(bin, quick);
        await AttackAudit.Run(Path.Combine(bin, "weftd"));
    }
}
