using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Attachments.Formats;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;

namespace Weft.Cli.Commands;

/// <summary><c>weft ipam audit</c> and <c>weft ipam repair</c>: addresses whose pods are gone.</summary>
internal static class IpamAuditCommand
{
    /// <summary>Builds <c>weft ipam audit</c>.</summary>
    public static Command BuildAudit(CommandContext cli)
    {
        var network = NetworkOption(cli);
        var command = new Command(
            "audit",
            "What pods hold that are gone, and why it is or isn't taken back; changes nothing that wouldn't change by itself"
        )
        {
            network,
        };
        cli.SetAction(
            command,
            (session, cancel) => RunAsync(session, session.Parsed.GetValue(network), repair: false, cancel)
        );
        return command;
    }

    /// <summary>Builds <c>weft ipam repair</c>.</summary>
    public static Command BuildRepair(CommandContext cli)
    {
        var (network, yes) = (NetworkOption(cli), Parameters.Yes());
        var command = new Command(
            "repair",
            "Take back now what audit shows as Gone: each holder is looked at twice, and what isn't certain stays"
        )
        {
            network,
            yes,
        };
        cli.SetAction(
            command,
            (session, cancel) =>
            {
                var only = session.Parsed.GetValue(network);
                session.Confirm(
                    $"take back the addresses of pods that are gone{(only is null ? "" : $" in {only}")}?",
                    session.Parsed.GetValue(yes)
                );
                return RunAsync(session, only, repair: true, cancel);
            }
        );
        return command;
    }

    private static async Task<int> RunAsync(
        CommandSession session,
        string? network,
        bool repair,
        CancellationToken cancel
    )
    {
        var format = session.GetFormat(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml);
        var question = new JsonObject { ["repair"] = repair };
        if (network is not null)
            question["network"] = session.Scope.ResolveId(KindTable.L3Networks, network).ToString();
        var path = $"/providers/Weft.Ipam/audit?api-version={KindTable.WeftApiVersion}";
        var report = (await session.Client.SendAsync(HttpMethod.Post, path, question, null, cancel)).Object;
        if (format == OutputFormat.Json)
            session.Out.Writer.WriteLine(JsonFormatter.Indented(report));
        else if (format == OutputFormat.Yaml)
            session.Out.Writer.Write(Yaml.Write(report));
        else
            WriteTable(session, report);
        return ExitCode.Success;
    }

    private static void WriteTable(CommandSession session, JsonObject report)
    {
        var findings = new ResourceRow(report, default)
            .Objects("findings")
            .Select(item => new ResourceRow(item, default))
            .ToList();
        if (findings.Count > 0)
            TableText.Write(
                session.Out,
                ["ADDRESSES", "NETWORK", "STATE", "HOLDER", "REASON"],
                [
                    .. findings.Select(row =>
                        new[]
                        {
                            string.Join(',', row.Texts("addresses")),
                            row.NameOf("network"),
                            row.Text("state"),
                            row.Text("holder"),
                            row.Text("reason"),
                        }
                    ),
                ]
            );
        session.Error.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{new ResourceRow(report, default).Text("checked")} holders looked at, {findings.Count} findings"
            ),
            TextStyle.Faint
        );
        if (findings.Exists(row => row.Text("state") == "Unproven"))
            session.Error.WriteLine(
                "what is Unproven is freed by: weft ipam release ADDRESS --network NETWORK --force, once its node is off",
                TextStyle.Faint
            );
    }

    private static Option<string?> NetworkOption(CommandContext cli)
    {
        var network = new Option<string?>("--network") { HelpName = "NETWORK", Description = "Only this L3 network" };
        network.CompletionSources.Add(context => NameCompletion.Complete(cli, context, KindTable.L3Networks.Plural));
        return network;
    }
}
