using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary>
/// <c>weft relay keys list|show|regenerate</c>: authorization rules of namespaces and hybrid connections. Keys are
/// printed by <c>show</c> alone.
/// </summary>
internal static class RelayKeysCommand
{
    private static readonly Kind NamespaceKeyKind = KindTable.Of(RelayAuthorizationRule.NamespaceRuleType),
        ConnectionKeyKind = KindTable.Of(RelayAuthorizationRule.ConnectionRuleType);

    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli) =>
        new("keys", "Authorization rules of namespaces and hybrid connections, and their keys")
        {
            BuildList(cli),
            BuildShow(cli),
            BuildRegenerate(cli),
        };

    private static Command BuildList(CommandContext cli)
    {
        var scope = new Argument<string>("SCOPE")
        {
            HelpName = "NAMESPACE[/CONNECTION]",
            Description = "A namespace or a hybrid connection",
        };
        scope.CompletionSources.Add(context =>
            NameCompletion
                .Complete(cli, context, KindTable.Of(RelayNamespace.ResourceType).Plural)
                .Concat(NameCompletion.Complete(cli, context, KindTable.Of(HybridConnection.ResourceType).Plural))
        );
        var command = new Command("list", "List authorization rules; no keys are printed") { scope };
        cli.SetAction(
            command,
            (session, cancel) =>
            {
                var format = session.GetFormat(
                    OutputFormat.Table,
                    OutputFormat.Wide,
                    OutputFormat.Json,
                    OutputFormat.Yaml,
                    OutputFormat.Name
                );
                var name = session.Parsed.GetValue(scope)!;
                var kind = name.Contains('/', StringComparison.Ordinal) ? ConnectionKeyKind : NamespaceKeyKind;
                return GetCommand.RunAsync(
                    session,
                    new GetCommand.Query(kind, [], name, AllGroups: false),
                    format,
                    cancel
                );
            }
        );
        return command;
    }

    private static Command BuildShow(CommandContext cli)
    {
        var rule = RuleArgument(cli);
        var connection = new Option<bool>("--connection-string")
        {
            Description = "Print the primary connection string and nothing else",
        };
        var file = new Option<string?>("--out")
        {
            Description = "Write to a file, mode 0600, and not to stdout",
            HelpName = "FILE",
        };
        var command = new Command("show", "Print the keys of an authorization rule") { rule, connection, file };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(OutputFormat.Table, OutputFormat.Json);
                var keys = await PostAsync(
                    session,
                    ResolveId(session, session.Parsed.GetValue(rule)!),
                    "listKeys",
                    new JsonObject(),
                    cancel
                );
                var text =
                    format == OutputFormat.Json ? JsonFormatter.Indented(keys)
                    : session.Parsed.GetValue(connection)
                        ? keys["primaryConnectionString"]?.ToString()
                            ?? throw new CliError(
                                "there is no connection string: this weftd serves no relay",
                                next: "start it with --relay-listen ADDRESS:PORT"
                            )
                    : string.Join('\n', keys.Select(member => $"{member.Key}: {member.Value}"));
                if (session.Parsed.GetValue(file) is { } path)
                    PrivateFile.Write(path, text + "\n");
                else
                    session.Out.Writer.WriteLine(text);
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static Command BuildRegenerate(CommandContext cli)
    {
        var rule = RuleArgument(cli);
        var (primary, secondary, yes) = (
            new Option<bool>("--primary") { Description = "The primary key" },
            new Option<bool>("--secondary") { Description = "The secondary key" },
            Parameters.Yes()
        );
        var command = new Command("regenerate", "Draw a new key; who uses the old one is shut out and cut off")
        {
            rule,
            primary,
            secondary,
            yes,
        };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                if (session.Parsed.GetValue(primary) == session.Parsed.GetValue(secondary))
                    throw CliError.Usage(
                        "which key?",
                        "add --primary or --secondary; let clients change to the one before you draw the other anew"
                    );
                var which = session.Parsed.GetValue(primary) ? "PrimaryKey" : "SecondaryKey";
                var id = ResolveId(session, session.Parsed.GetValue(rule)!);
                session.Confirm(
                    $"draw a new {which} of {Label.For(id)}? Whoever uses the old one is cut off",
                    session.Parsed.GetValue(yes)
                );
                await PostAsync(session, id, "regenerateKeys", new JsonObject { ["keyType"] = which }, cancel);
                session.Out.WriteLine(
                    $"{Label.For(id)}: the {(which == "PrimaryKey" ? "primary" : "secondary")} key is new; weft relay keys show prints it"
                );
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static Argument<string> RuleArgument(CommandContext cli)
    {
        var argument = new Argument<string>("RULE")
        {
            HelpName = "NAMESPACE[/CONNECTION]/RULE",
            Description = "An authorization rule",
        };
        argument.CompletionSources.Add(context =>
            NameCompletion
                .Complete(cli, context, NamespaceKeyKind.Plural)
                .Concat(NameCompletion.Complete(cli, context, ConnectionKeyKind.Plural))
        );
        return argument;
    }

    private static ResourceId ResolveId(CommandSession session, string text)
    {
        if (text.StartsWith('/') && ResourceId.TryParse(text, out var whole))
            return session.Scope.ResolveId(
                whole.Type == ConnectionKeyKind.Type ? ConnectionKeyKind : NamespaceKeyKind,
                text
            );
        return session.Scope.ResolveId(text.Count(c => c == '/') > 1 ? ConnectionKeyKind : NamespaceKeyKind, text);
    }

    private static async Task<JsonObject> PostAsync(
        CommandSession session,
        ResourceId rule,
        string action,
        JsonObject body,
        CancellationToken cancel
    ) =>
        (
            await session.Client.SendAsync(
                HttpMethod.Post,
                $"{rule}/{action}?api-version={NamespaceKeyKind.ApiVersion}",
                body,
                null,
                cancel
            )
        ).Object;
}
