using Weft.Resources;

namespace Weft.Cli.Kinds;

/// <summary>The names that somebody may have meant.</summary>
internal static class KindSuggestions
{
    /// <summary>The next step for somebody who wrote an unknown kind.</summary>
    public static string HintFor(string word)
    {
        var near = Suggestions
            .Find(word, KindTable.All.SelectMany(kind => kind.Names))
            .Select(name => KindTable.Find(name)!.Plural)
            .Distinct()
            .ToArray();
        return near.Length > 0
            ? $"did you mean {string.Join(" or ", near)}?"
            : $"kinds: {string.Join(", ", KindTable.All.Select(kind => kind.Plural))}";
    }
}
