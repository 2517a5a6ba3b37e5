namespace Weft.Cli;

/// <summary>Why a command ends without having done what it was told. Caught once, at the edge of the program, and printed.</summary>
internal sealed class Complaint : Exception
{
    /// <summary>A complaint.</summary>
    /// <param name="message">One sentence; it follows <c>error: </c>.</param>
    /// <param name="findings">Lines that follow it, each already complete.</param>
    /// <param name="next">What to do now, or null.</param>
    public Complaint(string message, IReadOnlyList<string>? findings = null, string? next = null, int exit = ExitCode.Failed)
        : base(message) => (Findings, Next, Exit) = (findings ?? [], next, exit);

    /// <summary>Lines under the message.</summary>
    public IReadOnlyList<string> Findings { get; }

    /// <summary>The next step.</summary>
    public string? Next { get; }

    /// <summary>The exit code.</summary>
    public int Exit { get; }

    /// <summary>The command line is wrong.</summary>
    /// <returns>A complaint with exit code 64.</returns>
    public static Complaint OfUsage(string message, string? next = null) => new(message, null, next, ExitCode.Usage);
}
