using System.CommandLine;
using System.Globalization;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;
using Weft.Contracts;

namespace Weft.Cli.Commands;

/// <summary><c>weft audit</c>: who did what, when and from where, and what was refused (docs/specs/audit.md).</summary>
internal static class AuditCommand
{
    private const string ServerPath = "/providers/Weft.Site/audit";
    private const string Since = "--since";
    private const string Until = "--until";
    private const int DefaultLimit = 1000;

    /// <summary>As <c>az monitor activity-log list</c> has it.</summary>
    private static readonly TimeSpan DefaultSince = TimeSpan.FromHours(6);

    private static readonly string[] Verbs = ["PUT", "PATCH", "DELETE", "POST", "GET", "Start", "Stop", "Drop"];

    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var filters = BuildFilters();
        var limit = new Option<int>("--limit")
        {
            Description = $"The most records; the newest are shown ({DefaultLimit})",
            HelpName = "NUMBER",
            DefaultValueFactory = _ => DefaultLimit,
        };
        var follow = new Option<bool>("--follow") { Description = "Go on with what is recorded from now on" };
        var command = new Command("audit", "Say who did what, from where, and what was refused");
        foreach (var option in filters.Cast<Option>().Append(limit).Append(follow))
            command.Options.Add(option);
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(
                    OutputFormat.Table,
                    OutputFormat.Wide,
                    OutputFormat.Json,
                    OutputFormat.Yaml
                );
                var most = session.Parsed.GetValue(limit);
                if (most < 1)
                    throw CliError.Usage("--limit takes a number from 1 on");
                var isFollowed = session.Parsed.GetValue(follow);
                var pages = new AuditPages(session.Client, PathOf(session, filters, isFollowed));
                await Show(session, pages, new AuditText(session, format), most, isFollowed, cancel);
                return ExitCode.Success;
            }
        );
        return command;
    }

    /// <summary>The options that the server judges by, each of the name of its query parameter.</summary>
    private static IReadOnlyList<Option<string?>> BuildFilters()
    {
        var verb = Filter("--verb", "VERB", "What was done: PUT, PATCH, DELETE, POST, GET, Start, Stop, Drop");
        verb.CompletionSources.Add(Verbs);
        string[] results = [.. Enum.GetNames<AuditResult>().Select(name => name.ToLowerInvariant())];
        var result = Filter("--result", "RESULT", $"How it ended: {string.Join(", ", results)}");
        result.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, results);
        return
        [
            Filter(Since, "TIME", "From when: 90s, 6h, or 2027-01-31T12:00:00Z (6h)"),
            Filter(Until, "TIME", "Up to when, in the same way (now)"),
            Filter("--who", "NAME", "Whose: a principal, admin, an agent, stranger"),
            verb,
            Filter("--id", "PREFIX", "How the resource's id begins"),
            result,
            Filter("--correlation", "UUID", "Of one request, or of all that a caller gave one id"),
        ];
    }

    private static async Task Show(
        CommandSession session,
        AuditPages pages,
        AuditText printer,
        int limit,
        bool isFollowed,
        CancellationToken cancel
    )
    {
        var (records, older) = await pages.ReadToEnd(limit, cancel);
        if (older > 0)
            session.Error.WriteLine(
                $"{older} older records are not shown; ask for more with --limit, or for less with --since, --who, --id",
                TextStyle.Faint
            );
        if (!isFollowed)
        {
            printer.Write(records);
            if (records.Count == 0)
                session.Error.WriteLine("nothing is on record for that", TextStyle.Faint);
            return;
        }

        printer.Append(records);
        try
        {
            while (true)
                printer.Append(await pages.Wait(cancel));
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Somebody has seen enough: that is how it ends.
        }
    }

    private static string PathOf(CommandSession session, IEnumerable<Option<string?>> filters, bool isFollowed)
    {
        var now = session.Environment.Clock.GetUtcNow();
        var given = filters
            .Select(option => (option.Name, Value: session.Parsed.GetValue(option)))
            .Select(filter =>
                (
                    filter.Name,
                    Value: filter.Name is Since or Until ? ReadTime(filter.Name, filter.Value, now) : filter.Value
                )
            )
            .Where(filter => filter.Value is not null)
            .Select(filter => $"&{filter.Name.TrimStart('-')}={Uri.EscapeDataString(filter.Value!)}");
        var follow = isFollowed ? "&follow=true" : "";
        return $"{ServerPath}?api-version={KindTable.WeftApiVersion}&$top=1000{follow}{string.Concat(given)}";
    }

    private static string? ReadTime(string option, string? text, DateTimeOffset now)
    {
        if (text is null)
            return option == Since ? Format(now - DefaultSince) : null;
        return ParseTime(option, text, now);
    }

    /// <summary>A time as the server takes it: so long ago, or as it was given.</summary>
    /// <exception cref="CliError">It is none.</exception>
    public static string ParseTime(string option, string text, DateTimeOffset now)
    {
        if (Duration.TryParse(text, out var ago))
            return Format(now - ago);
        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
            return Format(time);
        throw CliError.Usage($"{option}: '{text}' is no time", "write 90s, 6h, or 2027-01-31T12:00:00Z");
    }

    private static string Format(DateTimeOffset time) => AuditRecord.Format(time);

    private static Option<string?> Filter(string name, string value, string description) =>
        new(name) { HelpName = value, Description = description };
}
