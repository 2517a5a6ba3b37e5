using System.CommandLine;
using Weft.Cli.Relay;

namespace Weft.Cli.Commands;

/// <summary>
/// <c>weft ssh NODE [ARGS…]</c>: OpenSSH through the relay. What stands behind the node is ssh's own.
/// </summary>
internal static class SshCommand
{
    private const string ProgramName = "ssh";

    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var node = RelayParameters.Target(cli, "NODE", "A node, CLUSTER/NODE, a machine, vm/NAME or a whole id");
        var rest = new Argument<string[]>("ARGS")
        {
            HelpName = "ARGS",
            Description = "Options of ssh and a command, as ssh takes them: -l root uptime",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var ca = RelayParameters.Ca();
        var command = new Command(ProgramName, "Log in to a node or machine with OpenSSH, through the relay")
        {
            node,
            rest,
            ca,
        };
        cli.GracefulCommands.Add(command);
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                // USER@NODE is how hands write it; the user is ssh's to read.
                var text = session.Parsed.GetValue(node)!;
                var at = text.LastIndexOf('@');
                var id = await RelayTarget.ResolveAsync(session, text[(at + 1)..], cancel);
                var host = SshHost.Create(session, id, session.Parsed.GetValue(ca));
                string[] arguments =
                [
                    "-o",
                    $"ProxyCommand={host.ProxyCommand}",
                    "-o",
                    $"HostKeyAlias={host.KeyAlias}",
                    text[..(at + 1)] + host.Alias,
                    .. session.Parsed.GetValue(rest) ?? [],
                ];
                return await ChildProgram.RunAsync(
                    ProgramName,
                    arguments,
                    new Dictionary<string, string>(),
                    "install OpenSSH's client"
                );
            }
        );
        return command;
    }

    /// <summary>
    /// Puts an end of options behind the node: what follows is ssh's, even where this program has an option of the same
    /// name.
    /// </summary>
    /// <param name="options">The options of every command, some of which take values.</param>
    /// <returns>The command line with <c>--</c> behind the node; any other command's as it is.</returns>
    public static string[] SeparateSshArguments(string[] args, GlobalOptions options)
    {
        var command = IndexOfArgument(args, 0, options);
        if (command >= args.Length || args[command] != ProgramName)
            return args;
        var node = IndexOfArgument(args, command + 1, options);
        return
            node + 1 >= args.Length
            || args[node + 1] == "--"
            || Array.IndexOf(args, "--") is >= 0 and var dash && dash < node
            ? args
            : [.. args[..(node + 1)], "--", .. args[(node + 1)..]];
    }

    /// <summary>The place of the next word that is neither an option nor the value of one.</summary>
    private static int IndexOfArgument(string[] args, int start, GlobalOptions options)
    {
        var flags = options
            .All.Where(option => option.ValueType == typeof(bool))
            .SelectMany(option => option.Aliases.Append(option.Name))
            .Append("-h")
            .Append("--help")
            .Append("-?");
        var i = start;
        while (i < args.Length && args[i].StartsWith('-'))
            i += flags.Contains(args[i]) || args[i].Contains('=', StringComparison.Ordinal) ? 1 : 2;
        return i;
    }
}
