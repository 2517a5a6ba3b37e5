using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Weft.Attachments.Formats;

/// <summary>
/// JSON trees as YAML in block style, for people, that reads back as the same tree by readers of YAML 1.2 and of 1.1
/// alike.
/// </summary>
internal static partial class Yaml
{
    // Characters that end or begin something in a plain scalar, wherever they stand; ':' and '#' do so only beside a
    // blank.
    private static readonly SearchValues<char> PlainCharacters = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !#$%&'()*+,-./:;<=>?@^_|~\""
    );

    private static readonly SearchValues<char> PlainFirstCharacters = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/.(+_;$^"
    );

    /// <summary>Writes one document.</summary>
    /// <returns>The text, with a line feed at its end.</returns>
    public static string Write(JsonNode? node)
    {
        var text = new StringBuilder();
        switch (node)
        {
            case JsonObject { Count: > 0 } map:
                WriteMap(text, map, 0, false);
                break;
            case JsonArray { Count: > 0 } list:
                WriteList(text, list, 0, false);
                break;
            default:
                WriteScalar(text, node, 0);
                text.Append('\n');
                break;
        }

        return text.ToString();
    }

    /// <summary>Writes several documents, each behind a line <c>---</c>.</summary>
    /// <returns>The text; empty where there are none.</returns>
    public static string WriteAll(IEnumerable<JsonNode?> nodes) =>
        string.Concat(nodes.Select(node => "---\n" + Write(node)));

    /// <summary>A map, a line for each member; the first may stand behind the dash of the list it is in.</summary>
    private static void WriteMap(StringBuilder text, JsonObject map, int indent, bool isBehindDash)
    {
        foreach (var (name, value) in map)
        {
            if (!isBehindDash)
                text.Append(' ', indent);
            isBehindDash = false;
            WriteText(text, name, null);
            text.Append(':');
            // A list under a member stands at the member's own depth, as people write it.
            WriteValue(text, value, indent + 2, indent);
        }
    }

    private static void WriteList(StringBuilder text, JsonArray list, int indent, bool isBehindDash)
    {
        foreach (var item in list)
        {
            if (!isBehindDash)
                text.Append(' ', indent);
            isBehindDash = false;
            text.Append('-');
            switch (item)
            {
                case JsonObject { Count: > 0 } map:
                    text.Append(' ');
                    WriteMap(text, map, indent + 2, true);
                    break;
                case JsonArray { Count: > 0 } inner:
                    text.Append(' ');
                    WriteList(text, inner, indent + 2, true);
                    break;
                default:
                    WriteValue(text, item, indent + 2, indent + 2);
                    break;
            }
        }
    }

    private static void WriteValue(StringBuilder text, JsonNode? value, int indent, int listIndent)
    {
        switch (value)
        {
            case JsonObject { Count: > 0 } map:
                text.Append('\n');
                WriteMap(text, map, indent, false);
                break;
            case JsonArray { Count: > 0 } list:
                text.Append('\n');
                WriteList(text, list, listIndent, false);
                break;
            default:
                text.Append(' ');
                WriteScalar(text, value, indent);
                text.Append('\n');
                break;
        }
    }

    private static void WriteScalar(StringBuilder text, JsonNode? value, int indent)
    {
        if (value is JsonObject)
            text.Append("{}");
        else if (value is JsonArray)
            text.Append("[]");
        else if (value is JsonValue scalar && scalar.GetValueKind() == JsonValueKind.String)
            WriteText(text, scalar.GetValue<string>(), indent);
        else
            text.Append(value?.ToJsonString() ?? "null");
    }

    /// <summary>
    /// A string in the plainest way that reads back as the same string; as a block only where it is a value.
    /// </summary>
    /// <remarks>YamlDotNet 18 refuses a plain name in which a '*' stands behind a blank, though YAML allows it.</remarks>
    private static void WriteText(StringBuilder text, string value, int? indent)
    {
        if (
            indent is { } depth
            && value.Contains('\n', StringComparison.Ordinal)
            && !value.EndsWith("\n\n", StringComparison.Ordinal)
            && !UnsafeInBlock().IsMatch(value)
        )
            WriteBlock(text, value, depth);
        else if ((MayBeImplicitType(value) && ImplicitType().IsMatch(value)) || NeedsDoubleQuotes(value))
            WriteDoubleQuoted(text, value);
        else if (IsPlain(value) && (indent is not null || !value.Contains(" *", StringComparison.Ordinal)))
            text.Append(value);
        else
            text.Append('\'').Append(value.Replace("'", "''", StringComparison.Ordinal)).Append('\'');
    }

    /// <summary>
    /// Whether the pattern must be matched: all that it knows is short, begins as a number or a sign, or is as long as
    /// a MAC address.
    /// </summary>
    private static bool MayBeImplicitType(string value) =>
        value.Length <= 5
        || value[0] is (>= '0' and <= '9') or '-' or '+' or '.' or '~' or '=' or '<'
        || (value.Length == 17 && value[2] == ':');

    private static bool NeedsDoubleQuotes(string value) =>
        value[0] == ' '
        || value[^1] == ' '
        || (value.AsSpan().ContainsAnyExceptInRange(' ', '~') && UnsafeInPlain().IsMatch(value));

    // "::/0" is plain: a colon begins something only before a blank.
    private static bool IsPlain(string value) =>
        (PlainFirstCharacters.Contains(value[0]) || value.StartsWith("::", StringComparison.Ordinal))
        && !value.AsSpan().ContainsAnyExcept(PlainCharacters)
        && value[^1] != ':'
        && !value.Contains(": ", StringComparison.Ordinal)
        && !value.Contains(" #", StringComparison.Ordinal)
        && !value.StartsWith("...", StringComparison.Ordinal);

    private static void WriteBlock(StringBuilder text, string value, int indent)
    {
        text.Append(value.EndsWith('\n') ? "|" : "|-");
        foreach (var line in value.AsSpan(0, value.EndsWith('\n') ? value.Length - 1 : value.Length).EnumerateLines())
        {
            text.Append('\n');
            if (!line.IsEmpty)
                text.Append(' ', Math.Max(indent, 2)).Append(line);
        }
    }

    private static void WriteDoubleQuoted(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (var rune in value.EnumerateRunes())
        {
            if (rune.Value is '"' or '\\')
                text.Append('\\').Append((char)rune.Value);
            else if (rune.Value == '\n')
                text.Append("\\n");
            else if (rune.Value == '\t')
                text.Append("\\t");
            else if (rune.Value is >= ' ' and <= '~')
                text.Append((char)rune.Value);
            else if (rune.IsBmp)
                text.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:X4}");
            else
                // Whole and not as two halves, which some readers don't put together again.
                text.Append(CultureInfo.InvariantCulture, $"\\U{rune.Value:X8}");
        }

        text.Append('"');
    }

    // YAML 1.2's null, booleans and numbers; and what YAML 1.1 (kubectl's reader among others) adds: yes and no, octal,
    // base 60, dates, '=' and ' '. MAC addresses of digits alone are numbers to base 60, and so quoted too, whatever
    // their digits.
    [GeneratedRegex(
        @"^(?:|~|=|<<|null|true|false|yes|no|on|off|y|n"
            + @"|[-+]?\.(?:inf|nan)"
            + @"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
            + @"|(?:[0-9a-f]{2}:){5}[0-9a-f]{2}"
            + @"|[-+]?(?:[0-9][0-9_]*)?\.[0-9._]*"
            + @"|[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-f_]+)"
            + @"|[-+]?(?:\.[0-9]|[0-9])[0-9_]*\.?[0-9_]*(?:e[-+]?[0-9]+)?"
            + @"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*)\z",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant
    )]
    private static partial Regex ImplicitType();

    // What some readers trim, fold or refuse outside of double quotes: edges of white space, tabs, and all that is not
    // a plain letter or sign.
    [GeneratedRegex(
        @"^\s|\s$|[^\u0020-\u007e\u00a1-\u1fff\u2030-\ud7ff\ue000-\ufefe\uff00-\ufffd]",
        RegexOptions.CultureInvariant
    )]
    private static partial Regex UnsafeInPlain();

    // A block scalar cannot say these without indentation indicators or escapes.
    [GeneratedRegex(
        @"^[ \n]| \n| $|[^\n\u0020-\u007e\u00a1-\u1fff\u2030-\ud7ff\ue000-\ufefe\uff00-\ufffd]",
        RegexOptions.CultureInvariant
    )]
    private static partial Regex UnsafeInBlock();
}
