using DiffPlex;
using DiffPlex.Chunkers;
using DiffPlex.Model;

namespace Weft.Cli.Output;

/// <summary>The difference of two texts as <c>diff -u</c> shows it.</summary>
internal static class UnifiedDiff
{
    /// <summary>The lines of the difference, hunk heads included and file heads left out.</summary>
    /// <param name="context">How many equal lines to show around a change.</param>
    /// <returns>Lines that start with a space, <c>+</c>, <c>-</c> or <c>@@</c>; none where the texts are
    /// equal.</returns>
    public static IReadOnlyList<string> Create(string before, string after, int context = 3)
    {
        var edits = FindEdits(before, after);
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

    /// <summary>
    /// All lines of both texts. Of the differences that are equally small it is the one that keeps a line as early as
    /// it can, and removes before it adds: so the same change looks the same wherever it stands.
    /// </summary>
    private static List<Edit> FindEdits(string before, string after)
    {
        var diff = Differ.Instance.CreateDiffs(Trim(before), Trim(after), false, false, LineChunker.Instance);
        var (old, now) = (diff.PiecesOld, diff.PiecesNew);
        var kept = new Queue<(int Old, int New)>(KeptLines(diff));
        var edits = new List<Edit>();
        int i = 0,
            j = 0;
        while (i < old.Count || j < now.Count)
        {
            var next = kept.TryPeek(out var pair) ? pair : (Old: old.Count, New: now.Count);
            if (i < old.Count && j < now.Count && old[i] == now[j])
            {
                if (next.Old == i || next.New == j)
                    kept.Dequeue();
                edits.Add(new Edit(' ', old[i++]));
                j++;
            }
            else if (i < next.Old)
                edits.Add(new Edit('-', old[i++]));
            else
                edits.Add(new Edit('+', now[j++]));
        }

        return edits;
    }

    /// <summary>The lines that both texts have, by their places.</summary>
    private static IEnumerable<(int Old, int New)> KeptLines(DiffResult diff)
    {
        int i = 0,
            j = 0;
        foreach (var block in diff.DiffBlocks.Append(new DiffBlock(diff.PiecesOld.Count, 0, diff.PiecesNew.Count, 0)))
        {
            for (; i < block.DeleteStartA; i++, j++)
                yield return (i, j);
            i += block.DeleteCountA;
            j += block.InsertCountB;
        }
    }

    private static string Trim(string text) => text.TrimEnd('\n');

    private readonly record struct Edit(char Mark, string Text);
}
