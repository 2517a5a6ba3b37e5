using System.Globalization;

namespace Weft.Benchmarks;

/// <summary>One measured figure and what it must reach.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">What was measured.</param>
/// <param name="Unit">The unit.</param>
/// <param name="Operator"><c>&lt;=</c> or <c>&gt;=</c>.</param>
/// <param name="Target">What it must reach.</param>
internal sealed record Figure(string Name, double Value, string Unit, string Operator, double Target)
{
    public bool IsReached => Operator == "<=" ? Value <= Target : Value >= Target;

    /// <summary>Prints the line.</summary>
    public void Print() =>
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"figure {Name} {Value:0.##} {Unit} target {Operator} {Target:0.##} {(IsReached ? "ok" : "short")}"
            )
        );
}
