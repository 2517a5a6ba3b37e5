namespace Weft.Cli.Kinds;

/// <summary>The names that somebody may have meant.</summary>
internal static class NearNames
{
    private const int Most = 3;

    /// <summary>The names nearest to a word.</summary>
    /// <param name="word">What was written.</param>
    /// <param name="names">What could have been.</param>
    /// <returns>The nearest first; none where nothing is near.</returns>
    public static IReadOnlyList<string> Of(string word, IEnumerable<string> names)
    {
        var lower = word.ToLowerInvariant();
        return [.. names.Select(name => (Name: name, Distance: Distance(lower, name.ToLowerInvariant())))
            .Where(near => near.Distance <= Math.Max(1, near.Name.Length / 3) || (lower.Length > 2 && near.Name.Contains(lower, StringComparison.OrdinalIgnoreCase)))
            .OrderBy(near => near.Distance)
            .ThenBy(near => near.Name, StringComparer.Ordinal)
            .Take(Most)
            .Select(near => near.Name)];
    }

    /// <summary>The next step for somebody who wrote an unknown kind.</summary>
    /// <param name="word">What they wrote.</param>
    /// <returns>The near kinds, or all.</returns>
    public static string Sentence(string word)
    {
        var near = Of(word, KindTable.All.SelectMany(kind => kind.Names)).Select(name => KindTable.Find(name)!.Plural).Distinct().ToArray();
        return near.Length > 0 ? $"did you mean {string.Join(" or ", near)}?" : $"kinds: {string.Join(", ", KindTable.All.Select(kind => kind.Plural))}";
    }

    // Levenshtein, and a swap of neighbours counts as one slip.
    private static int Distance(string a, string b)
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
