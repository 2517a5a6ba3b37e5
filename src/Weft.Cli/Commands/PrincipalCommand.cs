using System.CommandLine;

namespace Weft.Cli.Commands;

/// <summary><c>weft principal …</c>: who there is besides the administrator, and what they may.</summary>
internal static class PrincipalCommand
{
    /// <summary>Builds the command.</summary>
    /// <param name="shell">The shell.</param>
    /// <returns>The command.</returns>
    public static Command Build(Shell shell) => new("principal", "Who may call weftd, and what they may");
}
