namespace Weft.Addressing;

/// <summary>
/// Pods by name: <c>NAMESPACE/NAME</c>, in which <c>*</c> stands for any characters but a slash, and <c>?</c> for one.
/// </summary>
internal static class PodPattern
{
    /// <summary>The longest name of a claim: that of a Kubernetes object.</summary>
    public const int MaxClaimLength = 253;

    /// <summary>Whether a text is the name of a claim, in a pod's namespace: small letters, digits, <c>-</c> and <c>.</c>.</summary>
    public static bool IsClaimName(string text)
    {
        if (text.Length is 0 or > MaxClaimLength)
            return false;
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c is not ('-' or '.'))
                return false;
        }

        return true;
    }

    /// <summary>Whether a text is one.</summary>
    public static bool IsPattern(string text) =>
        text.Split('/') is [{ Length: > 0 }, { Length: > 0 }]
        && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.' or '*' or '?' or '/');

    /// <summary>Whether a text is one that says a claim: of one namespace, and with one star, in the name.</summary>
    public static bool IsClaimPattern(string text) =>
        IsPattern(text)
        && text.Count(c => c == '*') == 1
        && text.IndexOf('/', StringComparison.Ordinal) is var slash
        && text.AsSpan(0, slash).IndexOfAny('*', '?') < 0;

    /// <summary>Whether a pod is meant.</summary>
    /// <param name="pod">Namespace and name.</param>
    public static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> pod)
    {
        // Greedy with one place to come back to: linear but for the last star, and names are short.
        var (at, star, from, i) = (0, -1, 0, 0);
        while (i < pod.Length)
        {
            if (at < pattern.Length && pattern[at] == '*')
                (star, from, at) = (at, i, at + 1);
            else if (at < pattern.Length && IsMeant(pattern[at], pod[i]))
                (at, i) = (at + 1, i + 1);
            else if (star >= 0 && pod[from] != '/')
                (at, i, from) = (star + 1, from + 1, from + 1);
            else
                return false;
        }

        return pattern[at..].TrimEnd('*').IsEmpty;
    }

    /// <summary>The claim that a pod's name says by a pattern: its namespace, and what the star stands for.</summary>
    /// <returns>
    /// Of <c>vms/virt-launcher-*-?????</c> and the pod <c>vms/virt-launcher-db-x7k2p</c>: <c>vms/db</c>. Null where the pod isn't
    /// meant.
    /// </returns>
    public static string? ClaimOf(string pattern, string pod)
    {
        var star = pattern.IndexOf('*', StringComparison.Ordinal);
        var behind = pattern.Length - star - 1;
        if (star < 0 || pod.Length <= star + behind)
            return null;
        for (var i = 0; i < star; i++)
        {
            if (!IsMeant(pattern[i], pod[i]))
                return null;
        }

        for (var i = 1; i <= behind; i++)
        {
            if (!IsMeant(pattern[^i], pod[^i]))
                return null;
        }

        var name = pod[star..(pod.Length - behind)];
        return name.Contains('/', StringComparison.Ordinal)
            ? null
            : $"{pod[..pod.IndexOf('/', StringComparison.Ordinal)]}/{name}";
    }

    private static bool IsMeant(char wanted, char found) => wanted == found || (wanted == '?' && found != '/');
}
