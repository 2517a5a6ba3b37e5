using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Attachments.Formats;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary>
/// <c>weft principal create|list|show|rotate|delete</c>: who may call weftd besides the administrator, and what they
/// may.
/// </summary>
internal static class PrincipalCommand
{
    private const string Collection = "/providers/Weft.Identity/principals";
    private const string Version = $"?api-version={KindTable.WeftApiVersion}";

    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli) =>
        new("principal", "Who may call weftd, and what they may")
        {
            BuildCreate(cli),
            BuildList(cli),
            BuildShow(cli),
            BuildRotate(cli),
            BuildDelete(cli),
        };

    private static Command BuildCreate(CommandContext cli)
    {
        var name = NameArgument();
        var role = new Option<string[]>("--role")
        {
            Description = "What they may be; one for each --scope, or one for all",
            HelpName = "ROLE",
            Required = true,
            Arity = ArgumentArity.OneOrMore,
        };
        role.AcceptOnlyFromAmong(Enum.GetNames<Role>());
        var scope = new Option<string[]>("--scope")
        {
            Description = $"Where: /, a group's name, a whole id, {TargetNames.Syntax} (the resource group)",
            HelpName = "SCOPE",
            Arity = ArgumentArity.OneOrMore,
        };
        scope.CompletionSources.Add(context => RelayParameters.CompleteTargets(cli, context));
        var about = new Option<string?>("--description") { Description = "Who that is", HelpName = "TEXT" };
        var expires = new Option<string?>("--expires")
        {
            Description = "When the token ends to be good: 2027-01-31T12:00:00Z",
            HelpName = "TIME",
        };
        var file = OutOption();
        var command = new Command("create", "Create somebody, or change what they may, and give them a token")
        {
            name,
            role,
            scope,
            about,
            expires,
            file,
        };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                session.GetFormat(OutputFormat.Table, OutputFormat.Json);
                var parsed = session.Parsed;
                var properties = new JsonObject
                {
                    ["assignments"] = AssignmentsOf(session, parsed.GetValue(role)!, parsed.GetValue(scope) ?? []),
                };
                if (parsed.GetValue(about) is { } text)
                    properties["description"] = text;
                if (parsed.GetValue(expires) is { } time)
                    properties["expiresAt"] = time;
                await PutAsync(session, parsed.GetValue(name)!, properties, parsed.GetValue(file), cancel);
                return ExitCode.Success;
            }
        );
        return command;
    }

    /// <summary>Writes a principal; a new one gets its token.</summary>
    private static async Task PutAsync(
        CommandSession session,
        string name,
        JsonObject properties,
        string? tokenFile,
        CancellationToken cancel
    )
    {
        var response = await session.Client.SendAsync(
            HttpMethod.Put,
            PathOf(name),
            new JsonObject { ["properties"] = properties },
            null,
            cancel
        );
        var isNew = response.Status == 201;
        session.Error.WriteLine(
            $"principal {name} {(isNew ? "created" : "changed; its token stays as it is")}",
            TextStyle.Faint
        );
        if (isNew)
            await RotateTokenAsync(session, name, tokenFile, cancel);
    }

    private static Command BuildRotate(CommandContext cli)
    {
        var (name, file) = (NameArgument(), OutOption());
        var command = new Command("rotate", "Give somebody a new token; the old one is refused from then on")
        {
            name,
            file,
        };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                session.GetFormat(OutputFormat.Table, OutputFormat.Json);
                await RotateTokenAsync(session, session.Parsed.GetValue(name)!, session.Parsed.GetValue(file), cancel);
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static Command BuildList(CommandContext cli)
    {
        var command = new Command("list", "List who there is, and what they may");
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(
                    OutputFormat.Table,
                    OutputFormat.Json,
                    OutputFormat.Yaml,
                    OutputFormat.Name
                );
                var all = await session.Client.ListAsync(Collection + Version, cancel);
                if (format == OutputFormat.Table)
                    WriteTable(session, all);
                else if (format == OutputFormat.Name)
                    all.ForEach(one => session.Out.WriteLine(one["name"]!.ToString()));
                else
                    Write(session, new JsonArray([.. all.Select(one => one.DeepClone())]), format);
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static Command BuildShow(CommandContext cli)
    {
        var name = NameArgument();
        var command = new Command("show", "Show somebody") { name };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(OutputFormat.Yaml, OutputFormat.Json, OutputFormat.Table);
                var one = (await session.Client.GetAsync(PathOf(session.Parsed.GetValue(name)!), cancel)).Object;
                if (format == OutputFormat.Table)
                    WriteTable(session, [one]);
                else
                    Write(session, one, format);
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static Command BuildDelete(CommandContext cli)
    {
        var (name, yes) = (NameArgument(), Parameters.Yes());
        var command = new Command("delete", "Delete somebody; their token is refused from then on") { name, yes };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var who = session.Parsed.GetValue(name)!;
                session.Confirm($"delete principal {who}?", session.Parsed.GetValue(yes));
                var response = await session.Client.SendAsync(HttpMethod.Delete, PathOf(who), null, null, cancel);
                session.Out.WriteLine($"principal {who} {(response.Status == 204 ? "wasn't there" : "deleted")}");
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static JsonArray AssignmentsOf(CommandSession session, string[] roles, string[] scopes)
    {
        if (scopes.Length == 0)
            scopes = [session.Scope.Group.ToString()];
        if (roles.Length != 1 && roles.Length != scopes.Length)
            throw CliError.Usage(
                $"there are {roles.Length} roles and {scopes.Length} scopes",
                "give one --role for all, or a --scope for each --role"
            );
        return new JsonArray([
            .. scopes.Select(
                (scope, i) =>
                    (JsonNode)
                        new JsonObject
                        {
                            ["role"] = roles.Length == 1 ? roles[0] : roles[i],
                            ["scope"] = ScopeOf(session, scope),
                        }
            ),
        ]);
    }

    private static string ScopeOf(CommandSession session, string text)
    {
        if (text == RoleAssignment.RootScope)
            return text;
        return text.Contains('/', StringComparison.Ordinal)
            ? TargetNames.Require(session.Scope, text).ToString()
            : ResourceId.ForResourceGroup(session.Settings.RequiredSubscription, text).ToString();
    }

    private static async Task RotateTokenAsync(
        CommandSession session,
        string name,
        string? file,
        CancellationToken cancel
    )
    {
        var answer = (
            await session.Client.SendAsync(
                HttpMethod.Post,
                PathOf(name, "/rotateToken"),
                new JsonObject(),
                null,
                cancel
            )
        ).Object;
        var token = answer["token"]?.ToString() ?? throw new CliError("the server's answer holds no token");
        if (file is null)
            session.Out.Writer.WriteLine(
                session.GetFormat(OutputFormat.Table, OutputFormat.Json) == OutputFormat.Json
                    ? JsonFormatter.Indented(answer)
                    : token
            );
        else
            PrivateFile.Write(file, token + "\n");
        session.Error.WriteLine(
            $"the token of {name} {(file is null ? "is shown this once" : $"is in {file}")}; they name its file: "
                + "weft --token-file FILE …, or weft config set-context NAME --token-file FILE",
            TextStyle.Faint
        );
    }

    private static string FormatAssignment(JsonObject assignment) =>
        $"{assignment["role"]} of {Label.For(assignment["scope"]?.ToString() ?? "")}";

    private static void WriteTable(CommandSession session, List<JsonObject> all)
    {
        var now = session.Environment.Clock.GetUtcNow();
        var lines = all.Select(one => new ResourceRow(one, now))
            .Select(row =>
                new[]
                {
                    row.Text("name"),
                    string.Join(", ", row.Objects("properties.assignments").Select(FormatAssignment)),
                    row.AgeSince("properties.tokenIssuedAt"),
                    row.Text("properties.expiresAt"),
                    row.Text("properties.description"),
                }
            )
            .ToList();
        if (lines.Count == 0)
            session.Error.WriteLine("there is nobody besides the administrator", TextStyle.Faint);
        else
            TableText.Write(session.Out, ["NAME", "MAY", "TOKEN-AGE", "EXPIRES", "DESCRIPTION"], lines);
    }

    private static void Write(CommandSession session, JsonNode node, OutputFormat format)
    {
        if (format == OutputFormat.Json)
            session.Out.Writer.WriteLine(JsonFormatter.Indented(node));
        else
            session.Out.Writer.Write(Yaml.Write(node));
    }

    private static string PathOf(string name, string action = "") =>
        $"{Collection}/{Uri.EscapeDataString(name)}{action}{Version}";

    private static Argument<string> NameArgument() =>
        new("NAME") { HelpName = "NAME", Description = "Their name: a-z, 0-9, '.', '_', '@', '-'" };

    private static Option<string?> OutOption() =>
        new("--out") { Description = "Write the token to a file, mode 0600, and not to stdout", HelpName = "FILE" };
}
