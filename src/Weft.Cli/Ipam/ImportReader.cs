using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Addressing;

namespace Weft.Cli.Ipam;

/// <summary>Reads lists of addresses in use, as people and other IPAM programs keep them.</summary>
/// <remarks>Source: docs/specs/addressing.md, "Import".</remarks>
internal static class ImportReader
{
    public const string Csv = "csv";
    public const string JsonList = "json";
    public const string HostLocal = "host-local";
    public const string Whereabouts = "whereabouts";

    /// <summary>The formats, in the order in which help names them.</summary>
    public static readonly string[] Formats = [Csv, JsonList, HostLocal, Whereabouts];

    private static readonly string[] Columns = ["address", "name", "for", "pod"];

    /// <summary>Reads a file, or the folder of host-local.</summary>
    /// <param name="format">The format; null for the one that it looks like.</param>
    /// <param name="skipped">What was left out, a line each: ranges of other networks.</param>
    /// <exception cref="CliError">It can't be read; with every finding.</exception>
    public static List<ImportEntry> Read(
        string path,
        string? format,
        IReadOnlyList<Prefix> prefixes,
        List<string> skipped
    )
    {
        var findings = new List<string>();
        var entries = Directory.Exists(path)
            ? ReadFolder(path, format)
            : ReadText(path, format, prefixes, skipped, findings);
        if (findings.Count > 0)
            throw new CliError($"{path} can't be imported: nothing was sent", findings);
        return entries.Count > 0 ? entries : throw new CliError($"{path} holds no address in use", skipped);
    }

    private static List<ImportEntry> ReadText(
        string path,
        string? format,
        IReadOnlyList<Prefix> prefixes,
        List<string> skipped,
        List<string> findings
    )
    {
        if (format == HostLocal)
            throw CliError.Usage(
                $"{path} is no folder",
                "host-local keeps a file for each address: name its folder, /var/lib/cni/networks/NETWORK"
            );
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliError($"{path} can't be read: {e.Message}");
        }

        format ??= text.AsSpan().TrimStart() is ['{' or '[', ..] ? JsonList : Csv;
        if (format == Csv)
            return ReadCsv(path, text, findings);
        if (ParseJson(path, text, findings) is not { } json)
            return [];
        return format == Whereabouts || IsPool(json)
            ? WhereaboutsPools.Read(path, json, prefixes, skipped, findings)
            : ReadJson(path, json, findings);
    }

    private static bool IsPool(JsonNode json) =>
        json is JsonObject body && (body["items"] is JsonArray || body["spec"]?["allocations"] is not null);

    private static JsonNode? ParseJson(string path, string text, List<string> findings)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException e)
        {
            findings.Add($"{path}:{(e.LineNumber ?? 0) + 1}: no JSON");
            return null;
        }
    }

    /// <summary>host-local's folder: a file for each address, whose two lines are the container and its interface.</summary>
    private static List<ImportEntry> ReadFolder(string path, string? format)
    {
        if (format is not (null or HostLocal))
            throw CliError.Usage($"{path} is a folder", $"a folder is read as {HostLocal}; name a file");
        var entries = new List<ImportEntry>();
        foreach (var file in Directory.EnumerateFiles(path).Order(StringComparer.Ordinal))
        {
            // Beside them stand its lock and the addresses that it gave last.
            if (!Address.TryParse(Path.GetFileName(file), out var address))
                continue;
            var lines = File.ReadAllText(file).Split('\n', StringSplitOptions.TrimEntries);
            var name = $"{lines[0]} {lines.ElementAtOrDefault(1)}".Trim();
            entries.Add(new ImportEntry(file, address.ToString(), name.Length > 0 ? name : null, null, null));
        }

        return entries;
    }

    private static List<ImportEntry> ReadJson(string path, JsonNode json, List<string> findings)
    {
        var list = json as JsonArray ?? (json as JsonObject)?["entries"] as JsonArray ?? [];
        var entries = new List<ImportEntry>();
        foreach (var (item, i) in list.Select((item, i) => (item, i)))
        {
            var place = string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]");
            string? Text(string member) => (item as JsonObject)?[member] is JsonValue value ? value.ToString() : null;
            var address = item is JsonValue only ? only.ToString() : Text(Columns[0]);
            foreach (
                var unknown in (item as JsonObject ?? [])
                    .Select(member => member.Key)
                    .Except(Columns, StringComparer.Ordinal)
            )
                findings.Add($"{place}: there is no member '{unknown}'; there are {string.Join(", ", Columns)}");
            if (address is null)
                findings.Add($"{place}: it has no 'address'");
            else
                entries.Add(new ImportEntry(place, address, Text("name"), Text("for"), Text("pod")));
        }

        return entries;
    }

    private static List<ImportEntry> ReadCsv(string path, string text, List<string> findings)
    {
        var entries = new List<ImportEntry>();
        var columns = Columns;
        foreach (var (line, i) in text.Split('\n').Select((line, i) => (line.TrimEnd('\r'), i)))
        {
            if (string.IsNullOrWhiteSpace(line) || line.StartsWith('#'))
                continue;
            var place = string.Create(CultureInfo.InvariantCulture, $"{path}:{i + 1}");
            var cells = SplitCells(line);
            if (entries.Count == 0 && cells.Contains(Columns[0], StringComparer.OrdinalIgnoreCase))
            {
                columns = [.. cells.Select(cell => cell.ToLowerInvariant())];
                findings.AddRange(
                    columns
                        .Except(Columns, StringComparer.Ordinal)
                        .Select(cell => $"{place}: there is no column '{cell}'; there are {string.Join(", ", Columns)}")
                );
                continue;
            }

            string? Cell(string column) =>
                cells.ElementAtOrDefault(Array.IndexOf(columns, column)) is { Length: > 0 } cell ? cell : null;
            if (cells.Count > columns.Length || Cell(Columns[0]) is not { } address)
                findings.Add($"{place}: write {string.Join(",", columns)}; all but the address may be left out");
            else
                entries.Add(new ImportEntry(place, address, Cell("name"), Cell("for"), Cell("pod")));
        }

        return entries;
    }

    /// <summary>The cells of a line: commas between them, quotes around those that hold commas (RFC 4180).</summary>
    private static List<string> SplitCells(string line)
    {
        var cells = new List<string>();
        var cell = new System.Text.StringBuilder();
        var quoted = false;
        foreach (var c in line)
        {
            if (c == '"')
                quoted = !quoted;
            else if (c == ',' && !quoted)
            {
                cells.Add(cell.ToString().Trim());
                cell.Clear();
            }
            else
                cell.Append(c);
        }

        cells.Add(cell.ToString().Trim());
        return cells;
    }
}
