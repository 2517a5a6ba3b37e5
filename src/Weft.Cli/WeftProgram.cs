using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Globalization;
using Weft.Cli.Commands;
using Weft.Cli.Output;
using Weft.Cli.Wire;

namespace Weft.Cli;

/// <summary>The program: a command line in, an exit code out. Complaints and faults are caught here and nowhere else.</summary>
internal static class WeftProgram
{
    /// <summary>Where the process begins.</summary>
    public static Task<int> Main(string[] args) => RunAsync(args, Surroundings.OfProcess());

    /// <summary>Runs the program.</summary>
    public static async Task<int> RunAsync(string[] args, Surroundings surroundings)
    {
        // The one answer that scripts and shells ask for again and again; it pays for no command tree.
        if (args is ["--version"])
        {
            await surroundings.Out.WriteLineAsync(ProgramVersion.Line);
            return ExitCode.Done;
        }

        var shell = new Shell(surroundings);
        var root = Tree(shell);

        // '@file' is somebody's name or text here, never a file of arguments.
        var configuration = new ParserConfiguration { ResponseFileTokenReplacer = null };
        if (args is [var directive, var line] && directive.StartsWith("[suggest:", StringComparison.Ordinal))
            return Suggest(root, configuration, directive, line, surroundings.Out);
        var parsed = root.Parse(SshCommand.Fence(args, shell.Options), configuration);
        var colour = surroundings.UsesColour && !parsed.GetValue(shell.Options.NoColour);
        var error = new Terminal(surroundings.Error, surroundings.ErrorIsTerminal, colour);
        if (parsed.Action is ParseErrorAction)
            return Misread(parsed, error);
        if (parsed.Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash).FirstOrDefault(token => token.Type == TokenType.Argument && token.Value is ['-', '-', _, ..]) is { } unknown)
            return Say(Complaint.OfUsage($"there is no option {unknown.Value}", $"{PathOf(parsed)} --help"), error);
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = surroundings.Out,
                Error = surroundings.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = shell.EndsInOrder.Contains(parsed.CommandResult.Command) ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(2),
            });
        }
        catch (Complaint complaint)
        {
            return Say(complaint, error);
        }
        catch (ArmFailure failure)
        {
            return Say(ErrorText.AsComplaint(failure), error);
        }
        catch (OperationCanceledException)
        {
            error.Line("interrupted; what was sent goes on at the server", Ink.Bad);
            return ExitCode.Interrupted;
        }
    }

    // The library's own directive takes the first word for the program only if the two bear one name, and a link may bear another.
    private static int Suggest(RootCommand root, ParserConfiguration configuration, string directive, string line, TextWriter output)
    {
        var program = line.IndexOf(' ', StringComparison.Ordinal) + 1;
        if (program == 0 || !int.TryParse(directive["[suggest:".Length..].TrimEnd(']'), NumberStyles.None, CultureInfo.InvariantCulture, out var position))
            return ExitCode.Done;
        foreach (var item in root.Parse(line[program..], configuration).GetCompletions(Math.Clamp(position, program, line.Length) - program))
            output.WriteLine(item.InsertText ?? item.Label);
        return ExitCode.Done;
    }

    private static RootCommand Tree(Shell shell)
    {
        var root = new RootCommand("weft: networks of sites, declared once. Start with: weft plan -f FILE, weft apply -f FILE, weft get KIND.") { HelpName = "weft" };
        foreach (var option in shell.Options.All)
            root.Options.Add(option);
        foreach (var command in new Func<Shell, Command>[]
        {
            ApplyCommand.Build, PlanCommand.Build, ExplainCommand.Build, GetCommand.Build, ShowCommand.Build, DeleteCommand.Build, AdministerCommand.Enable,
            AdministerCommand.Disable, CreateCommand.Build, ManifestsCommand.Build, InventoryCommand.Build, WhoCommand.Build, IpamCommand.Build, LintCommand.Build, DriftCommand.Build,
            VerifyCommand.Build, AgentCommand.Build, ProxyCommand.Build, SshCommand.Build, SshConfigCommand.Build, StdioCommand.Build, RelayCommand.Build, PrincipalCommand.Build,
            ConfigCommand.Build, CompletionCommand.Build, VersionCommand.Build,
        })
            root.Subcommands.Add(command(shell));
        return root;
    }

    private static int Misread(ParseResult parsed, Terminal error)
    {
        // Nothing but 'weft' or 'weft config': the commands are what is wanted, and the exit code still says that none was given.
        if (parsed.CommandResult.Command.Subcommands.Count > 0 && parsed.UnmatchedTokens.Count == 0)
        {
            new HelpAction().Invoke(parsed);
            return ExitCode.Usage;
        }

        var path = PathOf(parsed);
        if (parsed.CommandResult.Command.Subcommands.Count > 0)
            return Say(Complaint.OfUsage($"'{path}' has no command '{parsed.UnmatchedTokens[0]}'", Next(parsed) ?? $"{path} --help"), error);
        var messages = parsed.Errors.Select(finding => finding.Message.TrimEnd('.')).Distinct().ToArray();
        return Say(Complaint.OfUsage(string.Join("; ", messages), $"{path} --help"), error);
    }

    private static string? Next(ParseResult parsed)
    {
        var names = parsed.CommandResult.Command.Subcommands.Select(command => command.Name);
        return parsed.UnmatchedTokens.Count > 0 && Weft.Resources.NearWords.Of(parsed.UnmatchedTokens[0], names) is [var near, ..] ? $"did you mean {near}?" : null;
    }

    private static string PathOf(ParseResult parsed) => string.Join(' ', Path(parsed.CommandResult.Command).Reverse());

    private static IEnumerable<string> Path(Symbol? symbol)
    {
        for (; symbol is not null; symbol = symbol.Parents.FirstOrDefault())
            yield return symbol is RootCommand ? "weft" : symbol.Name;
    }

    private static int Say(Complaint complaint, Terminal error)
    {
        error.Line($"error: {complaint.Message}", Ink.Bad);
        foreach (var finding in complaint.Findings)
            error.Line($"  {finding}");
        if (complaint.Next is { } next)
            error.Line($"next: {next}");
        return complaint.Exit;
    }
}
