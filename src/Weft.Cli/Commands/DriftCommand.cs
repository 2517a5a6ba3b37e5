using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Attachments.Formats;
using Weft.Cli.Arm;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary><c>weft drift</c>: where clusters aren't what they should be, as their agents said last.</summary>
internal static class DriftCommand
{
    private static readonly Kind AgentKind = KindTable.Agents;

    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var cluster = Parameters.Reference(cli, "--cluster", KindTable.KubernetesClusters, "One cluster only");
        var command = new Command("drift", "Say where clusters differ from what is desired") { cluster };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml);
                var clusters = await FindClustersAsync(session, session.Parsed.GetValue(cluster), cancel);
                var standings = new List<SyncStatus>();
                foreach (var id in clusters)
                    standings.AddRange(await GetStatusesAsync(session, id, cancel));
                Write(session, standings, format);
                foreach (var id in clusters.Where(id => !standings.Exists(s => s.Cluster == id)))
                    session.Error.WriteLine(
                        $"{Label.For(id)} has no agent: nobody says what it is like",
                        TextStyle.Changed
                    );
                return standings.Exists(s => s.State == "Failed") ? ExitCode.Failed
                    : standings.Exists(s => s.OutOfSync) ? ExitCode.Changes
                    : ExitCode.Success;
            }
        );
        return command;
    }

    /// <summary>The cluster that is named, or all in sight.</summary>
    /// <param name="name">The name, or null.</param>
    public static async Task<List<ResourceId>> FindClustersAsync(
        CommandSession session,
        string? name,
        CancellationToken cancel
    )
    {
        if (name is not null)
            return [session.Scope.ResolveId(KindTable.KubernetesClusters, name)];
        var all = await new ResourceLookup(session).ListAsync(
            KindTable.KubernetesClusters,
            null,
            allGroups: false,
            cancel
        );
        return [.. all.Select(resource => new ResourceRow(resource, default).Id).OfType<ResourceId>()];
    }

    private static async Task<IEnumerable<SyncStatus>> GetStatusesAsync(
        CommandSession session,
        ResourceId cluster,
        CancellationToken cancel
    )
    {
        var digest = (await ManifestsCommand.GetDesiredStateAsync(session, cluster, cancel))["digest"]?.ToString();
        var agents = await new ResourceLookup(session).ListAsync(
            AgentKind,
            cluster.ToString(),
            allGroups: false,
            cancel
        );
        return agents.Select(agent => new SyncStatus(
            cluster,
            new ResourceRow(agent, session.Environment.Clock.GetUtcNow()),
            digest
        ));
    }

    private static void Write(CommandSession session, List<SyncStatus> standings, OutputFormat format)
    {
        if (format == OutputFormat.Table)
        {
            WriteTable(session, standings);
            foreach (var status in standings)
                WriteDrift(session, status);
            return;
        }

        var list = new JsonArray([.. standings.Select(s => (JsonNode)s.ToJson())]);
        if (format == OutputFormat.Json)
            session.Out.Writer.WriteLine(JsonFormatter.Indented(list));
        else
            session.Out.Writer.Write(Yaml.Write(list));
    }

    private static void WriteTable(CommandSession session, List<SyncStatus> standings)
    {
        if (standings.Count == 0)
            return;
        var rows = standings.Select(s =>
            new[]
            {
                s.Cluster.Name,
                s.Agent.Id?.Name ?? "",
                s.Agent.Text("properties.node"),
                s.State,
                s.DigestStatus,
                s.Count(mended: false),
                s.Count(mended: true),
                s.Agent.AgeSince("properties.status.at"),
            }
        );
        TableText.Write(
            session.Out,
            ["CLUSTER", "AGENT", "NODE", "STATE", "PICTURE", "STANDING", "MENDED", "REPORTED"],
            [.. rows]
        );
    }

    private static void WriteDrift(CommandSession session, SyncStatus status)
    {
        var who = $"{status.Cluster.Name}/{status.Agent.Id?.Name}";
        if (status.State == "Failed")
            session.Out.WriteLine($"! {who}: {status.Agent.Text("properties.status.message")}", TextStyle.Error);
        foreach (var drift in status.Drift)
        {
            var (mark, state, style) = SyncStatus.IsRepaired(drift)
                ? ("~", "mended", TextStyle.Changed)
                : ("!", "stands", TextStyle.Error);
            var age = new ResourceRow(drift, status.Agent.Now).AgeSince("at");
            var since = age.Length > 0 ? $", {age} ago" : "";
            session.Out.WriteLine($"{mark} {who}: {drift["what"]}: {drift["was"]} ({state}{since})", style);
        }
    }

    /// <summary>How an agent's part of a cluster stands to what is desired.</summary>
    private sealed record SyncStatus(ResourceId Cluster, ResourceRow Agent, string? Digest)
    {
        public string State => Agent.Text("properties.status.state") is { Length: > 0 } state ? state : "Unknown";

        /// <summary>Which desired state it has applied: today's, an older one, or none that it has told of.</summary>
        public string DigestStatus =>
            Agent.Text("properties.status.digest") is not { Length: > 0 } digest ? "none"
            : digest == Digest ? "current"
            : "behind";

        public IEnumerable<JsonObject> Drift => Agent.Objects("properties.status.drift");

        /// <summary>Whether something isn't as it should be now; what was repaired is.</summary>
        public bool OutOfSync => State != "Applied" || DigestStatus != "current" || Drift.Any(d => !IsRepaired(d));

        public static bool IsRepaired(JsonObject drift) => drift["mended"]?.ToString() == "true";

        public string Count(bool mended) =>
            Drift.Count(d => IsRepaired(d) == mended).ToString(System.Globalization.CultureInfo.InvariantCulture);

        public JsonObject ToJson() =>
            new()
            {
                ["cluster"] = Cluster.ToString(),
                ["agent"] = Agent.Id?.Name,
                ["node"] = Agent.Text("properties.node") is { Length: > 0 } node ? node : null,
                ["state"] = State,
                ["picture"] = DigestStatus,
                ["differs"] = OutOfSync,
                ["message"] = Agent.Text("properties.status.message"),
                ["reportedAt"] = Agent.Text("properties.status.at") is { Length: > 0 } at ? at : null,
                ["drift"] = new JsonArray([.. Drift.Select(d => d.DeepClone())]),
            };
    }
}
