using System.CommandLine;

namespace Weft.Cli.Commands;

/// <summary><c>weft version</c>.</summary>
internal static class VersionCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var command = new Command("version", "Print the version, and which server weft speaks to");
        cli.SetAction(
            command,
            session =>
            {
                session.Out.WriteLine(ProgramVersion.Banner);
                if (session.Settings.Server is { } server)
                    session.Out.WriteLine(
                        $"server {server.ToString().TrimEnd('/')}{(session.Settings.Context is { } name ? $" (context {name})" : "")}"
                    );
                return ExitCode.Success;
            }
        );
        return command;
    }
}
