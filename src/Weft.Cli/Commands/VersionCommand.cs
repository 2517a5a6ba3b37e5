using System.CommandLine;

namespace Weft.Cli.Commands;

/// <summary><c>weft version</c>.</summary>
internal static class VersionCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell)
    {
        var command = new Command("version", "Print the version, and which server weft speaks to");
        shell.Does(command, session =>
        {
            session.Out.Line(ProgramVersion.Line);
            if (session.Settings.Server is { } server)
                session.Out.Line($"server {server.ToString().TrimEnd('/')}{(session.Settings.Context is { } name ? $" (context {name})" : "")}");
            return ExitCode.Done;
        });
        return command;
    }
}
