using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Attachments.Formats;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary>What the commands for principals, groups and roles have in common.</summary>
internal static class IdentityParameters
{
    /// <summary>The query of every request about them.</summary>
    public const string Version = $"?api-version={KindTable.WeftApiVersion}";

    /// <summary><c>--role</c>.</summary>
    public static Option<string[]> Role()
    {
        var option = new Option<string[]>("--role")
        {
            Description = "What they may be; one for each --scope, or one for all (weft role list)",
            HelpName = "ROLE",
            Required = true,
            Arity = ArgumentArity.OneOrMore,
        };
        option.CompletionSources.Add([.. Access.Role.BuiltIn.Select(role => role.Name)]);
        return option;
    }

    /// <summary><c>--scope</c>.</summary>
    public static Option<string[]> Scope(CommandContext cli)
    {
        var option = new Option<string[]>("--scope")
        {
            Description = $"Where: /, a resource group's name, KIND/NAME, {TargetNames.Syntax} (the resource group)",
            HelpName = "SCOPE",
            Arity = ArgumentArity.OneOrMore,
        };
        option.CompletionSources.Add(context => RelayParameters.CompleteTargets(cli, context));
        return option;
    }

    /// <summary><c>--description</c>.</summary>
    public static Option<string?> About(string what) => new("--description") { Description = what, HelpName = "TEXT" };

    /// <summary>The properties that these three say.</summary>
    public static JsonObject PropertiesOf(
        CommandSession session,
        Option<string[]> role,
        Option<string[]> scope,
        Option<string?> about
    )
    {
        var parsed = session.Parsed;
        var properties = new JsonObject
        {
            ["assignments"] = AssignmentsOf(session, parsed.GetValue(role)!, parsed.GetValue(scope) ?? []),
        };
        if (parsed.GetValue(about) is { } text)
            properties["description"] = text;
        return properties;
    }

    /// <summary><c>list</c>.</summary>
    public static Command BuildList(
        CommandContext cli,
        IdentityCollection collection,
        string description,
        Action<CommandSession, List<JsonObject>> writeTable
    )
    {
        var command = new Command("list", description);
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
                var all = await session.Client.ListAsync(PathOf(collection), cancel);
                if (format == OutputFormat.Table)
                    writeTable(session, all);
                else if (format == OutputFormat.Name)
                    all.ForEach(one => session.Out.WriteLine(one["name"]!.ToString()));
                else
                    Write(session, new JsonArray([.. all.Select(one => one.DeepClone())]), format);
                return ExitCode.Success;
            }
        );
        return command;
    }

    /// <summary><c>show</c>.</summary>
    public static Command BuildShow(
        CommandContext cli,
        IdentityCollection collection,
        string description,
        Argument<string> name,
        Action<CommandSession, List<JsonObject>> writeTable
    )
    {
        var command = new Command("show", description) { name };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(OutputFormat.Yaml, OutputFormat.Json, OutputFormat.Table);
                var path = PathOf(collection, session.Parsed.GetValue(name)!);
                var one = (await session.Client.GetAsync(path, cancel)).Object;
                if (format == OutputFormat.Table)
                    writeTable(session, [one]);
                else
                    Write(session, one, format);
                return ExitCode.Success;
            }
        );
        return command;
    }

    /// <summary><c>delete</c>.</summary>
    public static Command BuildDelete(
        CommandContext cli,
        IdentityCollection collection,
        string description,
        Argument<string> name
    )
    {
        var yes = Parameters.Yes();
        var command = new Command("delete", description) { name, yes };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var title = $"{collection.Noun} {session.Parsed.GetValue(name)!}";
                session.Confirm($"delete {title}?", session.Parsed.GetValue(yes));
                var path = PathOf(collection, session.Parsed.GetValue(name)!);
                var response = await session.Client.SendAsync(HttpMethod.Delete, path, null, null, cancel);
                session.Out.WriteLine($"{title} {(response.Status == 204 ? "wasn't there" : "deleted")}");
                return ExitCode.Success;
            }
        );
        return command;
    }

    /// <summary>The address of a collection.</summary>
    public static string PathOf(IdentityCollection collection) =>
        $"/providers/{IdentityCollection.Namespace}/{collection.Plural}{Version}";

    /// <summary>The address of one of them.</summary>
    /// <param name="below">What stands below it, with its slash.</param>
    public static string PathOf(IdentityCollection collection, string name, string below = "") =>
        $"{collection.PathOf(Uri.EscapeDataString(name))}{below}{Version}";

    /// <summary>What a principal or a group is assigned, in a cell.</summary>
    public static string FormatAssignments(ResourceRow row) =>
        string.Join(", ", row.Objects("properties.assignments").Select(FormatAssignment));

    /// <summary>One assignment.</summary>
    public static string FormatAssignment(JsonObject assignment) =>
        $"{assignment["role"]} of {Label.For(assignment["scope"]?.ToString() ?? "")}";

    /// <summary>Prints an answer whole.</summary>
    public static void Write(CommandSession session, JsonNode node, OutputFormat format)
    {
        if (format == OutputFormat.Json)
            session.Out.Writer.WriteLine(JsonFormatter.Indented(node));
        else
            session.Out.Writer.Write(Yaml.Write(node));
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
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
            return ResourceId.ForResourceGroup(session.Settings.RequiredSubscription, text).ToString();
        // A target's word first: a cluster is a Kubernetes one here, as everywhere on the command line.
        if (TargetNames.Find(session.Scope, text) is { } target)
            return target.ToString();
        return KindTable.Find(text[..slash]) is { } kind
            ? session.Scope.ResolveId(kind, text[(slash + 1)..]).ToString()
            : TargetNames.Require(session.Scope, text).ToString();
    }
}
