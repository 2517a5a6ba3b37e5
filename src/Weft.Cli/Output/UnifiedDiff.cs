namespace Weft.Cli.Output;

/// <summary>The difference of two texts as <c>diff -u</c> shows it.</summary>
internal static class UnifiedDiff
{
    // Beyond this the table of the longest common subsequence costs more than the reader gains: 4000 × 4000 lines.
    private const long MaxCells = 16_000_000;

    /// <summary>The lines of the difference, hunk heads included and file heads left out.</summary>
    /// <param name="context">How many equal lines to show around a change.</param>
    /// <returns>Lines that start with a space, <c>+</c>, <c>-</c> or <c>@@</c>; none where the texts are
    /// equal.</returns>
    public static IReadOnlyList<string> Create(string before, string after, int context = 3)
    {
        var old = SplitLines(before);
        var now = SplitLines(after);
        var edits = ComputeEdits(old, now);
        var lines = new List<string>();
        var at = 0;
        while (true)
        {
            var first = edits.FindIndex(at, edit => edit.Mark != ' ');
            if (first < 0)
                return lines;
            var start = Math.Max(at, first - context);
            var end = EndOfHunk(edits, first, context);
            lines.Add(HunkHeader(edits, start, end));
            lines.AddRange(edits[start..end].Select(edit => edit.Mark + edit.Text));
            at = end;
        }
    }

    private static int EndOfHunk(List<Edit> edits, int first, int context)
    {
        var last = first;
        for (var i = first; i < edits.Count && i - last <= 2L * context; i++)
        {
            if (edits[i].Mark != ' ')
                last = i;
        }

        return (int)Math.Min(edits.Count, last + 1L + context);
    }

    private static string HunkHeader(List<Edit> edits, int start, int end)
    {
        var oldAt = edits.Take(start).Count(edit => edit.Mark != '+') + 1;
        var newAt = edits.Take(start).Count(edit => edit.Mark != '-') + 1;
        var hunk = edits[start..end];
        return $"@@ -{oldAt},{hunk.Count(edit => edit.Mark != '+')} +{newAt},{hunk.Count(edit => edit.Mark != '-')} @@";
    }

    private static List<Edit> ComputeEdits(string[] old, string[] now)
    {
        var edits = new List<Edit>();
        if ((long)(old.Length + 1) * (now.Length + 1) > MaxCells)
            return [.. old.Select(line => new Edit('-', line)), .. now.Select(line => new Edit('+', line))];
        var common = CommonLengths(old, now);
        int i = 0,
            j = 0;
        while (i < old.Length || j < now.Length)
        {
            if (i < old.Length && j < now.Length && old[i] == now[j])
            {
                edits.Add(new Edit(' ', old[i++]));
                j++;
            }
            else if (i < old.Length && (j == now.Length || common[i + 1, j] >= common[i, j + 1]))
                edits.Add(new Edit('-', old[i++]));
            else
                edits.Add(new Edit('+', now[j++]));
        }

        return edits;
    }

    private static int[,] CommonLengths(string[] old, string[] now)
    {
        var common = new int[old.Length + 1, now.Length + 1];
        for (var i = old.Length - 1; i >= 0; i--)
        {
            for (var j = now.Length - 1; j >= 0; j--)
                common[i, j] =
                    old[i] == now[j] ? common[i + 1, j + 1] + 1 : Math.Max(common[i + 1, j], common[i, j + 1]);
        }

        return common;
    }

    private static string[] SplitLines(string text) =>
        text.Length == 0 ? [] : text.TrimEnd('\n').ReplaceLineEndings("\n").Split('\n');

    private readonly record struct Edit(char Mark, string Text);
}
