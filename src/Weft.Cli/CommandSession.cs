using System.CommandLine;
using Weft.Cli.Arm;
using Weft.Cli.Contexts;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli;

/// <summary>
/// One run of one command: its streams, its settings and its server, each made when it is first needed.
/// </summary>
internal sealed class CommandSession : IDisposable
{
    private readonly GlobalOptions _options;
    private Settings? _settings;
    private ArmClient? _client;

    /// <summary>A run.</summary>
    public CommandSession(ParseResult parsed, GlobalOptions options, CliEnvironment environment)
    {
        (Parsed, _options, Environment) = (parsed, options, environment);
        var colour = environment.UsesColour && !parsed.GetValue(options.NoColour);
        Out = new Terminal(environment.Out, environment.OutIsTerminal, colour);
        Error = new Terminal(environment.Error, environment.ErrorIsTerminal, colour);
    }

    /// <summary>The command line.</summary>
    public ParseResult Parsed { get; }

    /// <summary>The process.</summary>
    public CliEnvironment Environment { get; }

    /// <summary>Where data goes.</summary>
    public Terminal Out { get; }

    /// <summary>Where everything else goes.</summary>
    public Terminal Error { get; }

    /// <summary>Where to speak to.</summary>
    public Settings Settings =>
        _settings ??= Settings.Resolve(
            Parsed.GetValue(_options.Context),
            _options.ToContext(Parsed),
            Environment.Variables
        );

    /// <summary>The options that make another process of this program speak to the same server.</summary>
    public IEnumerable<string> ConnectionArguments =>
        Settings.ToArguments(Settings.Context, _options.ToContext(Parsed), Environment.Variables);

    /// <summary>From names to ids.</summary>
    public ResourceScope Scope => new(Settings);

    /// <summary>The server.</summary>
    public ArmClient Client => _client ??= CreateClient();

    /// <summary>How data is to be printed.</summary>
    /// <exception cref="CliError">The command can't.</exception>
    public OutputFormat GetFormat(OutputFormat usual, params ReadOnlySpan<OutputFormat> others)
    {
        if (Parsed.GetValue(_options.Output) is not { } text)
            return usual;
        if (
            Enum.TryParse<OutputFormat>(text, ignoreCase: true, out var format)
            && !char.IsAsciiDigit(text[0])
            && (format == usual || others.Contains(format))
        )
            return format;
        var known = string.Join(
            ", ",
            new[] { usual }.Concat(others.ToArray()).Select(name => name.ToString().ToLowerInvariant())
        );
        throw CliError.Usage($"-o {text} is not a format of this command", $"formats: {known}");
    }

    /// <summary>Asks before something that cannot be taken back.</summary>
    /// <param name="yes">Whether it was answered on the command line.</param>
    /// <exception cref="CliError">The answer is no, or there is nobody to ask.</exception>
    public void Confirm(string question, bool yes)
    {
        if (yes)
            return;
        if (!Environment.InIsTerminal || !Environment.ErrorIsTerminal)
            throw CliError.Usage("there is no terminal to ask on", "add --yes");
        if (!Error.Confirm(question, Environment.In))
            throw new CliError("not confirmed; nothing was done");
    }

    /// <inheritdoc/>
    public void Dispose() => _client?.Dispose();

    private ArmClient CreateClient()
    {
        Action<string>? log = Parsed.GetValue(_options.Verbose) ? line => Error.WriteLine(line, TextStyle.Faint) : null;
        var client = ArmClientFactory.Create(Settings, Environment, log);
        if (ArmClientFactory.IsPlaintext(client.Server))
            Error.WriteLine($"warning: the token travels in clear to {client.Server}; use https", TextStyle.Changed);
        return client;
    }
}
