using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;
using Weft.Cli.Relay;

namespace Weft.Cli.Commands;

/// <summary><c>weft relay …</c>: who is at the relay, who may come in, and its keys.</summary>
internal static class RelayCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli) =>
        new("relay", "Who is at the relay, who may come in, and its keys")
        {
            BuildList(cli),
            RelayTopCommand.Build(cli),
            RelayCheckCommand.Build(cli),
            RelayListenCommand.Build(cli),
            RelayRulesCommand.Build(cli),
            RelayKeysCommand.Build(cli),
        };

    private static Command BuildList(CommandContext cli)
    {
        var sessions = new Option<bool>("--sessions") { Description = "A line for each open session" };
        var listeners = new Option<bool>("--listeners") { Description = "A line for each listener" };
        var command = new Command("ls", "List hybrid connections that somebody is at: listeners and sessions")
        {
            listeners,
            sessions,
        };
        command.Aliases.Add("list");
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(OutputFormat.Table, OutputFormat.Json);
                var report = await RelayReport.RequestAsync(session.Client, cancel);
                if (format == OutputFormat.Json)
                    session.Out.Writer.WriteLine(JsonFormatter.Indented(report.Body));
                else if (session.Parsed.GetValue(sessions))
                    WriteSessions(session, report);
                else if (session.Parsed.GetValue(listeners))
                    WriteListeners(session, report);
                else
                    WriteConnections(session, report);
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static void WriteConnections(CommandSession session, RelayReport report)
    {
        var relay = report.Body["relay"] is { } address ? $" {address}" : ": this weftd serves none (--relay-listen)";
        if (report.Connections.IsEmpty)
            session.Error.WriteLine($"nobody is at the relay{relay}", TextStyle.Faint);
        else
            TableText.Write(
                session.Out,
                ["TARGET", "LISTENERS", "SESSIONS", "UP", "DOWN"],
                [
                    .. report.Connections.Select(c =>
                        new[]
                        {
                            RelayReport.TargetOf(c.Path),
                            Format(c.Listeners),
                            Format(c.Sessions),
                            ByteSize.Format(c.Up),
                            ByteSize.Format(c.Down),
                        }
                    ),
                ]
            );
    }

    private static void WriteListeners(CommandSession session, RelayReport report) =>
        WriteTable(
            session,
            report.Listeners,
            ["TARGET", "ID", "FROM", "SINCE", "PROGRAM"],
            row => [TargetOf(row), row.Text("id"), row.Text("source"), row.AgeSince("since"), row.Text("agent")],
            "nobody listens"
        );

    private static void WriteSessions(CommandSession session, RelayReport report) =>
        WriteTable(
            session,
            report.Sessions,
            ["TARGET", "SERVICE", "FROM", "SINCE", "UP", "DOWN", "ID"],
            row =>
                [
                    TargetOf(row),
                    row.Text("service"),
                    row.Text("source"),
                    row.AgeSince("since"),
                    ByteSize.Format(RelayReport.NumberOf(row.Resource, "bytesUp")),
                    ByteSize.Format(RelayReport.NumberOf(row.Resource, "bytesDown")),
                    row.Text("id"),
                ],
            "no session is open"
        );

    private static void WriteTable(
        CommandSession session,
        IEnumerable<JsonObject> rows,
        string[] head,
        Func<ResourceRow, string[]> cells,
        string none
    )
    {
        var now = session.Environment.Clock.GetUtcNow();
        string[][] lines =
        [
            .. rows.Select(row => cells(new ResourceRow(row, now))).OrderBy(line => line[0], StringComparer.Ordinal),
        ];
        if (lines.Length == 0)
            session.Error.WriteLine(none, TextStyle.Faint);
        else
            TableText.Write(session.Out, head, lines);
    }

    private static string TargetOf(ResourceRow row) => RelayReport.TargetOf(row.Text("connection"));

    private static string Format(int number) => number.ToString(CultureInfo.InvariantCulture);
}
