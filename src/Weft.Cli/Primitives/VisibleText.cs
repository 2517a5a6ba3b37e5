using System.Globalization;
using System.Text;

namespace Weft.Cli.Primitives;

/// <summary>
/// Texts of others on a terminal or in a pipe. What isn't seen could reorder or hide what is: control characters,
/// format characters such as U+202E (right-to-left override), line and paragraph separators.
/// </summary>
internal static class VisibleText
{
    /// <summary>
    /// A text for a terminal: format characters as <c>\u202E</c>, control characters as U+FFFD; line feeds and tabs
    /// stay.
    /// </summary>
    public static string ForTerminal(string text) => Escape(text, isJson: false);

    /// <summary>JSON that is written already: what isn't seen in its texts, as JSON's own escapes.</summary>
    public static string ForJson(string json) => Escape(json, isJson: true);

    private static string Escape(string text, bool isJson)
    {
        StringBuilder? result = null;
        for (var i = 0; i < text.Length; )
        {
            var isRune = Rune.TryGetRuneAt(text, i, out var rune);
            var length = isRune ? rune.Utf16SequenceLength : 1;
            if (text[i] is '\n' or '\t' || (isRune && IsSeen(rune, isJson)))
            {
                result?.Append(text, i, length);
            }
            else
            {
                result ??= new StringBuilder(text, 0, i, text.Length + 16);
                if (!isJson && Rune.IsControl(rune) && isRune)
                    result.Append('\ufffd');
                else
                    AppendEscapes(result, text.AsSpan(i, length));
            }

            i += length;
        }

        return result?.ToString() ?? text;
    }

    /// <summary>Between JSON's texts stand line ends and nothing else that is a control character.</summary>
    private static bool IsSeen(Rune rune, bool isJson) =>
        Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => false,
            UnicodeCategory.Control => isJson && rune.Value == '\r',
            _ => true,
        };

    private static void AppendEscapes(StringBuilder result, ReadOnlySpan<char> units)
    {
        foreach (var unit in units)
            result.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:X4}");
    }
}
