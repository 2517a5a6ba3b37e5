using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments.Formats;
using Weft.Cli.Documents;

namespace Weft.Cli.Relay;

/// <summary>
/// A kubeconfig, as a value. A change touches the lines it is about; foreign entries, their order and all comments
/// stay.
/// </summary>
/// <remarks>
/// A file in JSON or with lists in brackets is written anew as YAML at its first change: JSON has no comments to lose.
/// </remarks>
internal sealed class KubeconfigText
{
    private const string CurrentContextMember = "current-context";
    private const string EmptyConfig = "apiVersion: v1\nkind: Config\nclusters: []\nusers: []\ncontexts: []\n";

    private readonly KubeconfigLayout _layout;

    private KubeconfigText(string text, JsonObject root, string file) =>
        (Text, Root, File, _layout) = (text, root, file, KubeconfigLayout.Parse(text));

    /// <summary>The text.</summary>
    public string Text { get; }

    /// <summary>What the text says.</summary>
    public JsonObject Root { get; }

    /// <summary>Which file it is, for messages.</summary>
    public string File { get; }

    /// <summary>The context that is used where none is named; null for none.</summary>
    public string? CurrentContext =>
        Root[CurrentContextMember] is JsonValue value
        && value.GetValueKind() == JsonValueKind.String
        && value.GetValue<string>() is { Length: > 0 } name
            ? name
            : null;

    /// <summary>Reads a text.</summary>
    /// <param name="text">The text; an empty one is a kubeconfig without entries.</param>
    /// <exception cref="CliError">It is none.</exception>
    public static KubeconfigText Parse(string text, string file)
    {
        var findings = new List<Finding>();
        var documents = YamlReader.Read(file, new StringReader(text), findings);
        if (findings.Count > 0)
            throw new CliError(
                $"{file} can't be read as a kubeconfig, so nothing is written to it",
                [.. findings.Select(finding => finding.ToString())],
                "mend it, or name another file with --kubeconfig FILE"
            );
        if (documents.Count == 0)
            return Parse($"{EndLine(text)}{EmptyConfig}{CurrentContextMember}: \"\"\n", file);
        if (documents is [{ Value: JsonObject { Count: 0 } }])
            return Parse("", file);
        return documents is [{ Value: JsonObject root }]
            ? new KubeconfigText(EndLine(text), root, file)
            : throw new CliError(
                $"{file} is no kubeconfig: it holds {(documents.Count > 1 ? "several documents" : "no object")}",
                next: "name another file with --kubeconfig FILE"
            );
    }

    /// <summary>A kubeconfig with one entry and nothing else.</summary>
    public static KubeconfigText CreateEmpty() => Parse("", "the kubeconfig");

    /// <summary>Finds an entry.</summary>
    /// <param name="list"><c>clusters</c>, <c>users</c> or <c>contexts</c>.</param>
    /// <returns>The entry with its name, or null.</returns>
    public JsonObject? Find(string list, string name) =>
        Entries(list).FirstOrDefault(entry => entry["name"]?.ToString() == name);

    /// <summary>The entries of a list.</summary>
    /// <param name="list"><c>clusters</c>, <c>users</c> or <c>contexts</c>.</param>
    public IEnumerable<JsonObject> Entries(string list) => (Root[list] as JsonArray ?? []).OfType<JsonObject>();

    /// <summary>Adds an entry, or puts it in the place of the one with its name.</summary>
    public KubeconfigText With(string list, JsonObject entry) => Replace(list, entry["name"]!.ToString(), entry);

    /// <summary>Takes an entry out.</summary>
    /// <returns>The changed kubeconfig; the same where there is no such entry.</returns>
    public KubeconfigText Without(string list, string name) =>
        Find(list, name) is null ? this : Replace(list, name, null);

    /// <summary>Makes a context the current one.</summary>
    /// <param name="name">Its name; null for none.</param>
    public KubeconfigText WithCurrentContext(string? name)
    {
        if (name == CurrentContext)
            return this;
        if (!_layout.IsBlockStyle)
            return ToBlockStyle().WithCurrentContext(name);
        var value = name is null ? "\"\"" : Yaml.Write(JsonValue.Create(name)).TrimEnd('\n');
        if (_layout.FindScalar(CurrentContextMember) is not { } place)
            return Parse($"{Text}{CurrentContextMember}: {value}\n", File);
        // 'current-context:' with nothing has no place of its own: the blank after the colon is missing.
        var before = Text[..place.Start];
        var blank = before.Length == 0 || before.EndsWith(' ') ? "" : " ";
        return Parse($"{before}{blank}{value}{Text[place.End..]}", File);
    }

    private static string EndLine(string text) => text.Length == 0 || text.EndsWith('\n') ? text : text + '\n';

    private KubeconfigText Replace(string list, string name, JsonObject? entry)
    {
        if (!_layout.IsBlockStyle)
            return ToBlockStyle().Replace(list, name, entry);
        var lines = _layout.Lines.ToList();
        var place = _layout.FindList(list) ?? new ListSpan(lines.Count, []);
        if (place.KeyLine == lines.Count)
            lines.Add("");
        var indent = place.Items.Count > 0 ? IndentOf(lines[place.Items[0].First]) : 0;
        var old = place.Items.FirstOrDefault(item => item.Name == name);
        var at = old?.First ?? place.Last + 1;
        if (old is not null)
            lines.RemoveRange(at, old.Last - at + 1);
        if (entry is not null)
            lines.InsertRange(at, FormatItem(entry, indent));
        if (place.Items.Count == 0)
            lines[place.KeyLine] = $"{list}:";
        else if (place.Items.Count == 1 && entry is null)
            lines[place.KeyLine] = $"{list}: []";
        var end = Text.Contains("\r\n", StringComparison.Ordinal) ? "\r\n" : "\n";
        return Parse(string.Join(end, lines) + end, File);
    }

    private static int IndentOf(string line) => line.Length - line.TrimStart().Length;

    private static IEnumerable<string> FormatItem(JsonObject entry, int indent) =>
        Yaml.Write(new JsonArray(entry.DeepClone()))
            .TrimEnd('\n')
            .Split('\n')
            .Select(line => new string(' ', indent) + line);

    private KubeconfigText ToBlockStyle() => Parse(Yaml.Write(Root), File);
}
