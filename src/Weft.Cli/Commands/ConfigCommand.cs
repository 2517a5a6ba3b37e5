using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Cli.Contexts;
using Weft.Cli.Output;
using Weft.Cli.Primitives;

namespace Weft.Cli.Commands;

/// <summary><c>weft config …</c>: contexts.</summary>
internal static class ConfigCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli) =>
        new("config", "Contexts: which server, and what is meant where a command does not say")
        {
            BuildList(cli),
            BuildCurrent(cli),
            BuildUse(cli),
            BuildSet(cli),
            BuildDelete(cli),
        };

    private static ContextFile OpenContextFile(CommandSession session) =>
        ContextFile.Read(ContextFile.PathIn(session.Environment.Variables));

    private static Command BuildList(CommandContext cli)
    {
        var command = new Command("get-contexts", "List the contexts");
        cli.SetAction(
            command,
            session =>
            {
                var format = session.GetFormat(OutputFormat.Table, OutputFormat.Json, OutputFormat.Name);
                var file = OpenContextFile(session);
                if (format == OutputFormat.Json)
                    session.Out.Writer.WriteLine(
                        JsonFormatter.Indented(
                            new JsonArray([.. file.Contexts.Select(pair => ToJson(pair.Key, pair.Value, file.Current))])
                        )
                    );
                else if (format == OutputFormat.Name)
                    WriteNames(session, file);
                else if (file.Contexts.Count > 0)
                    WriteTable(session, file);
                else
                    session.Error.WriteLine(
                        "no contexts; make one with weft config set-context NAME --server URL --token-file FILE",
                        TextStyle.Faint
                    );
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static void WriteNames(CommandSession session, ContextFile file)
    {
        foreach (var name in file.Contexts.Keys)
            session.Out.WriteLine(name);
    }

    private static void WriteTable(CommandSession session, ContextFile file) =>
        TableText.Write(
            session.Out,
            ["CURRENT", "NAME", "SERVER", "SUBSCRIPTION", "GROUP", "TOKEN-FILE"],
            [
                .. file.Contexts.Select(pair =>
                    new[]
                    {
                        pair.Key == file.Current ? "*" : " ",
                        pair.Key,
                        pair.Value.Server ?? "",
                        pair.Value.Subscription ?? "",
                        pair.Value.ResourceGroup ?? "",
                        pair.Value.TokenFile ?? "",
                    }
                ),
            ]
        );

    private static JsonObject ToJson(string name, Context context, string? current)
    {
        var json = new JsonObject { ["name"] = name, ["current"] = name == current };
        foreach (var (member, value) in ContextFile.ToJson(context))
            json[member] = value?.DeepClone();
        return json;
    }

    private static Command BuildCurrent(CommandContext cli)
    {
        var command = new Command("current-context", "Print the current context");
        cli.SetAction(
            command,
            session =>
            {
                var name =
                    session.Settings.Context
                    ?? throw new CliError("there is no current context", next: "weft config use-context NAME");
                session.Out.WriteLine(name);
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static Command BuildUse(CommandContext cli)
    {
        var name = NameArgument(cli);
        var command = new Command("use-context", "Make a context the current one") { name };
        cli.SetAction(
            command,
            session =>
            {
                var file = OpenContextFile(session);
                var wanted = session.Parsed.GetValue(name)!;
                _ = file.Find(wanted);
                file.Current = wanted;
                file.Write();
                session.Error.WriteLine($"context '{wanted}' is current");
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static Command BuildSet(CommandContext cli)
    {
        var name = NameArgument(cli);
        var command = new Command(
            "set-context",
            "Make a context, or change what is given of it: --server, --token-file, --ca, -s, -g"
        )
        {
            name,
        };
        cli.SetAction(
            command,
            session =>
            {
                var file = OpenContextFile(session);
                var wanted = session.Parsed.GetValue(name)!;
                var given = cli.Options.ToContext(session.Parsed);
                var known = file.Contexts.TryGetValue(wanted, out var old);
                old ??= new Context();
                file.Contexts[wanted] = old with
                {
                    Server = Settings.ParseServer(given.Server)?.ToString().TrimEnd('/') ?? old.Server,
                    TokenFile = FullPath(given.TokenFile) ?? old.TokenFile,
                    Ca = FullPath(given.Ca) ?? old.Ca,
                    Subscription = given.Subscription ?? old.Subscription,
                    ResourceGroup = given.ResourceGroup ?? old.ResourceGroup,
                };
                file.Current ??= wanted;
                file.Write();
                session.Error.WriteLine(
                    $"context '{wanted}' {(known ? "changed" : "made")}{(file.Current == wanted ? "; it is current" : "")}"
                );
                return ExitCode.Success;
            }
        );
        return command;
    }

    // The file of contexts is read from any directory, so that a path in it must not depend on one.
    private static string? FullPath(string? path) => path is null ? null : Path.GetFullPath(path);

    private static Command BuildDelete(CommandContext cli)
    {
        var name = NameArgument(cli);
        var command = new Command("delete-context", "Forget a context") { name };
        cli.SetAction(
            command,
            session =>
            {
                var file = OpenContextFile(session);
                var wanted = session.Parsed.GetValue(name)!;
                _ = file.Find(wanted);
                file.Contexts.Remove(wanted);
                file.Current = file.Current == wanted ? null : file.Current;
                file.Write();
                session.Error.WriteLine($"context '{wanted}' deleted");
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static Argument<string> NameArgument(CommandContext cli)
    {
        var name = new Argument<string>("NAME") { HelpName = "NAME", Description = "The context" };
        name.CompletionSources.Add(context =>
        {
            using var session = cli.OpenSession(context.ParseResult);
            try
            {
                return OpenContextFile(session).Contexts.Keys.ToArray();
            }
            catch (CliError)
            {
                // A broken file completes nothing; the command itself will say so.
                return [];
            }
        });
        return name;
    }
}
