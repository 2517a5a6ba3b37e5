using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Attachments.Formats;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary>Records in every format of <c>-o</c>.</summary>
internal sealed class AuditText(CommandSession session, OutputFormat format)
{
    /// <summary>How wide columns are where it isn't known what comes.</summary>
    private static readonly int[] Widths = [24, 24, 22, 6, 48, 32, 5];

    private bool _hasHead;

    private string[] Head =>
        format == OutputFormat.Wide
            ?
            [
                "TIME",
                "NUMBER",
                "WHO",
                "FROM",
                "VERB",
                "ID",
                "RESULT",
                "COUNT",
                "BEFORE",
                "AFTER",
                "CORRELATION",
                "DETAIL",
            ]
            : ["TIME", "WHO", "FROM", "VERB", "ID", "RESULT", "COUNT"];

    /// <summary>Writes all that there is.</summary>
    public void Write(IReadOnlyList<AuditRecord> records)
    {
        if (format == OutputFormat.Json)
            session.Out.Writer.WriteLine(JsonFormatter.Indented(new JsonArray([.. records.Select(ToNode)])));
        else if (format == OutputFormat.Yaml)
            session.Out.Writer.Write(Yaml.WriteAll(records.Select(ToNode)));
        else if (records.Count > 0)
            TableText.Write(session.Out, Head, [.. records.Select(ToRow)]);
    }

    /// <summary>Writes what more may follow: a line a record, JSON too.</summary>
    public void Append(IReadOnlyList<AuditRecord> records)
    {
        if (format == OutputFormat.Json)
        {
            foreach (var record in records)
                session.Out.Writer.WriteLine(JsonFormatter.Compact(ToNode(record)));
        }
        else if (format == OutputFormat.Yaml)
        {
            session.Out.Writer.Write(Yaml.WriteAll(records.Select(ToNode)));
        }
        else
        {
            if (!_hasHead)
                session.Out.WriteLine(Join(Head), TextStyle.Heading);
            _hasHead = true;
            foreach (var record in records)
                session.Out.WriteLine(Join(ToRow(record)));
        }

        session.Out.Writer.Flush();
    }

    private string[] ToRow(AuditRecord record)
    {
        var id = $"{Label.For(record.Id ?? "")}{(record.Action is null ? "" : $" {record.Action}")}";
        var result = string.Join(
            ' ',
            new[] { $"{record.Result}", $"{record.Status}", record.Code ?? "" }.Where(t => t.Length > 0)
        );
        var count = $"{record.Count}";
        var from = record.From ?? "";
        return format == OutputFormat.Wide
            ?
            [
                record.Time,
                record.Number.ToString(CultureInfo.InvariantCulture),
                record.Who,
                from,
                record.Verb,
                record.Id is { } full ? $"{full}{(record.Action is null ? "" : $" {record.Action}")}" : "",
                result,
                count,
                record.Before ?? "",
                record.After ?? "",
                record.CorrelationId ?? "",
                string.Join(' ', (record.Detail ?? []).Select(pair => $"{pair.Key}={pair.Value}")),
            ]
            : [record.Time, ShortName(record.Who), from, record.Verb, id, result, count];
    }

    /// <summary>An agent is called by its cluster and its name.</summary>
    private static string ShortName(string who) => ResourceId.TryParse(who, out var id) ? Label.Path(id) : who;

    private static string Join(string[] cells) =>
        string.Concat(
                cells.Select(
                    (cell, i) => $"{(cell.Length == 0 ? "-" : cell).PadRight(i < Widths.Length ? Widths[i] : 0)}  "
                )
            )
            .TrimEnd();

    private static JsonNode ToNode(AuditRecord record) => JsonNode.Parse(record.ToBytes())!;
}
