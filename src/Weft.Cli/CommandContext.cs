using System.CommandLine;

namespace Weft.Cli;

/// <summary>What commands are built with: the process, and the options they share.</summary>
internal sealed class CommandContext(CliEnvironment environment)
{
    /// <summary>The options of every command.</summary>
    public GlobalOptions Options { get; } = new();

    /// <summary>
    /// The commands that end in order when they are interrupted, however long that takes: they have a child to wait
    /// for, or something to take back.
    /// </summary>
    public HashSet<Command> GracefulCommands { get; } = [];

    /// <summary>Sets what a command does.</summary>
    /// <param name="work">What it does; the number is the exit code.</param>
    public void SetAction(Command command, Func<CommandSession, CancellationToken, Task<int>> work) =>
        command.SetAction(
            async (parsed, cancel) =>
            {
                using var session = OpenSession(parsed);
                return await work(session, cancel);
            }
        );

    /// <summary>Sets what a command does that waits for nothing.</summary>
    /// <param name="work">What it does; the number is the exit code.</param>
    public void SetAction(Command command, Func<CommandSession, int> work) =>
        SetAction(command, (session, _) => Task.FromResult(work(session)));

    /// <summary>A session for a command line that isn't run: completion.</summary>
    public CommandSession OpenSession(ParseResult parsed) => new(parsed, Options, environment);
}
