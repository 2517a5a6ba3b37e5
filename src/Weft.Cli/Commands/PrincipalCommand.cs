using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;

namespace Weft.Cli.Commands;

/// <summary>
/// <c>weft principal create|list|show|rotate|delete</c>: who may call weftd besides the administrator, and what they
/// may.
/// </summary>
internal static class PrincipalCommand
{
    private static readonly IdentityCollection Collection = IdentityCollection.Principals;

    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli) =>
        new("principal", "Who may call weftd, and what they may")
        {
            BuildCreate(cli),
            IdentityParameters.BuildList(cli, Collection, "List who there is, and what they may", WriteTable),
            IdentityParameters.BuildShow(cli, Collection, "Show somebody", NameArgument(), WriteTable),
            BuildRotate(cli),
            IdentityParameters.BuildDelete(
                cli,
                Collection,
                "Delete somebody; their token is refused from then on",
                NameArgument()
            ),
        };

    private static Command BuildCreate(CommandContext cli)
    {
        var name = NameArgument();
        var (role, scope, about) = (
            IdentityParameters.Role(),
            IdentityParameters.Scope(cli),
            IdentityParameters.About("Who that is")
        );
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
                var properties = IdentityParameters.PropertiesOf(session, role, scope, about);
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

    private static void WriteTable(CommandSession session, List<JsonObject> all)
    {
        var now = session.Environment.Clock.GetUtcNow();
        var lines = all.Select(one => new ResourceRow(one, now))
            .Select(row =>
                new[]
                {
                    row.Text("name"),
                    IdentityParameters.FormatAssignments(row),
                    row.Text("properties.groups"),
                    row.AgeSince("properties.tokenIssuedAt"),
                    row.Text("properties.expiresAt"),
                    row.Text("properties.description"),
                }
            )
            .ToList();
        if (lines.Count == 0)
            session.Error.WriteLine("there is nobody besides the administrator", TextStyle.Faint);
        else
            TableText.Write(session.Out, ["NAME", "MAY", "GROUPS", "TOKEN-AGE", "EXPIRES", "DESCRIPTION"], lines);
    }

    private static string PathOf(string name, string action = "") =>
        IdentityParameters.PathOf(IdentityCollection.Principals, name, action);

    private static Argument<string> NameArgument() =>
        new("NAME") { HelpName = "NAME", Description = "Their name: a-z, 0-9, '.', '_', '@', '-'" };

    private static Option<string?> OutOption() =>
        new("--out") { Description = "Write the token to a file, mode 0600, and not to stdout", HelpName = "FILE" };
}
