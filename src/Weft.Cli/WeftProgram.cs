using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Globalization;
using Weft.Cli.Arm;
using Weft.Cli.Commands;
using Weft.Cli.Output;

namespace Weft.Cli;

/// <summary>
/// The program: a command line in, an exit code out. Errors and exceptions are caught here and nowhere else.
/// </summary>
internal static class WeftProgram
{
    /// <summary>Where the process begins.</summary>
    public static Task<int> Main(string[] args) => RunAsync(args, CliEnvironment.FromProcess());

    /// <summary>Runs the program.</summary>
    public static async Task<int> RunAsync(string[] args, CliEnvironment environment)
    {
        // The one answer that scripts and shells ask for again and again; it pays for no command tree.
        if (args is ["--version"])
        {
            await environment.Out.WriteLineAsync(ProgramVersion.Banner);
            return ExitCode.Success;
        }

        var cli = new CommandContext(environment);
        var root = BuildRootCommand(cli);

        // '@file' is somebody's name or text here, never a file of arguments.
        var configuration = new ParserConfiguration { ResponseFileTokenReplacer = null };
        if (args is [var directive, var line] && directive.StartsWith("[suggest:", StringComparison.Ordinal))
            return Suggest(root, configuration, directive, line, environment.Out);
        var parsed = root.Parse(SshCommand.SeparateSshArguments(args, cli.Options), configuration);
        var colour = environment.UsesColour && !parsed.GetValue(cli.Options.NoColour);
        var error = new Terminal(environment.Error, environment.ErrorIsTerminal, colour);
        if (parsed.Action is ParseErrorAction)
            return WriteParseError(parsed, error);
        if (FindUnknownOption(parsed) is { } unknown)
            return WriteError(
                CliError.Usage($"there is no option {unknown}", $"{CommandPathText(parsed)} --help"),
                error
            );
        var isGraceful = cli.GracefulCommands.Contains(parsed.CommandResult.Command);
        var invocation = new InvocationConfiguration
        {
            Output = environment.Out,
            Error = environment.Error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = isGraceful ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(2),
        };
        return await InvokeAsync(parsed, invocation, error);
    }

    /// <summary>An option that nobody knows, and that was taken for an argument.</summary>
    private static string? FindUnknownOption(ParseResult parsed) =>
        parsed
            .Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash)
            .FirstOrDefault(token => token.Type == TokenType.Argument && token.Value is ['-', '-', _, ..])
            ?.Value;

    private static async Task<int> InvokeAsync(ParseResult parsed, InvocationConfiguration invocation, Terminal error)
    {
        try
        {
            return await parsed.InvokeAsync(invocation);
        }
        catch (CliError cliError)
        {
            return WriteError(cliError, error);
        }
        catch (ArmException exception)
        {
            return WriteError(ErrorText.ToCliError(exception), error);
        }
        catch (OperationCanceledException)
        {
            error.WriteLine("interrupted; what was sent goes on at the server", TextStyle.Error);
            return ExitCode.Interrupted;
        }
    }

    // The library's own directive takes the first word for the program only if the two bear one name, and a link may
    // bear another.
    private static int Suggest(
        RootCommand root,
        ParserConfiguration configuration,
        string directive,
        string line,
        TextWriter output
    )
    {
        var program = line.IndexOf(' ', StringComparison.Ordinal) + 1;
        if (
            program == 0
            || !int.TryParse(
                directive["[suggest:".Length..].TrimEnd(']'),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var position
            )
        )
            return ExitCode.Success;
        foreach (
            var item in root.Parse(line[program..], configuration)
                .GetCompletions(Math.Clamp(position, program, line.Length) - program)
        )
            output.WriteLine(item.InsertText ?? item.Label);
        return ExitCode.Success;
    }

    private static RootCommand BuildRootCommand(CommandContext cli)
    {
        var root = new RootCommand(
            "weft: networks of sites, declared once. Start with: weft plan -f FILE, weft apply -f FILE, weft get KIND."
        )
        {
            HelpName = "weft",
        };
        foreach (var option in cli.Options.All)
            root.Options.Add(option);
        foreach (
            var command in new Func<CommandContext, Command>[]
            {
                ApplyCommand.Build,
                PlanCommand.Build,
                ExplainCommand.Build,
                GetCommand.Build,
                ShowCommand.Build,
                DeleteCommand.Build,
                AdministerCommand.Enable,
                AdministerCommand.Disable,
                CreateCommand.Build,
                ManifestsCommand.Build,
                InventoryCommand.Build,
                WhoCommand.Build,
                IpamCommand.Build,
                LintCommand.Build,
                DriftCommand.Build,
                VerifyCommand.Build,
                AgentCommand.Build,
                AuditCommand.Build,
                ProxyCommand.Build,
                SshCommand.Build,
                SshConfigCommand.Build,
                StdioCommand.Build,
                RelayCommand.Build,
                PrincipalCommand.Build,
                GroupCommand.Build,
                RoleCommand.Build,
                WhoAmICommand.Build,
                ConfigCommand.Build,
                CompletionCommand.Build,
                VersionCommand.Build,
            }
        )
            root.Subcommands.Add(command(cli));
        return root;
    }

    private static int WriteParseError(ParseResult parsed, Terminal error)
    {
        // Nothing but 'weft' or 'weft config': the commands are what is wanted, and the exit code still says that none
        // was given.
        if (parsed.CommandResult.Command.Subcommands.Count > 0 && parsed.UnmatchedTokens.Count == 0)
        {
            new HelpAction().Invoke(parsed);
            return ExitCode.Usage;
        }

        var path = CommandPathText(parsed);
        if (parsed.CommandResult.Command.Subcommands.Count > 0)
            return WriteError(
                CliError.Usage(
                    $"'{path}' has no command '{parsed.UnmatchedTokens[0]}'",
                    SuggestCommand(parsed) ?? $"{path} --help"
                ),
                error
            );
        var messages = parsed.Errors.Select(finding => finding.Message.TrimEnd('.')).Distinct().ToArray();
        return WriteError(CliError.Usage(string.Join("; ", messages), $"{path} --help"), error);
    }

    private static string? SuggestCommand(ParseResult parsed)
    {
        var names = parsed.CommandResult.Command.Subcommands.Select(command => command.Name);
        return
            parsed.UnmatchedTokens.Count > 0
            && Weft.Resources.Suggestions.Find(parsed.UnmatchedTokens[0], names) is [var near, ..]
            ? $"did you mean {near}?"
            : null;
    }

    private static string CommandPathText(ParseResult parsed) =>
        string.Join(' ', CommandPath(parsed.CommandResult.Command).Reverse());

    private static IEnumerable<string> CommandPath(Symbol? symbol)
    {
        for (; symbol is not null; symbol = symbol.Parents.FirstOrDefault())
            yield return symbol is RootCommand ? "weft" : symbol.Name;
    }

    private static int WriteError(CliError cliError, Terminal error)
    {
        error.WriteLine($"error: {cliError.Message}", TextStyle.Error);
        foreach (var finding in cliError.Findings)
            error.WriteLine($"  {finding}");
        if (cliError.NextStep is { } next)
            error.WriteLine($"next: {next}");
        return cliError.Exit;
    }
}
