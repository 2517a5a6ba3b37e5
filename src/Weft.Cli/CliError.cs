namespace Weft.Cli;

/// <summary>
/// Why a command ends without having done what it was told. Caught once, at the edge of the program, and printed.
/// </summary>
internal sealed class CliError : Exception
{
    /// <summary>The error.</summary>
    /// <param name="message">One sentence; it follows <c>error: </c>.</param>
    /// <param name="findings">Lines that follow it, each already complete.</param>
    /// <param name="next">What to do now, or null.</param>
    public CliError(
        string message,
        IReadOnlyList<string>? findings = null,
        string? next = null,
        int exit = ExitCode.Failed
    )
        : base(message) => (Findings, NextStep, Exit) = (findings ?? [], next, exit);

    /// <summary>Lines under the message.</summary>
    public IReadOnlyList<string> Findings { get; }

    /// <summary>The next step.</summary>
    public string? NextStep { get; }

    /// <summary>The exit code.</summary>
    public int Exit { get; }

    /// <summary>The command line is wrong.</summary>
    /// <returns>An error with exit code 64.</returns>
    public static CliError Usage(string message, string? next = null) => new(message, null, next, ExitCode.Usage);
}
