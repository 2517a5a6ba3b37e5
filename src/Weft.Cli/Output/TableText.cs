using Weft.Cli.Primitives;

namespace Weft.Cli.Output;

/// <summary>Columns without frames, as kubectl prints them: easy to read, to search and to cut.</summary>
internal static class TableText
{
    private const int Gap = 3;

    /// <summary>Prints a head and rows; the last column is not padded.</summary>
    /// <param name="rows">The rows, each as long as the head; empty cells are shown as <c>-</c>.</param>
    public static void Write(Terminal terminal, IReadOnlyList<string> head, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        var widths = head.Select((name, i) => rows.Select(row => Cell(row[i]).Length).Append(name.Length).Max())
            .ToArray();
        terminal.WriteLine(Join(head, widths), TextStyle.Heading);
        foreach (var row in rows)
            terminal.WriteLine(Join(row, widths));
    }

    private static string Join(IReadOnlyList<string> cells, int[] widths) =>
        string.Concat(cells.Select((cell, i) => Cell(cell).PadRight(widths[i] + Gap))).TrimEnd();

    private static string Cell(string text) =>
        text.Length == 0 ? "-" : VisibleText.ForTerminal(text.ReplaceLineEndings(" "));
}
