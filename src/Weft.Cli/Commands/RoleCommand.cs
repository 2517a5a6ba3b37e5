using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary><c>weft role create|list|show|delete</c>: what principals and groups may be assigned.</summary>
internal static class RoleCommand
{
    private static readonly IdentityCollection Collection = IdentityCollection.Roles;

    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli) =>
        new("role", "Roles: the built-in ones, and others of verbs on kinds")
        {
            BuildCreate(cli),
            IdentityParameters.BuildList(cli, Collection, "List roles, and what they give", WriteTable),
            IdentityParameters.BuildShow(cli, Collection, "Show a role", NameArgument(), WriteTable),
            IdentityParameters.BuildDelete(cli, Collection, "Delete a role that nobody has", NameArgument()),
        };

    private static Command BuildCreate(CommandContext cli)
    {
        var (name, about) = (NameArgument(), IdentityParameters.About("What it is for"));
        var rule = new Option<string[]>("--rule")
        {
            Description = "Verbs on kinds: read,join:l3networks,l2networks; '*' stands for all",
            HelpName = "VERBS:KINDS",
            Required = true,
            Arity = ArgumentArity.OneOrMore,
        };
        var command = new Command("create", "Create a role, or change what it gives to all who have it")
        {
            name,
            rule,
            about,
        };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var role = session.Parsed.GetValue(name)!;
                var rules = session.Parsed.GetValue(rule)!.Select(text => (JsonNode)ParseRule(text));
                var properties = new JsonObject { ["rules"] = new JsonArray([.. rules]) };
                if (session.Parsed.GetValue(about) is { } text)
                    properties["description"] = text;
                var response = await session.Client.SendAsync(
                    HttpMethod.Put,
                    IdentityParameters.PathOf(Collection, role),
                    new JsonObject { ["properties"] = properties },
                    null,
                    cancel
                );
                session.Out.WriteLine($"role {role} {(response.Status == 201 ? "created" : "changed")}");
                return ExitCode.Success;
            }
        );
        return command;
    }

    /// <summary>Reads a rule; a kind's name on the command line becomes its type, others are for the server to know.</summary>
    private static JsonObject ParseRule(string text)
    {
        if (text.Split(':') is not [{ Length: > 0 } verbs, { Length: > 0 } kinds])
            throw CliError.Usage($"'{text}' is no rule", "write VERBS:KINDS, such as read,join:l3networks");
        return new JsonObject
        {
            ["verbs"] = ToArray(verbs.Split(',')),
            ["kinds"] = ToArray(kinds.Split(',').Select(kind => KindTable.Find(kind)?.Type.ToString() ?? kind)),
        };
    }

    private static JsonArray ToArray(IEnumerable<string> words) =>
        new([.. words.Select(word => JsonValue.Create(word))]);

    private static void WriteTable(CommandSession session, List<JsonObject> all)
    {
        var now = session.Environment.Clock.GetUtcNow();
        var lines = all.Select(one => new ResourceRow(one, now))
            .Select(row =>
                new[]
                {
                    row.Text("name"),
                    row.Text("properties.roleType"),
                    string.Join("; ", row.Objects("properties.rules").Select(FormatRule)),
                    row.Text("properties.description"),
                }
            )
            .ToList();
        TableText.Write(session.Out, ["NAME", "TYPE", "GIVES", "DESCRIPTION"], lines);
    }

    private static string FormatRule(JsonObject rule) => $"{FormatWords(rule["verbs"])}:{FormatWords(rule["kinds"])}";

    private static string FormatWords(JsonNode? list) =>
        string.Join(',', (list as JsonArray ?? []).Select(word => word?.ToString()));

    private static Argument<string> NameArgument() =>
        new("ROLE") { HelpName = "ROLE", Description = "Its name: letters, digits and '-'" };
}
