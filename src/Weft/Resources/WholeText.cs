using System.Text.RegularExpressions;

namespace Weft.Resources;

/// <summary>
/// Patterns that are for whole texts, as API documents write them: <c>^…$</c> of ECMA 262, where <c>$</c> is the end. In
/// .NET a line feed may stand behind it.
/// </summary>
internal static class WholeText
{
    /// <summary>Whether a pattern matches a text to its end.</summary>
    public static bool Matches(Regex pattern, string text) =>
        pattern.Match(text) is { Success: true } found && found.Length == text.Length;
}
