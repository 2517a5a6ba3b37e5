namespace Weft.Benchmarks;

/// <summary>What somebody who means harm can bring about. Each attack is a file of its own.</summary>
internal static class AttackSuite
{
    public static Task Run(string bin) => AttackAudit.Run(Path.Combine(bin, "weftd"));
}
