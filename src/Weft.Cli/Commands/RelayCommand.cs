using System.CommandLine;

namespace Weft.Cli.Commands;

/// <summary><c>weft relay …</c>: who is at the relay, who may come in, and its keys.</summary>
internal static class RelayCommand
{
    /// <summary>Builds the command.</summary>
    /// <param name="shell">The shell.</param>
    /// <returns>The command.</returns>
    public static Command Build(Shell shell) => new("relay", "Who is at the relay, who may come in, and its keys");
}
