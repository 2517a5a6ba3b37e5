using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Cli.Contexts;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary><c>weft config …</c>: contexts.</summary>
internal static class ConfigCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell) => new("config", "Contexts: which server, and what is meant where a command does not say")
    {
        List(shell), Current(shell), Use(shell), Set(shell), Delete(shell),
    };

    private static ContextFile FileOf(Session session) => ContextFile.Read(ContextFile.PathIn(session.Surroundings.Environment));

    private static Command List(Shell shell)
    {
        var command = new Command("get-contexts", "List the contexts");
        shell.Does(command, session =>
        {
            var format = session.Format(OutputFormat.Table, OutputFormat.Json, OutputFormat.Name);
            var file = FileOf(session);
            if (format == OutputFormat.Json)
                session.Out.Raw.WriteLine(JsonText.Of(new JsonArray([.. file.Contexts.Select(pair => Json(pair.Key, pair.Value, file.Current))])));
            else if (format == OutputFormat.Name)
                WriteNames(session, file);
            else if (file.Contexts.Count > 0)
                WriteTable(session, file);
            else
                session.Error.Line("no contexts; make one with weft config set-context NAME --server URL --token-file FILE", Ink.Faint);
            return ExitCode.Done;
        });
        return command;
    }

    private static void WriteNames(Session session, ContextFile file)
    {
        foreach (var name in file.Contexts.Keys)
            session.Out.Line(name);
    }

    private static void WriteTable(Session session, ContextFile file) => TableText.Write(
        session.Out,
        ["CURRENT", "NAME", "SERVER", "SUBSCRIPTION", "GROUP", "TOKEN-FILE"],
        [.. file.Contexts.Select(pair => new[]
        {
            pair.Key == file.Current ? "*" : " ", pair.Key, pair.Value.Server ?? "", pair.Value.Subscription ?? "", pair.Value.ResourceGroup ?? "", pair.Value.TokenFile ?? "",
        })]);

    private static JsonObject Json(string name, Context context, string? current)
    {
        var json = new JsonObject { ["name"] = name, ["current"] = name == current };
        foreach (var (member, value) in ContextFile.ToJson(context))
            json[member] = value?.DeepClone();
        return json;
    }

    private static Command Current(Shell shell)
    {
        var command = new Command("current-context", "Print the current context");
        shell.Does(command, session =>
        {
            var name = session.Settings.Context ?? throw new Complaint("there is no current context", next: "weft config use-context NAME");
            session.Out.Line(name);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Use(Shell shell)
    {
        var name = Name(shell);
        var command = new Command("use-context", "Make a context the current one") { name };
        shell.Does(command, session =>
        {
            var file = FileOf(session);
            var wanted = session.Parsed.GetValue(name)!;
            _ = file.Find(wanted);
            file.Current = wanted;
            file.Write();
            session.Error.Line($"context '{wanted}' is current");
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Set(Shell shell)
    {
        var name = Name(shell);
        var command = new Command("set-context", "Make a context, or change what is given of it: --server, --token-file, --ca, -s, -g") { name };
        shell.Does(command, session =>
        {
            var file = FileOf(session);
            var wanted = session.Parsed.GetValue(name)!;
            var given = shell.Options.AsContext(session.Parsed);
            var known = file.Contexts.TryGetValue(wanted, out var old);
            old ??= new Context();
            file.Contexts[wanted] = old with
            {
                Server = Settings.Address(given.Server)?.ToString().TrimEnd('/') ?? old.Server,
                TokenFile = Whole(given.TokenFile) ?? old.TokenFile,
                Ca = Whole(given.Ca) ?? old.Ca,
                Subscription = given.Subscription ?? old.Subscription,
                ResourceGroup = given.ResourceGroup ?? old.ResourceGroup,
            };
            file.Current ??= wanted;
            file.Write();
            session.Error.Line($"context '{wanted}' {(known ? "changed" : "made")}{(file.Current == wanted ? "; it is current" : "")}");
            return ExitCode.Done;
        });
        return command;
    }

    // The file of contexts is read from any directory, so that a path in it must not depend on one.
    private static string? Whole(string? path) => path is null ? null : Path.GetFullPath(path);

    private static Command Delete(Shell shell)
    {
        var name = Name(shell);
        var command = new Command("delete-context", "Forget a context") { name };
        shell.Does(command, session =>
        {
            var file = FileOf(session);
            var wanted = session.Parsed.GetValue(name)!;
            _ = file.Find(wanted);
            file.Contexts.Remove(wanted);
            file.Current = file.Current == wanted ? null : file.Current;
            file.Write();
            session.Error.Line($"context '{wanted}' deleted");
            return ExitCode.Done;
        });
        return command;
    }

    private static Argument<string> Name(Shell shell)
    {
        var name = new Argument<string>("NAME") { HelpName = "NAME", Description = "The context" };
        name.CompletionSources.Add(context =>
        {
            using var session = shell.Open(context.ParseResult);
            try
            {
                return FileOf(session).Contexts.Keys.ToArray();
            }
            catch (Complaint)
            {
                // A broken file completes nothing; the command itself will say so.
                return [];
            }
        });
        return name;
    }
}
