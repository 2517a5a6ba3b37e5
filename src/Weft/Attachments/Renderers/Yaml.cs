using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Weft.Attachments.Renderers;

/// <summary>JSON trees as YAML in block style, for people, that reads back as the same tree by readers of YAML 1.2 and of 1.1 alike.</summary>
public static partial class Yaml
{
    /// <summary>Writes one document.</summary>
    /// <param name="node">The tree.</param>
    /// <returns>The text, with a line feed at its end.</returns>
    public static string Write(JsonNode? node)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        var emitter = new Emitter(text, new EmitterSettings(2, int.MaxValue, false, 1024, newLine: "\n"));
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart());
        Emit(emitter, node);
        emitter.Emit(new DocumentEnd(true));
        emitter.Emit(new StreamEnd());
        return text.ToString().TrimEnd('\n') + "\n";
    }

    /// <summary>Writes several documents, each behind a line <c>---</c>.</summary>
    /// <param name="nodes">The trees.</param>
    /// <returns>The text; empty where there are none.</returns>
    public static string WriteAll(IEnumerable<JsonNode?> nodes) => string.Concat(nodes.Select(node => "---\n" + Write(node)));

    private static void Emit(Emitter emitter, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject map:
                emitter.Emit(new MappingStart(AnchorName.Empty, TagName.Empty, true, map.Count == 0 ? MappingStyle.Flow : MappingStyle.Block));
                foreach (var (name, value) in map)
                {
                    emitter.Emit(OfString(name, false));
                    Emit(emitter, value);
                }

                emitter.Emit(new MappingEnd());
                break;
            case JsonArray list:
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, true, list.Count == 0 ? SequenceStyle.Flow : SequenceStyle.Block));
                foreach (var item in list)
                    Emit(emitter, item);
                emitter.Emit(new SequenceEnd());
                break;
            case JsonValue value when value.GetValueKind() == JsonValueKind.String:
                emitter.Emit(OfString(value.GetValue<string>(), true));
                break;
            default:
                emitter.Emit(OfText(node?.ToJsonString() ?? "null", ScalarStyle.Plain));
                break;
        }
    }

    /// <summary>A name stands on one line; a value may be a block.</summary>
    private static Scalar OfString(string text, bool mayBeBlock)
    {
        if (mayBeBlock && text.Contains('\n', StringComparison.Ordinal) && !text.EndsWith("\n\n", StringComparison.Ordinal) && !HardInBlock().IsMatch(text))
            return OfText(text, ScalarStyle.Literal);
        return OfText(text, ReadsAsSomethingElse().IsMatch(text) || HardInPlain().IsMatch(text) ? ScalarStyle.DoubleQuoted : ScalarStyle.Any);
    }

    private static Scalar OfText(string text, ScalarStyle style) => new(AnchorName.Empty, TagName.Empty, text, style, true, true);

    // YAML 1.2's null, booleans and numbers; and what YAML 1.1 (kubectl's reader among others) adds: yes and no, octal, base 60, dates, '=' and '<<'.
    // MAC addresses of digits alone are numbers to base 60, and so quoted too, whatever their digits.
    [GeneratedRegex(
        @"^(?:|~|=|<<|null|true|false|yes|no|on|off|y|n|[-+]?\.(?:inf|nan)|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|[-+]?(?:[0-9][0-9_]*)?\.[0-9._]*" +
        @"|[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-f_]+)|[-+]?(?:\.[0-9]|[0-9])[0-9_]*\.?[0-9_]*(?:e[-+]?[0-9]+)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*)$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex ReadsAsSomethingElse();

    // What some readers trim, fold or refuse outside of double quotes: edges of white space, tabs, and all that is not a plain letter or sign.
    [GeneratedRegex(@"^\s|\s$|[^\u0020-\u007e\u00a1-\u1fff\u2030-\ud7ff\ue000-\ufefe\uff00-\ufffd]", RegexOptions.CultureInvariant)]
    private static partial Regex HardInPlain();

    // A block scalar cannot say these without indentation indicators or escapes.
    [GeneratedRegex(@"^[ \n]| \n| $|[^\n\u0020-\u007e\u00a1-\u1fff\u2030-\ud7ff\ue000-\ufefe\uff00-\ufffd]", RegexOptions.CultureInvariant)]
    private static partial Regex HardInBlock();
}
