using System.Text.Json.Nodes;
using Weft.Attachments.Formats;
using Weft.Cli.Kinds;
using Weft.Cli.Primitives;

namespace Weft.Cli.Output;

/// <summary>Resources in every format of <c>-o</c>.</summary>
internal static class ResourceText
{
    /// <summary>Prints resources.</summary>
    /// <param name="single">Whether one was asked for by name: then JSON is an object, not a list.</param>
    /// <param name="withGroup">Whether the table says the resource group.</param>
    public static void Write(
        CommandSession session,
        Kind kind,
        IReadOnlyList<JsonObject> resources,
        OutputFormat format,
        bool single,
        bool withGroup
    )
    {
        switch (format)
        {
            case OutputFormat.Json:
                session.Out.Writer.WriteLine(
                    JsonFormatter.Indented(
                        single && resources.Count == 1
                            ? resources[0]
                            : new JsonArray([.. resources.Select(r => r.DeepClone())])
                    )
                );
                break;
            case OutputFormat.Yaml:
                session.Out.Writer.Write(
                    single && resources.Count == 1 ? Yaml.Write(resources[0]) : Yaml.WriteAll(resources)
                );
                break;
            case OutputFormat.Name:
                foreach (var resource in resources)
                    session.Out.WriteLine(Label.For(resource["id"]?.ToString() ?? ""));
                break;
            default:
                WriteTable(session, kind, resources, format == OutputFormat.Wide, withGroup);
                break;
        }
    }

    private static void WriteTable(
        CommandSession session,
        Kind kind,
        IReadOnlyList<JsonObject> resources,
        bool wide,
        bool withGroup
    )
    {
        if (resources.Count == 0)
            return;
        var now = session.Environment.Clock.GetUtcNow();
        var columns = kind.Columns.Where(column => wide || !column.IsWide).ToList();
        if (withGroup && !kind.IsGroup)
            columns.Insert(0, new Column("GROUP", row => row.Id?.ResourceGroup ?? ""));
        TableText.Write(
            session.Out,
            [.. columns.Select(column => column.Header)],
            [
                .. resources
                    .Select(resource => new ResourceRow(resource, now))
                    .Select(row => columns.Select(column => column.Cell(row)).ToArray()),
            ]
        );
    }
}
