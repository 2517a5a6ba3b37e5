using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary><c>weft relay keys list|show|regenerate</c>: authorization rules of namespaces and hybrid connections. Keys are printed by <c>show</c> alone.</summary>
internal static class RelayKeysCommand
{
    private static readonly Kind OfNamespaces = KindTable.Need("namespacekeys"), OfConnections = KindTable.Need("connectionkeys");

    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell) => new("keys", "Authorization rules of namespaces and hybrid connections, and their keys") { List(shell), Show(shell), Regenerate(shell) };

    private static Command List(Shell shell)
    {
        var scope = new Argument<string>("SCOPE") { HelpName = "NAMESPACE[/CONNECTION]", Description = "A namespace or a hybrid connection" };
        scope.CompletionSources.Add(context => NameCompletion.Of(shell, context, KindTable.RelayNamespaces.Plural).Concat(NameCompletion.Of(shell, context, KindTable.HybridConnections.Plural)));
        var command = new Command("list", "List authorization rules; no keys are printed") { scope };
        shell.Does(command, (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Table, OutputFormat.Wide, OutputFormat.Json, OutputFormat.Yaml, OutputFormat.Name);
            var name = session.Parsed.GetValue(scope)!;
            var kind = name.Contains('/', StringComparison.Ordinal) ? OfConnections : OfNamespaces;
            return GetCommand.RunAsync(session, new GetCommand.Query(kind, [], name, AllGroups: false), format, cancel);
        });
        return command;
    }

    private static Command Show(Shell shell)
    {
        var rule = Rule(shell);
        var connection = new Option<bool>("--connection-string") { Description = "Print the primary connection string and nothing else" };
        var file = new Option<string?>("--out") { Description = "Write to a file, mode 0600, and not to stdout", HelpName = "FILE" };
        var command = new Command("show", "Print the keys of an authorization rule") { rule, connection, file };
        shell.Does(command, async (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Table, OutputFormat.Json);
            var keys = await PostAsync(session, Id(session, session.Parsed.GetValue(rule)!), "listKeys", new JsonObject(), cancel);
            var text = format == OutputFormat.Json ? JsonText.Of(keys)
                : session.Parsed.GetValue(connection) ? keys["primaryConnectionString"]?.ToString() ?? throw new Complaint("there is no connection string: this weftd serves no relay", next: "start it with --relay-listen ADDRESS:PORT")
                : string.Join('\n', keys.Select(member => $"{member.Key}: {member.Value}"));
            if (session.Parsed.GetValue(file) is { } path)
                PrivateFile.Write(path, text + "\n");
            else
                session.Out.Raw.WriteLine(text);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Regenerate(Shell shell)
    {
        var rule = Rule(shell);
        var (primary, secondary, yes) = (new Option<bool>("--primary") { Description = "The primary key" }, new Option<bool>("--secondary") { Description = "The secondary key" }, Parameters.Yes());
        var command = new Command("regenerate", "Draw a new key; who uses the old one is shut out and cut off") { rule, primary, secondary, yes };
        shell.Does(command, async (session, cancel) =>
        {
            if (session.Parsed.GetValue(primary) == session.Parsed.GetValue(secondary))
                throw Complaint.OfUsage("which key?", "add --primary or --secondary; let clients change to the one before you draw the other anew");
            var which = session.Parsed.GetValue(primary) ? "PrimaryKey" : "SecondaryKey";
            var id = Id(session, session.Parsed.GetValue(rule)!);
            session.Confirm($"draw a new {which} of {Label.Of(id)}? Whoever uses the old one is cut off", session.Parsed.GetValue(yes));
            await PostAsync(session, id, "regenerateKeys", new JsonObject { ["keyType"] = which }, cancel);
            session.Out.Line($"{Label.Of(id)}: the {(which == "PrimaryKey" ? "primary" : "secondary")} key is new; weft relay keys show prints it");
            return ExitCode.Done;
        });
        return command;
    }

    private static Argument<string> Rule(Shell shell)
    {
        var argument = new Argument<string>("RULE") { HelpName = "NAMESPACE[/CONNECTION]/RULE", Description = "An authorization rule" };
        argument.CompletionSources.Add(context => NameCompletion.Of(shell, context, OfNamespaces.Plural).Concat(NameCompletion.Of(shell, context, OfConnections.Plural)));
        return argument;
    }

    private static ResourceId Id(Session session, string text)
    {
        if (text.StartsWith('/') && ResourceId.TryParse(text, out var whole))
            return session.Scope.Id(whole.Type == OfConnections.Type ? OfConnections : OfNamespaces, text);
        return session.Scope.Id(text.Count(c => c == '/') > 1 ? OfConnections : OfNamespaces, text);
    }

    private static async Task<JsonObject> PostAsync(Session session, ResourceId rule, string action, JsonObject body, CancellationToken cancel) =>
        (await session.Client.SendAsync(HttpMethod.Post, $"{rule}/{action}?api-version={OfNamespaces.ApiVersion}", body, null, cancel)).Object;
}
