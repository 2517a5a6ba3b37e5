using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Weft.Attachments.Renderers;

/// <summary>JSON trees as YAML in block style, for people and for tools that read YAML 1.1 or 1.2.</summary>
public static class Yaml
{
    // What a YAML 1.1 reader would take for something else than the text it is.
    private static readonly FrozenSet<string> Words = FrozenSet.ToFrozenSet(
        ["", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", ".nan"], StringComparer.OrdinalIgnoreCase);

    /// <summary>Writes a tree.</summary>
    /// <param name="node">The tree.</param>
    /// <returns>The text, with a line feed at its end.</returns>
    public static string Write(JsonNode node) => Write([node]);

    /// <summary>Writes several documents, each but the first behind <c>---</c>.</summary>
    /// <param name="documents">The trees.</param>
    /// <returns>The text.</returns>
    public static string Write(IEnumerable<JsonNode> documents)
    {
        ArgumentNullException.ThrowIfNull(documents);
        using var writer = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        var emitter = new Emitter(writer, new EmitterSettings(bestIndent: 2, bestWidth: int.MaxValue, isCanonical: false, maxSimpleKeyLength: 1024));
        emitter.Emit(new StreamStart());
        var first = true;
        foreach (var document in documents)
        {
            emitter.Emit(new DocumentStart(null, null, first));
            Write(emitter, document);
            emitter.Emit(new DocumentEnd(true));
            first = false;
        }

        emitter.Emit(new StreamEnd());
        var text = writer.ToString();
        return text.EndsWith('\n') ? text : text + "\n";
    }

    private static void Write(Emitter emitter, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject body:
                emitter.Emit(new MappingStart(null, null, true, body.Count == 0 ? MappingStyle.Flow : MappingStyle.Block));
                foreach (var (name, value) in body)
                {
                    Text(emitter, name, false);
                    Write(emitter, value);
                }

                emitter.Emit(new MappingEnd());
                break;
            case JsonArray list:
                emitter.Emit(new SequenceStart(null, null, true, list.Count == 0 ? SequenceStyle.Flow : SequenceStyle.Block));
                foreach (var element in list)
                    Write(emitter, element);
                emitter.Emit(new SequenceEnd());
                break;
            case null:
                emitter.Emit(new Scalar("null"));
                break;
            default:
                if (node.GetValueKind() == JsonValueKind.String)
                    Text(emitter, node.GetValue<string>(), true);
                else
                    emitter.Emit(new Scalar(node.ToJsonString()));
                break;
        }
    }

    private static void Text(Emitter emitter, string text, bool mayBeBlock)
    {
        var style = IsPlain(text) ? ScalarStyle.Plain : mayBeBlock && IsBlock(text) ? ScalarStyle.Literal : ScalarStyle.DoubleQuoted;
        emitter.Emit(new Scalar(null, null, text, style, style == ScalarStyle.Plain, style != ScalarStyle.Plain));
    }

    /// <summary>As it stands only text whose lines a reader can't take for anything else: no control characters, no blanks at the ends of lines.</summary>
    private static bool IsBlock(string text) =>
        text.Contains('\n', StringComparison.Ordinal) && text[0] is not (' ' or '\n') && !text.EndsWith("\n\n", StringComparison.Ordinal)
        && !text.Contains(" \n", StringComparison.Ordinal) && text[^1] != ' '
        && text.All(c => c is '\n' or (>= ' ' and <= '~') || (char.IsLetterOrDigit(c) && c > '\u00a0'));

    /// <summary>Plain only what can't be read as anything but text: it begins with a letter or a slash, and holds nothing that YAML gives a meaning.</summary>
    private static bool IsPlain(string text) =>
        !Words.Contains(text) && (char.IsAsciiLetter(text[0]) || text[0] is '/' or '_') && text[^1] is not (' ' or ':')
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '_' or '-' or '.' or ' ' or '+' or '=' or '@')
        && !text.Contains("  ", StringComparison.Ordinal);
}
