using System.Text.Json.Nodes;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary>What <c>weft ipam registrations</c> prints as tables.</summary>
internal static class RegistrationsText
{
    /// <summary>Writes the agents, then what is in conflict, then what nobody claims.</summary>
    /// <param name="report">The answer of <c>/providers/Weft.Ipam/registrations</c>.</param>
    public static void Write(CommandSession session, JsonObject report)
    {
        if (report["epoch"] is not JsonObject epoch)
        {
            session.Error.WriteLine("the store was never restored: nothing has to be registered", TextStyle.Faint);
            return;
        }

        var since = $"restored {epoch["since"]}";
        var waiting = epoch["awaitsAgents"]?.GetValue<bool>() == true;
        session.Error.WriteLine(
            waiting
                ? $"{since}; networks of agents that are awaited lease nothing new"
                : $"{since}; all networks lease",
            TextStyle.Faint
        );
        WriteTable(
            session,
            report,
            "agents",
            ["AGENT", "CLUSTER", "NODE", "STATE", "LEASES", "ADOPTED", "UNCLAIMED"],
            row =>
                [
                    NameOf(row.Text("id")),
                    ResourceId.TryParse(row.Text("id"), out var id) ? id.Parent!.Name : "",
                    row.Text("node"),
                    row.Text("state"),
                    row.Text("leases"),
                    row.Text("adopted"),
                    row.Text("unclaimed"),
                ]
        );
        WriteTable(
            session,
            report,
            "conflicts",
            ["CONFLICT", "NETWORK", "RUNNING", "HELD BY"],
            row => [row.Text("address"), NameOf(row.Text("network")), row.Text("holder"), row.Text("heldBy")]
        );
        WriteTable(
            session,
            report,
            "unclaimed",
            ["UNCLAIMED", "NETWORK", "HELD BY"],
            row => [row.Text("address"), NameOf(row.Text("network")), row.Text("holder")]
        );
    }

    private static void WriteTable(
        CommandSession session,
        JsonObject report,
        string member,
        string[] columns,
        Func<ResourceRow, string[]> cells
    )
    {
        var rows = new ResourceRow(report, default)
            .Objects(member)
            .Select(item => new ResourceRow(item, default))
            .ToList();
        if (rows.Count > 0)
            TableText.Write(session.Out, [.. columns], [.. rows.Select(cells)]);
    }

    private static string NameOf(string id) => ResourceId.TryParse(id, out var parsed) ? parsed.Name : id;
}
