namespace Weft.Resources;

/// <summary>The words that somebody may have meant.</summary>
internal static class Suggestions
{
    private const int MaxCount = 3;

    /// <summary>The words nearest to one.</summary>
    /// <returns>The nearest first, at most three; none where nothing is near.</returns>
    public static IReadOnlyList<string> Find(string word, IEnumerable<string> words)
    {
        var lower = word.ToLowerInvariant();
        return
        [
            .. words
                .Select(name => (Name: name, Distance: DamerauDistance(lower, name.ToLowerInvariant())))
                .Where(near =>
                    near.Distance <= Math.Max(1, near.Name.Length / 3)
                    || (lower.Length > 2 && near.Name.Contains(lower, StringComparison.OrdinalIgnoreCase))
                )
                .OrderBy(near => near.Distance)
                .ThenBy(near => near.Name, StringComparer.Ordinal)
                .Take(MaxCount)
                .Select(near => near.Name),
        ];
    }

    /// <summary>How many slips lie between two words: Levenshtein's, and a swap of neighbours counts as one.</summary>
    /// <returns>0 where they are equal.</returns>
    public static int DamerauDistance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            d[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            d[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var cost = a[i - 1] == b[j - 1] ? 0 : 1;
                d[i, j] = Math.Min(Math.Min(d[i - 1, j] + 1, d[i, j - 1] + 1), d[i - 1, j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }

        return d[a.Length, b.Length];
    }
}
