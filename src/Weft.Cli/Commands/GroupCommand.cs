using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary><c>weft group create|list|show|add|remove|delete</c>: groups of principals.</summary>
internal static class GroupCommand
{
    private static readonly IdentityCollection Collection = IdentityCollection.Groups;

    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli) =>
        new("group", "Groups of principals, and what their members may")
        {
            BuildCreate(cli),
            IdentityParameters.BuildList(cli, Collection, "List groups, who is in them, and what they may", WriteTable),
            IdentityParameters.BuildShow(cli, Collection, "Show a group", NameArgument(), WriteTable),
            BuildMembers(cli, "add", HttpMethod.Put, "Take principals into a group; they may what it may at once"),
            BuildMembers(cli, "remove", HttpMethod.Delete, "Take principals out of a group"),
            IdentityParameters.BuildDelete(
                cli,
                Collection,
                "Delete a group; its members keep what is assigned to themselves",
                NameArgument()
            ),
        };

    private static Command BuildCreate(CommandContext cli)
    {
        var (name, role, scope, about) = (
            NameArgument(),
            IdentityParameters.Role(),
            IdentityParameters.Scope(cli),
            IdentityParameters.About("What it is for")
        );
        var command = new Command("create", "Create a group, or change what its members may")
        {
            name,
            role,
            scope,
            about,
        };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var group = session.Parsed.GetValue(name)!;
                var body = new JsonObject
                {
                    ["properties"] = IdentityParameters.PropertiesOf(session, role, scope, about),
                };
                var path = IdentityParameters.PathOf(Collection, group);
                var response = await session.Client.SendAsync(HttpMethod.Put, path, body, null, cancel);
                session.Out.WriteLine(
                    $"group {group} {(response.Status == 201 ? "created" : "changed; its members stay as they are")}"
                );
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static Command BuildMembers(CommandContext cli, string verb, HttpMethod method, string description)
    {
        var name = NameArgument();
        var members = new Argument<string[]>("PRINCIPAL")
        {
            HelpName = "PRINCIPAL",
            Description = "Their names",
            Arity = ArgumentArity.OneOrMore,
        };
        var command = new Command(verb, description) { name, members };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var group = session.Parsed.GetValue(name)!;
                foreach (var member in session.Parsed.GetValue(members)!)
                {
                    var below = $"/{IdentityCollection.MembersName}/{Uri.EscapeDataString(member)}";
                    var path = IdentityParameters.PathOf(Collection, group, below);
                    _ = await session.Client.SendAsync(
                        method,
                        path,
                        method == HttpMethod.Put ? new JsonObject() : null,
                        null,
                        cancel
                    );
                    session.Out.WriteLine(
                        $"group {group}: {member} {(method == HttpMethod.Put ? "is a member" : "is no member")}"
                    );
                }

                return ExitCode.Success;
            }
        );
        return command;
    }

    private static void WriteTable(CommandSession session, List<JsonObject> all)
    {
        var now = session.Environment.Clock.GetUtcNow();
        var lines = all.Select(one => new ResourceRow(one, now))
            .Select(row =>
                new[]
                {
                    row.Text("name"),
                    IdentityParameters.FormatAssignments(row),
                    row.Text($"properties.{IdentityCollection.MembersName}"),
                    row.Text("properties.description"),
                }
            )
            .ToList();
        if (lines.Count == 0)
            session.Error.WriteLine("there are no groups", TextStyle.Faint);
        else
            TableText.Write(session.Out, ["NAME", "MAY", "MEMBERS", "DESCRIPTION"], lines);
    }

    private static Argument<string> NameArgument() =>
        new("GROUP") { HelpName = "GROUP", Description = "Its name: a-z, 0-9, '.', '_', '@', '-'" };
}
