using System.Collections;

namespace Weft.Cli;

/// <summary>
/// Everything the program sees of the process it runs in, in one value, so that a test can be that process.
/// </summary>
internal sealed record CliEnvironment
{
    /// <summary>Where data goes.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Where progress, warnings and errors go.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>What <c>-f -</c> and questions read.</summary>
    public required TextReader In { get; init; }

    /// <summary>Opens what <c>stdio</c> sends: stdin as bytes.</summary>
    public Func<Stream> OpenIn { get; init; } = Console.OpenStandardInput;

    /// <summary>Opens where goes what <c>stdio</c> receives: stdout as bytes.</summary>
    public Func<Stream> OpenOut { get; init; } = Console.OpenStandardOutput;

    /// <summary>The program's own file, for those who are to start it again.</summary>
    public string Program { get; init; } = ProgramPath(System.Environment.ProcessPath);

    /// <summary>
    /// The environment; only <see cref="Contexts.Settings"/>, <see cref="Relay.KubeconfigFile.PathIn"/> and
    /// <see cref="UsesColour"/> look into it.
    /// </summary>
    public required IReadOnlyDictionary<string, string> Variables { get; init; }

    /// <summary>Whether stdout is a terminal.</summary>
    public bool OutIsTerminal { get; init; }

    /// <summary>Whether stderr is a terminal.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>Whether stdin is a terminal: somebody can be asked.</summary>
    public bool InIsTerminal { get; init; }

    /// <summary>The clock of waits and ages.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Stands in for the network in tests; null in the program.</summary>
    public HttpMessageHandler? HttpHandler { get; init; }

    /// <summary>Whether colours are wanted at all (no-color.org).</summary>
    public bool UsesColour => !Variables.TryGetValue("NO_COLOR", out var no) || no.Length == 0;

    // Under a test's or a developer's host the process is another program: then the one in the path is meant.
    private static string ProgramPath(string? process) =>
        Path.GetFileName(process) is "weft" or "Weft.Cli" ? process! : "weft";

    /// <summary>The real process.</summary>
    public static CliEnvironment FromProcess()
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry entry in System.Environment.GetEnvironmentVariables())
            environment[(string)entry.Key] = (string?)entry.Value ?? "";
        return new CliEnvironment
        {
            Out = Console.Out,
            Error = Console.Error,
            In = Console.In,
            Variables = environment,
            OutIsTerminal = !Console.IsOutputRedirected,
            ErrorIsTerminal = !Console.IsErrorRedirected,
            InIsTerminal = !Console.IsInputRedirected,
        };
    }
}
