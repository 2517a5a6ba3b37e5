namespace Weft.Benchmarks;

/// <summary>What somebody who means harm can bring about, and what a disk does. Each attack is a file of its own.</summary>
internal static class AttackSuite
{
    public static async Task Run(string bin, bool quick)
    {
        AttackStore.Run(bin, quick);
        var weftd = Path.Combine(bin, "weftd");
        await AttackAudit.Run(weftd);
        await AttackBodies.Run(weftd);
        await AttackSenders.Run(weftd, quick);
        await AttackLeases.Run(bin);
    }
}
