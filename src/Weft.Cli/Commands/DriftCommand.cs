using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Attachments.Renderers;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary><c>weft drift</c>: where clusters aren't what they should be, as their agents said last.</summary>
internal static class DriftCommand
{
    private static readonly Kind Agents = KindTable.Need("agents");

    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell)
    {
        var cluster = Parameters.Reference(shell, "--cluster", KindTable.KubernetesClusters, "One cluster only");
        var command = new Command("drift", "Say where clusters differ from what is desired") { cluster };
        shell.Does(command, async (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml);
            var clusters = await ClustersAsync(session, session.Parsed.GetValue(cluster), cancel);
            var standings = new List<Standing>();
            foreach (var id in clusters)
                standings.AddRange(await StandingsAsync(session, id, cancel));
            Write(session, standings, format);
            foreach (var id in clusters.Where(id => !standings.Exists(s => s.Cluster == id)))
                session.Error.Line($"{Label.Of(id)} has no agent: nobody says what it is like", Ink.Changed);
            return standings.Exists(s => s.State == "Failed") ? ExitCode.Failed : standings.Exists(s => s.Differs) ? ExitCode.Changes : ExitCode.Done;
        });
        return command;
    }

    /// <summary>The cluster that is named, or all in sight.</summary>
    /// <param name="name">The name, or null.</param>
    public static async Task<List<ResourceId>> ClustersAsync(Session session, string? name, CancellationToken cancel)
    {
        if (name is not null)
            return [session.Scope.Id(KindTable.KubernetesClusters, name)];
        var all = await new ResourceList(session).ListAsync(KindTable.KubernetesClusters, null, allGroups: false, cancel);
        return [.. all.Select(resource => new Row(resource, default).Id).OfType<ResourceId>()];
    }

    private static async Task<IEnumerable<Standing>> StandingsAsync(Session session, ResourceId cluster, CancellationToken cancel)
    {
        var digest = (await ManifestsCommand.PictureAsync(session, cluster, cancel))["digest"]?.ToString();
        var agents = await new ResourceList(session).ListAsync(Agents, cluster.ToString(), allGroups: false, cancel);
        return agents.Select(agent => new Standing(cluster, new Row(agent, session.Surroundings.Clock.GetUtcNow()), digest));
    }

    private static void Write(Session session, List<Standing> standings, OutputFormat format)
    {
        if (format != OutputFormat.Table)
        {
            var list = new JsonArray([.. standings.Select(s => (JsonNode)s.ToJson())]);
            if (format == OutputFormat.Json)
                session.Out.Raw.WriteLine(JsonText.Of(list));
            else
                session.Out.Raw.Write(Yaml.Write(list));
            return;
        }

        if (standings.Count > 0)
        {
            TableText.Write(session.Out, ["CLUSTER", "AGENT", "NODE", "STATE", "PICTURE", "STANDING", "MENDED", "REPORTED"],
                [.. standings.Select(s => new[] { s.Cluster.Name, s.Agent.Id?.Name ?? "", s.Agent.Text("properties.node"), s.State, s.Picture, s.Count(mended: false), s.Count(mended: true), s.Agent.Since("properties.status.at") })]);
        }

        foreach (var standing in standings)
        {
            var who = $"{standing.Cluster.Name}/{standing.Agent.Id?.Name}";
            if (standing.State == "Failed")
                session.Out.Line($"! {who}: {standing.Agent.Text("properties.status.message")}", Ink.Bad);
            foreach (var drift in standing.Drift)
            {
                var isMended = Standing.IsMended(drift);
                var age = new Row(drift, standing.Agent.Now).Since("at");
                session.Out.Line($"{(isMended ? "~" : "!")} {who}: {drift["what"]}: {drift["was"]} ({(isMended ? "mended" : "stands")}{(age.Length > 0 ? $", {age} ago" : "")})", isMended ? Ink.Changed : Ink.Bad);
            }
        }
    }

    /// <summary>How an agent's part of a cluster stands to what is desired.</summary>
    private sealed record Standing(ResourceId Cluster, Row Agent, string? Digest)
    {
        public string State => Agent.Text("properties.status.state") is { Length: > 0 } state ? state : "Unknown";

        /// <summary>Which picture it stands on: today's, an older one, or none that it has told of.</summary>
        public string Picture => Agent.Text("properties.status.digest") is not { Length: > 0 } digest ? "none" : digest == Digest ? "current" : "behind";

        public IEnumerable<JsonObject> Drift => Agent.Objects("properties.status.drift");

        /// <summary>Whether something isn't as it should be now; what was mended is.</summary>
        public bool Differs => State != "Applied" || Picture != "current" || Drift.Any(d => !IsMended(d));

        public static bool IsMended(JsonObject drift) => drift["mended"]?.ToString() == "true";

        public string Count(bool mended) => Drift.Count(d => IsMended(d) == mended).ToString(System.Globalization.CultureInfo.InvariantCulture);

        public JsonObject ToJson() => new()
        {
            ["cluster"] = Cluster.ToString(),
            ["agent"] = Agent.Id?.Name,
            ["node"] = Agent.Text("properties.node") is { Length: > 0 } node ? node : null,
            ["state"] = State,
            ["picture"] = Picture,
            ["differs"] = Differs,
            ["message"] = Agent.Text("properties.status.message"),
            ["reportedAt"] = Agent.Text("properties.status.at") is { Length: > 0 } at ? at : null,
            ["drift"] = new JsonArray([.. Drift.Select(d => d.DeepClone())]),
        };
    }
}
