using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Relaying;

namespace Weft.Cli.Commands;

/// <summary><c>weft relay …</c>: who is at the relay, who may come in, and its keys.</summary>
internal static class RelayCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell) => new("relay", "Who is at the relay, who may come in, and its keys")
    {
        List(shell), RelayTopCommand.Build(shell), RelayCheckCommand.Build(shell), RelayListenCommand.Build(shell), RelayRulesCommand.Build(shell), RelayKeysCommand.Build(shell),
    };

    private static Command List(Shell shell)
    {
        var sessions = new Option<bool>("--sessions") { Description = "A line for each open session" };
        var listeners = new Option<bool>("--listeners") { Description = "A line for each listener" };
        var command = new Command("ls", "List hybrid connections that somebody is at: listeners and sessions") { listeners, sessions };
        command.Aliases.Add("list");
        shell.Does(command, async (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Table, OutputFormat.Json);
            var report = await RelayReport.AskAsync(session.Client, cancel);
            if (format == OutputFormat.Json)
                session.Out.Raw.WriteLine(JsonText.Of(report.Body));
            else if (session.Parsed.GetValue(sessions))
                Sessions(session, report);
            else if (session.Parsed.GetValue(listeners))
                Listeners(session, report);
            else
                Connections(session, report);
            return ExitCode.Done;
        });
        return command;
    }

    private static void Connections(Session session, RelayReport report)
    {
        if (report.Connections.IsEmpty)
            session.Error.Line($"nobody is at the relay{(report.Body["relay"]?.ToString() is { } at ? $" {at}" : ": this weftd serves none (--relay-listen)")}", Ink.Faint);
        else
            TableText.Write(session.Out, ["TARGET", "LISTENERS", "SESSIONS", "UP", "DOWN"], [.. report.Connections.Select(c => new[] { RelayReport.TargetOf(c.Path), Text(c.Listeners), Text(c.Sessions), Bytes.Of(c.Up), Bytes.Of(c.Down) })]);
    }

    private static void Listeners(Session session, RelayReport report) => Table(
        session, report.Listeners, ["TARGET", "ID", "FROM", "SINCE", "PROGRAM"],
        row => [Target(row), row.Text("id"), row.Text("source"), row.Since("since"), row.Text("agent")], "nobody listens");

    private static void Sessions(Session session, RelayReport report) => Table(
        session, report.Sessions, ["TARGET", "SERVICE", "FROM", "SINCE", "UP", "DOWN", "ID"],
        row => [Target(row), row.Text("service"), row.Text("source"), row.Since("since"), Bytes.Of(RelayReport.Number(row.Resource, "bytesUp")), Bytes.Of(RelayReport.Number(row.Resource, "bytesDown")), row.Text("id")],
        "no session is open");

    private static void Table(Session session, IEnumerable<JsonObject> rows, string[] head, Func<Row, string[]> cells, string none)
    {
        var now = session.Surroundings.Clock.GetUtcNow();
        string[][] lines = [.. rows.Select(row => cells(new Row(row, now))).OrderBy(line => line[0], StringComparer.Ordinal)];
        if (lines.Length == 0)
            session.Error.Line(none, Ink.Faint);
        else
            TableText.Write(session.Out, head, lines);
    }

    private static string Target(Row row) => RelayReport.TargetOf(row.Text("connection"));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
