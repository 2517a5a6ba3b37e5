using System.Globalization;
using System.Text.Json;

namespace Weft.House;

/// <summary>A method and the file it stands in.</summary>
internal sealed record Place(string File, Method Method);

/// <summary>Every figure of the house: all of it, then project by project.</summary>
/// <param name="Projects">All of it first.</param>
/// <param name="NamesTwice">Names that two types have.</param>
/// <param name="Rings">Folders side by side that use each other.</param>
/// <param name="NestedRings">The same of a folder and one inside of it.</param>
/// <param name="Longest">The longest methods in tokens.</param>
internal sealed record Report(
    IReadOnlyList<Figures> Projects,
    IReadOnlyList<string> NamesTwice,
    IReadOnlyList<Ring> Rings,
    IReadOnlyList<Ring> NestedRings,
    IReadOnlyList<Place> Longest
)
{
    public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    private static readonly (string Head, Func<Figures, string> Cell)[] Columns =
    [
        ("code", f => f.Name),
        ("files", f => Say(f.Files)),
        ("lines", f => Say(f.Lines)),
        ("tok/ln", f => f.TokensPerLine.ToString("0.0", CultureInfo.InvariantCulture)),
        ("file p50/p90/max", f => $"{f.FileLines.Median}/{f.FileLines.P90}/{f.FileLines.Max}"),
        ("file tokens", f => $"{f.FileTokens.Median}/{f.FileTokens.P90}/{f.FileTokens.Max}"),
        ("methods", f => Say(f.Methods)),
        ("m p50/p90/p99/max", f => Say(f.MethodLines)),
        ("tok p50/p90/p99/max", f => Say(f.MethodTokens)),
        ("cc p90/p99/max", f => $"{f.MethodPaths.P90}/{f.MethodPaths.P99}/{f.MethodPaths.Max}"),
        ("doc", f => Share(f.Documented, "0")),
        ("comment", f => Share(f.Commented, "0")),
        (">120", f => $"{Say(f.Over120)} ({Share(f.Over120Share, "0.0")})"),
        (">140", f => Say(f.Over140)),
        ("widest", f => Say(f.Widest)),
        ("types", f => Say(f.Types)),
        ("sealed", f => $"{f.SealedClasses}/{f.Classes}"),
        ("interfaces", f => Say(f.Interfaces)),
        ("empty doc lines", f => $"{Say(f.EmptyDocLines)}/{Say(f.DocLines)}"),
    ];

    public void Print()
    {
        var rows = Projects
            .Select(project => Columns.Select(column => column.Cell(project)).ToList())
            .Prepend([.. Columns.Select(column => column.Head)])
            .ToList();
        var widths = Columns.Select((_, i) => rows.Max(row => row[i].Length)).ToList();
        foreach (var row in rows)
            Console.WriteLine(
                string.Join("  ", row.Select((cell, i) => i == 0 ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i])))
                    .TrimEnd()
            );
        Console.WriteLine($"\nType names that exist twice ({NamesTwice.Count}): {string.Join(", ", NamesTwice)}");
        Print("Sibling folders that use each other", Rings);
        Print("Folders that use one inside of them, and are used by it", NestedRings);
        Console.WriteLine("\nThe longest methods, in tokens:");
        foreach (var (file, method) in Longest)
            Console.WriteLine(
                $"  {method.Tokens, 4}  {method.Name}  src/{file}:{method.Line}  ({method.Lines} lines, cc {method.Paths})"
            );
    }

    private static void Print(string title, IReadOnlyList<Ring> rings)
    {
        Console.WriteLine($"\n{title} ({rings.Count}):");
        foreach (var ring in rings)
            Console.WriteLine($"  {ring}");
    }

    private static string Say(int number) => number.ToString("#,0", CultureInfo.InvariantCulture);

    private static string Say(Spread spread) => $"{spread.Median}/{spread.P90}/{spread.P99}/{spread.Max}";

    private static string Share(double share, string format) =>
        (share * 100).ToString(format, CultureInfo.InvariantCulture) + " %";
}
