using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Cli.Output;
using Weft.Cli.Primitives;
using Weft.Cli.Relay;

namespace Weft.Cli.Commands;

/// <summary><c>weft relay top</c>: what passes through the relay now, again and again.</summary>
internal static class RelayTopCommand
{
    private const string ClearScreen = "\x1b[H\x1b[J";

    private static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(2);

    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var once = new Option<bool>("--once") { Description = "Look twice, print once, and end" };
        var interval = Parameters.Timeout();
        interval = new Option<TimeSpan>("--interval")
        {
            Description = "How long between two looks: 2s, 1m (2s)",
            HelpName = "TIME",
            CustomParser = interval.CustomParser,
        };
        var command = new Command("top", "Watch throughput and sessions, the busiest first") { once, interval };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(OutputFormat.Table, OutputFormat.Json);
                var pause = session.Parsed.GetResult(interval) is null
                    ? DefaultInterval
                    : session.Parsed.GetValue(interval);
                await WatchAsync(session, format, pause, session.Parsed.GetValue(once), cancel);
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static async Task WatchAsync(
        CommandSession session,
        OutputFormat format,
        TimeSpan pause,
        bool once,
        CancellationToken cancel
    )
    {
        var before = await RelayReport.RequestAsync(session.Client, cancel);
        try
        {
            do
            {
                await Task.Delay(pause, session.Environment.Clock, cancel);
                var now = await RelayReport.RequestAsync(session.Client, cancel);
                Write(
                    session,
                    ComputeRates(before, now, session.Environment.Clock.GetElapsedTime(before.At, now.At).TotalSeconds),
                    now,
                    format
                );
                before = now;
            } while (!once);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested && !once)
        {
            // Somebody has seen enough: that is how it ends.
        }
    }

    /// <summary>
    /// What each session has carried between two looks, summed by connection. One that has ended in between is missing,
    /// one that is new counts whole.
    /// </summary>
    private static List<ConnectionRate> ComputeRates(RelayReport before, RelayReport now, double seconds)
    {
        var old = before
            .Sessions.GroupBy(session => session["id"]!.ToString())
            .ToDictionary(group => group.Key, group => group.First());
        var carried = now
            .Sessions.Select(session =>
                (
                    Path: session["connection"]!.ToString(),
                    Up: Since(session, "bytesUp"),
                    Down: Since(session, "bytesDown")
                )
            )
            .ToLookup(one => one.Path, StringComparer.OrdinalIgnoreCase);
        return
        [
            .. now
                .Connections.Select(c => new ConnectionRate(
                    c,
                    carried[c.Path].Sum(one => one.Up) / seconds,
                    carried[c.Path].Sum(one => one.Down) / seconds
                ))
                .OrderByDescending(rate => rate.Up + rate.Down)
                .ThenBy(rate => rate.Connection.Path, StringComparer.Ordinal),
        ];

        long Since(JsonObject session, string name) =>
            Math.Max(
                0,
                RelayReport.NumberOf(session, name)
                    - (
                        old.TryGetValue(session["id"]!.ToString(), out var earlier)
                            ? RelayReport.NumberOf(earlier, name)
                            : 0
                    )
            );
    }

    private static void Write(CommandSession session, List<ConnectionRate> rates, RelayReport now, OutputFormat format)
    {
        if (format == OutputFormat.Json)
        {
            var list = new JsonArray([.. rates.Select(rate => (JsonNode)rate.ToJson())]);
            session.Out.Writer.WriteLine(
                JsonFormatter.Compact(
                    new JsonObject
                    {
                        ["connections"] = list,
                        ["waiting"] = now.Body["waiting"]?.DeepClone(),
                        ["totals"] = now.Body["totals"]?.DeepClone(),
                    }
                )
            );
            session.Out.Writer.Flush();
            return;
        }

        if (session.Out.IsTerminal)
            session.Out.Writer.Write(ClearScreen);
        session.Out.WriteLine(
            $"{now.Listeners.Count()} listeners, {now.Sessions.Count()} sessions, {now.Body["waiting"]} waiting; "
                + $"up {ByteSize.Format(rates.Sum(rate => rate.Up))}/s, "
                + $"down {ByteSize.Format(rates.Sum(rate => rate.Down))}/s; "
                + $"{(now.Body["totals"] as JsonObject)?["refusals"]} refusals so far",
            TextStyle.Heading
        );
        TableText.Write(
            session.Out,
            ["TARGET", "LISTENERS", "SESSIONS", "UP/S", "DOWN/S"],
            [.. rates.Select(rate => rate.ToRow())]
        );
        session.Out.Writer.Flush();
    }

    private sealed record ConnectionRate(ConnectionReport Connection, double Up, double Down)
    {
        public string[] ToRow() =>
            [
                RelayReport.TargetOf(Connection.Path),
                Connection.Listeners.ToString(CultureInfo.InvariantCulture),
                Connection.Sessions.ToString(CultureInfo.InvariantCulture),
                ByteSize.Format(Up),
                ByteSize.Format(Down),
            ];

        public JsonObject ToJson() =>
            new()
            {
                ["target"] = RelayReport.TargetOf(Connection.Path),
                ["connection"] = Connection.Path,
                ["listeners"] = Connection.Listeners,
                ["sessions"] = Connection.Sessions,
                ["bytesUpPerSecond"] = Math.Round(Up),
                ["bytesDownPerSecond"] = Math.Round(Down),
            };
    }
}
