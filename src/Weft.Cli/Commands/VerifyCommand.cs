using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Attachments.Formats;
using Weft.Attachments.Verification;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary>
/// <c>weft verify</c>: has agents prove their nodes, hop by hop, and waits for what they find (docs/specs/verify.md).
/// </summary>
internal static class VerifyCommand
{
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(2);

    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var cluster = Parameters.Reference(cli, "--cluster", KindTable.KubernetesClusters, "One cluster only");
        var node = new Option<string?>("--node") { Description = "One node only", HelpName = "NODE" };
        var pod = new Option<string?>("--pod")
        {
            Description = "A pod's interfaces, and not the node's",
            HelpName = "NAMESPACE/NAME",
        };
        var network = new Option<string?>("--network") { Description = "One network only", HelpName = "NET" };
        var name = new Option<string?>("--interface")
        {
            Description = "The interface in the pod, where its addresses don't tell",
            HelpName = "NAME",
        };
        var detailed = new Option<bool>("--detailed") { Description = "Every check" };
        var timeout = Parameters.Timeout();
        timeout.Description = "How long to wait for agents: 90s, 10m (2m)";
        var command = new Command("verify", "Prove that networks work on nodes and in pods")
        {
            cluster,
            node,
            pod,
            network,
            name,
            detailed,
            timeout,
        };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml);
                var parsed = session.Parsed;
                var question = ToQuestion(
                    ("node", parsed.GetValue(node)),
                    ("pod", parsed.GetValue(pod)),
                    ("network", parsed.GetValue(network)),
                    ("interface", parsed.GetValue(name))
                );
                var limit = parsed.GetResult(timeout) is null ? DefaultTimeout : parsed.GetValue(timeout);
                var found = new List<AgentVerification>();
                foreach (var id in await DriftCommand.FindClustersAsync(session, parsed.GetValue(cluster), cancel))
                    found.AddRange(await VerifyAsync(session, id, question, limit, cancel));
                return WriteResults(session, found, parsed.GetValue(pod), format, parsed.GetValue(detailed));
            }
        );
        return command;
    }

    private static JsonObject ToQuestion(params ReadOnlySpan<(string Member, string? Value)> members)
    {
        var question = new JsonObject();
        foreach (var (member, value) in members)
        {
            if (value is not null)
                question[member] = value;
        }

        return question;
    }

    private static async Task<IEnumerable<AgentVerification>> VerifyAsync(
        CommandSession session,
        ResourceId cluster,
        JsonObject question,
        TimeSpan limit,
        CancellationToken cancel
    )
    {
        var clock = session.Environment.Clock;
        var begun = clock.GetTimestamp();
        var version = $"?api-version={KindTable.WeftApiVersion}";
        var path = $"{cluster}/verify?api-version={KindTable.KubernetesClusters.ApiVersion}";
        var asked = await session.Client.SendAsync(HttpMethod.Post, path, question, null, cancel);
        var answer = VerificationResponse.Read(asked.Object);
        await session.Error.WhileSpinning(async say =>
        {
            while (!answer.IsDone && limit - clock.GetElapsedTime(begun) is { Ticks: > 0 } left)
            {
                say($"{cluster.Name}: waiting for {FormatWaiting(answer)}");
                var seconds = Math.Clamp((int)Math.Ceiling(left.TotalSeconds), 1, 10)
                    .ToString(CultureInfo.InvariantCulture);
                var next = $"{answer.Id}{version}";
                var said = await session.Client.SendAsync(HttpMethod.Get, next, null, $"wait={seconds}", cancel);
                answer = VerificationResponse.Read(said.Object);
            }
        });
        return answer.Agents.Select(agent => new AgentVerification(cluster, agent.Name, agent.Node, agent.Report));
    }

    private static string FormatWaiting(VerificationResponse answer)
    {
        var nodes = answer.Agents.Where(agent => agent.Report is null).Select(agent => agent.Node).ToList();
        var named = string.Join(", ", nodes.Take(5));
        return nodes.Count > 5 ? $"{named} and {nodes.Count - 5} more" : named;
    }

    private static int WriteResults(
        CommandSession session,
        List<AgentVerification> found,
        string? pod,
        OutputFormat format,
        bool detailed
    )
    {
        // A pod is on one node; that the others don't have it is nothing to tell, unless nobody has.
        var isSomewhere = found.Exists(f => f.Report is { IsElsewhere: false });
        var told = found.Where(f => f.Report is not { IsElsewhere: true }).ToList();
        WriteReports(session, told, format, detailed);
        WriteFailures(session, told);
        if (found.Count == 0)
            session.Error.WriteLine("there is no cluster to verify", TextStyle.Error);
        else if (pod is not null && !isSomewhere && told.Count == 0)
            session.Error.WriteLine(
                $"error: the pod {pod} runs on none of {string.Join(", ", found.Select(f => f.Node))}",
                TextStyle.Error
            );
        var isGood =
            found.Count > 0 && (pod is null || isSomewhere) && told.TrueForAll(f => f.Report is { HasPassed: true });
        return isGood ? ExitCode.Success : ExitCode.Failed;
    }

    private static void WriteReports(
        CommandSession session,
        List<AgentVerification> told,
        OutputFormat format,
        bool detailed
    )
    {
        if (format == OutputFormat.Table)
        {
            WriteTables(session, told, detailed);
            return;
        }

        var list = new JsonArray([.. told.Select(f => (JsonNode)f.ToJson())]);
        if (format == OutputFormat.Json)
            session.Out.Writer.WriteLine(JsonFormatter.Indented(list));
        else
            session.Out.Writer.Write(Yaml.Write(list));
    }

    /// <summary>Says which agents didn't answer, and which couldn't do what they were asked.</summary>
    private static void WriteFailures(CommandSession session, List<AgentVerification> told)
    {
        foreach (var (cluster, agent, node, _) in told.Where(f => f.Report is null))
            session.Error.WriteLine(
                $"error: agent {agent} of node {node} has not answered; does it run? "
                    + $"weft get agents --cluster {cluster.Name}",
                TextStyle.Error
            );
        foreach (var wrong in told.Where(f => f.Report?.Error is not null))
            session.Error.WriteLine(
                $"error: {wrong.Cluster.Name}/{wrong.Node}: {wrong.Report!.Error}",
                TextStyle.Error
            );
    }

    private static void WriteTables(CommandSession session, List<AgentVerification> told, bool detailed)
    {
        var rows = told.Where(f => f.Report is not null)
            .SelectMany(f => f.Report!.Interfaces.Select(i => (Found: f, Interface: i)))
            .ToList();
        if (rows.Count == 0)
            return;
        if (detailed)
        {
            TableText.Write(
                session.Out,
                ["CLUSTER", "NODE", "NETWORK", "INTERFACE", "HOP", "FAMILY", "RESULT", "WHAT"],
                [
                    .. rows.SelectMany(r =>
                        r.Interface.Checks.Select(c =>
                            new[]
                            {
                                r.Found.Cluster.Name,
                                r.Found.Node,
                                NameOf(r.Interface),
                                r.Interface.Interface,
                                c.Hop.ToString(),
                                c.Family ?? "",
                                c.State.ToString().ToLowerInvariant(),
                                c.Message,
                            }
                        )
                    ),
                ]
            );
            return;
        }

        TableText.Write(
            session.Out,
            ["CLUSTER", "NODE", "NETWORK", "INTERFACE", "PASSED", "RESULT"],
            [
                .. rows.Select(r =>
                    new[]
                    {
                        r.Found.Cluster.Name,
                        r.Found.Node,
                        NameOf(r.Interface),
                        r.Interface.Interface,
                        PassedCount(r.Interface),
                        ResultText(r.Interface),
                    }
                ),
            ]
        );
    }

    private static string PassedCount(InterfaceReport report) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Checks.Count(c => c.State == CheckState.Passed)}/{report.Checks.Length}"
        );

    private static string ResultText(InterfaceReport report) =>
        report.FirstFailure is { } first
            ? $"fails at {first.Hop}{(first.Family is null ? "" : $" {first.Family}")}: {first.Message}"
        : report.Checks.Count(c => c.State == CheckState.Skipped) is > 0 and var skipped
            ? $"passed, {skipped} not tried: {report.Checks.First(c => c.State == CheckState.Skipped).Message}"
        : "passed";

    private static string NameOf(InterfaceReport report) =>
        ResourceId.TryParse(report.Network, out var id) ? id.Name : "";

    /// <summary>What an agent found; no report where it hasn't answered.</summary>
    private sealed record AgentVerification(ResourceId Cluster, string Agent, string Node, VerificationReport? Report)
    {
        public JsonObject ToJson() =>
            new()
            {
                ["cluster"] = Cluster.ToString(),
                ["agent"] = Agent,
                ["node"] = Node,
                ["report"] = Report?.ToJson(),
            };
    }
}
