using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Attachments.Renderers;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary><c>weft principal create|list|show|rotate|delete</c>: who may call weftd besides the administrator, and what they may.</summary>
internal static class PrincipalCommand
{
    private const string Collection = "/providers/Weft.Identity/principals";
    private const string Version = $"?api-version={KindTable.WeftVersion}";

    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell) => new("principal", "Who may call weftd, and what they may") { Create(shell), List(shell), Show(shell), Rotate(shell), Delete(shell) };

    private static Command Create(Shell shell)
    {
        var name = Name();
        var role = new Option<string[]>("--role") { Description = "What they may be; one for each --scope, or one for all", HelpName = "ROLE", Required = true, Arity = ArgumentArity.OneOrMore };
        role.AcceptOnlyFromAmong(Enum.GetNames<Role>());
        var scope = new Option<string[]>("--scope") { Description = $"Where: /, a group's name, a whole id, {TargetNames.Form} (the resource group)", HelpName = "SCOPE", Arity = ArgumentArity.OneOrMore };
        scope.CompletionSources.Add(context => RelayParameters.Targets(shell, context));
        var about = new Option<string?>("--description") { Description = "Who that is", HelpName = "TEXT" };
        var expires = new Option<string?>("--expires") { Description = "When the token ends to be good: 2027-01-31T12:00:00Z", HelpName = "TIME" };
        var file = Out();
        var command = new Command("create", "Create somebody, or change what they may, and give them a token") { name, role, scope, about, expires, file };
        shell.Does(command, async (session, cancel) =>
        {
            session.Format(OutputFormat.Table, OutputFormat.Json);
            var parsed = session.Parsed;
            var who = parsed.GetValue(name)!;
            var properties = new JsonObject { ["assignments"] = Assignments(session, parsed.GetValue(role)!, parsed.GetValue(scope) ?? []) };
            if (parsed.GetValue(about) is { } text)
                properties["description"] = text;
            if (parsed.GetValue(expires) is { } time)
                properties["expiresAt"] = time;
            var answer = await session.Client.SendAsync(HttpMethod.Put, Path(who), new JsonObject { ["properties"] = properties }, null, cancel);
            session.Error.Line($"principal {who} {(answer.Status == 201 ? "created" : "changed; its token stays as it is")}", Ink.Faint);
            if (answer.Status == 201)
                await TokenAsync(session, who, parsed.GetValue(file), cancel);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Rotate(Shell shell)
    {
        var (name, file) = (Name(), Out());
        var command = new Command("rotate", "Give somebody a new token; the old one is refused from then on") { name, file };
        shell.Does(command, async (session, cancel) =>
        {
            session.Format(OutputFormat.Table, OutputFormat.Json);
            await TokenAsync(session, session.Parsed.GetValue(name)!, session.Parsed.GetValue(file), cancel);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command List(Shell shell)
    {
        var command = new Command("list", "List who there is, and what they may");
        shell.Does(command, async (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml, OutputFormat.Name);
            var all = await session.Client.ListAsync(Collection + Version, cancel);
            if (format == OutputFormat.Table)
                Table(session, all);
            else if (format == OutputFormat.Name)
                all.ForEach(one => session.Out.Line(one["name"]!.ToString()));
            else
                Write(session, new JsonArray([.. all.Select(one => one.DeepClone())]), format);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Show(Shell shell)
    {
        var name = Name();
        var command = new Command("show", "Show somebody") { name };
        shell.Does(command, async (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Yaml, OutputFormat.Json, OutputFormat.Table);
            var one = (await session.Client.GetAsync(Path(session.Parsed.GetValue(name)!), cancel)).Object;
            if (format == OutputFormat.Table)
                Table(session, [one]);
            else
                Write(session, one, format);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Delete(Shell shell)
    {
        var (name, yes) = (Name(), Parameters.Yes());
        var command = new Command("delete", "Delete somebody; their token is refused from then on") { name, yes };
        shell.Does(command, async (session, cancel) =>
        {
            var who = session.Parsed.GetValue(name)!;
            session.Confirm($"delete principal {who}?", session.Parsed.GetValue(yes));
            var answer = await session.Client.SendAsync(HttpMethod.Delete, Path(who), null, null, cancel);
            session.Out.Line($"principal {who} {(answer.Status == 204 ? "wasn't there" : "deleted")}");
            return ExitCode.Done;
        });
        return command;
    }

    private static JsonArray Assignments(Session session, string[] roles, string[] scopes)
    {
        if (scopes.Length == 0)
            scopes = [session.Scope.Group.ToString()];
        if (roles.Length != 1 && roles.Length != scopes.Length)
            throw Complaint.OfUsage($"there are {roles.Length} roles and {scopes.Length} scopes", "give one --role for all, or a --scope for each --role");
        return new JsonArray([.. scopes.Select((scope, i) => (JsonNode)new JsonObject { ["role"] = roles.Length == 1 ? roles[0] : roles[i], ["scope"] = ScopeOf(session, scope) })]);
    }

    private static string ScopeOf(Session session, string text)
    {
        if (text == Assignment.Everywhere)
            return text;
        return text.Contains('/', StringComparison.Ordinal) ? TargetNames.Need(session.Scope, text).ToString() : ResourceId.OfResourceGroup(session.Settings.RequiredSubscription, text).ToString();
    }

    private static async Task TokenAsync(Session session, string name, string? file, CancellationToken cancel)
    {
        var answer = (await session.Client.SendAsync(HttpMethod.Post, Path(name, "/rotateToken"), new JsonObject(), null, cancel)).Object;
        var token = answer["token"]?.ToString() ?? throw new Complaint("the server's answer holds no token");
        if (file is null)
            session.Out.Raw.WriteLine(session.Format(OutputFormat.Table, OutputFormat.Json) == OutputFormat.Json ? JsonText.Of(answer) : token);
        else
            PrivateFile.Write(file, token + "\n");
        session.Error.Line($"the token of {name} {(file is null ? "is shown this once" : $"is in {file}")}; they name its file: weft --token-file FILE …, or weft config set-context NAME --token-file FILE", Ink.Faint);
    }

    private static void Table(Session session, List<JsonObject> all)
    {
        var now = session.Surroundings.Clock.GetUtcNow();
        var lines = all.Select(one => new Row(one, now)).Select(row => new[]
        {
            row.Text("name"),
            string.Join(", ", row.Objects("properties.assignments").Select(a => $"{a["role"]} of {(ResourceId.TryParse(a["scope"]?.ToString(), out var id) ? Label.Of(id) : a["scope"]?.ToString())}")),
            row.Since("properties.tokenIssuedAt"), row.Text("properties.expiresAt"), row.Text("properties.description"),
        }).ToList();
        if (lines.Count == 0)
            session.Error.Line("there is nobody besides the administrator", Ink.Faint);
        else
            TableText.Write(session.Out, ["NAME", "MAY", "TOKEN-AGE", "EXPIRES", "DESCRIPTION"], lines);
    }

    private static void Write(Session session, JsonNode node, OutputFormat format)
    {
        if (format == OutputFormat.Json)
            session.Out.Raw.WriteLine(JsonText.Of(node));
        else
            session.Out.Raw.Write(Yaml.Write(node));
    }

    private static string Path(string name, string action = "") => $"{Collection}/{Uri.EscapeDataString(name)}{action}{Version}";

    private static Argument<string> Name() => new("NAME") { HelpName = "NAME", Description = "Their name: a-z, 0-9, '.', '_', '@', '-'" };

    private static Option<string?> Out() => new("--out") { Description = "Write the token to a file, mode 0600, and not to stdout", HelpName = "FILE" };
}
