using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary><c>weft whoami</c>: as whom weftd knows the context's token, and what that may.</summary>
internal static class WhoAmICommand
{
    private const string Path = $"/providers/{IdentityCollection.Namespace}/whoami{IdentityParameters.Version}";

    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var command = new Command("whoami", "Say as whom weftd knows you, and what you may");
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml);
                var self = (await session.Client.GetAsync(Path, cancel)).Object;
                if (format == OutputFormat.Table)
                    WriteTable(session, self);
                else
                    IdentityParameters.Write(session, self, format);
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static void WriteTable(CommandSession session, JsonObject self)
    {
        var row = new ResourceRow(self, session.Environment.Clock.GetUtcNow());
        var groups = row.Text("groups");
        session.Out.WriteLine($"you are {self["name"]}{(groups.Length > 0 ? $", of {groups}" : "")}");
        TableText.Write(
            session.Out,
            ["ROLE", "SCOPE", "BY-GROUP"],
            [
                .. row.Objects("assignments")
                    .Select(assignment =>
                        new[]
                        {
                            $"{assignment["role"]}",
                            Label.For(assignment["scope"]?.ToString() ?? ""),
                            $"{assignment["group"]}",
                        }
                    ),
            ]
        );
    }
}
