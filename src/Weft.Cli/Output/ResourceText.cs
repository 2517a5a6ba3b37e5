using Weft.Attachments.Renderers;
using System.Text.Json.Nodes;
using Weft.Cli.Kinds;

namespace Weft.Cli.Output;

/// <summary>Resources in every format of <c>-o</c>.</summary>
internal static class ResourceText
{
    /// <summary>Prints resources.</summary>
    /// <param name="single">Whether one was asked for by name: then JSON is an object, not a list.</param>
    /// <param name="withGroup">Whether the table says the resource group.</param>
    public static void Write(Session session, Kind kind, IReadOnlyList<JsonObject> resources, OutputFormat format, bool single, bool withGroup)
    {
        switch (format)
        {
            case OutputFormat.Json:
                session.Out.Raw.WriteLine(JsonText.Of(single && resources.Count == 1 ? resources[0] : new JsonArray([.. resources.Select(r => r.DeepClone())])));
                break;
            case OutputFormat.Yaml:
                session.Out.Raw.Write(single && resources.Count == 1 ? Yaml.Write(resources[0]) : Yaml.WriteAll(resources));
                break;
            case OutputFormat.Name:
                foreach (var resource in resources)
                    session.Out.Line(Label.Of(resource["id"]?.ToString() ?? ""));
                break;
            default:
                Table(session, kind, resources, format == OutputFormat.Wide, withGroup);
                break;
        }
    }

    private static void Table(Session session, Kind kind, IReadOnlyList<JsonObject> resources, bool wide, bool withGroup)
    {
        if (resources.Count == 0)
            return;
        var now = session.Surroundings.Clock.GetUtcNow();
        var columns = kind.Columns.Where(column => wide || !column.Wide).ToList();
        if (withGroup && !kind.IsGroup)
            columns.Insert(0, new Column("GROUP", row => row.Id?.ResourceGroup ?? ""));
        TableText.Write(
            session.Out,
            [.. columns.Select(column => column.Head)],
            [.. resources.Select(resource => new Row(resource, now)).Select(row => columns.Select(column => column.Cell(row)).ToArray())]);
    }
}
