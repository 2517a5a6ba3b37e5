using System.CommandLine;
using Weft.Cli.Contexts;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Wire;

namespace Weft.Cli;

/// <summary>One run of one command: its streams, its settings and its server, each made when it is first needed.</summary>
internal sealed class Session : IDisposable
{
    private readonly GlobalOptions _options;
    private Settings? _settings;
    private ArmClient? _client;

    /// <summary>A run.</summary>
    public Session(ParseResult parsed, GlobalOptions options, Surroundings surroundings)
    {
        (Parsed, _options, Surroundings) = (parsed, options, surroundings);
        var colour = surroundings.UsesColour && !parsed.GetValue(options.NoColour);
        Out = new Terminal(surroundings.Out, surroundings.OutIsTerminal, colour);
        Error = new Terminal(surroundings.Error, surroundings.ErrorIsTerminal, colour);
    }

    /// <summary>The command line.</summary>
    public ParseResult Parsed { get; }

    /// <summary>The process.</summary>
    public Surroundings Surroundings { get; }

    /// <summary>Where data goes.</summary>
    public Terminal Out { get; }

    /// <summary>Where everything else goes.</summary>
    public Terminal Error { get; }

    /// <summary>Where to speak to.</summary>
    public Settings Settings => _settings ??= Settings.Settle(Parsed.GetValue(_options.Context), _options.AsContext(Parsed), Surroundings.Environment);

    /// <summary>The options that make another process of this program speak to the same server.</summary>
    public IEnumerable<string> ConnectionArguments => Settings.AsArguments(Settings.Context, _options.AsContext(Parsed), Surroundings.Environment);

    /// <summary>From names to ids.</summary>
    public Scope Scope => new(Settings);

    /// <summary>The server.</summary>
    public ArmClient Client => _client ??= Connect();

    /// <summary>How data is to be printed.</summary>
    /// <exception cref="Complaint">The command can't.</exception>
    public OutputFormat Format(OutputFormat usual, params ReadOnlySpan<OutputFormat> others)
    {
        if (Parsed.GetValue(_options.Output) is not { } text)
            return usual;
        if (Enum.TryParse<OutputFormat>(text, ignoreCase: true, out var format) && !char.IsAsciiDigit(text[0]) && (format == usual || others.Contains(format)))
            return format;
        var known = string.Join(", ", new[] { usual }.Concat(others.ToArray()).Select(name => name.ToString().ToLowerInvariant()));
        throw Complaint.OfUsage($"-o {text} is not a format of this command", $"formats: {known}");
    }

    /// <summary>Asks before something that cannot be taken back.</summary>
    /// <param name="yes">Whether it was answered on the command line.</param>
    /// <exception cref="Complaint">The answer is no, or there is nobody to ask.</exception>
    public void Confirm(string question, bool yes)
    {
        if (yes)
            return;
        if (!Surroundings.InIsTerminal || !Surroundings.ErrorIsTerminal)
            throw Complaint.OfUsage("there is no terminal to ask on", "add --yes");
        if (!Error.Asks(question, Surroundings.In))
            throw new Complaint("not confirmed; nothing was done");
    }

    /// <inheritdoc/>
    public void Dispose() => _client?.Dispose();

    private ArmClient Connect()
    {
        Action<string>? log = Parsed.GetValue(_options.Verbose) ? line => Error.Line(line, Ink.Faint) : null;
        var client = Connection.Open(Settings, Surroundings, log);
        if (Connection.IsInClear(client.Server))
            Error.Line($"warning: the token travels in clear to {client.Server}; use https", Ink.Changed);
        return client;
    }
}
