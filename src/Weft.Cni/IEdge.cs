using System.Diagnostics.CodeAnalysis;

namespace Weft.Cni;

/// <summary>All that the plugin touches outside of itself.</summary>
internal interface IEdge
{
    /// <summary>The value of a variable of the environment, or null.</summary>
    /// <param name="name">The variable.</param>
    /// <returns>Its value.</returns>
    string? Variable(string name);

    /// <summary>Reads stdin to its end.</summary>
    /// <param name="patience">How long to wait for each piece of it; null for as long as it takes.</param>
    /// <param name="text">What was read.</param>
    /// <param name="why">Why it can't be read.</param>
    /// <returns>True if it ended.</returns>
    bool TryReadInput(TimeSpan? patience, out ReadOnlyMemory<byte> text, [NotNullWhen(false)] out string? why);

    /// <summary>Asks the agent.</summary>
    /// <param name="socket">Its socket.</param>
    /// <param name="request">One line, its end included.</param>
    /// <param name="answer">Its line, without the end.</param>
    /// <param name="why">Why there is none.</param>
    /// <returns>True if it answered.</returns>
    bool TryAsk(string socket, ReadOnlyMemory<byte> request, out ReadOnlyMemory<byte> answer, [NotNullWhen(false)] out string? why);

    /// <summary>Writes to stdout, where only results and errors go.</summary>
    /// <param name="text">UTF-8.</param>
    /// <returns>False if nobody takes it.</returns>
    bool Print(ReadOnlySpan<byte> text);

    /// <summary>Writes a line to stderr, where runtimes look for logs.</summary>
    /// <param name="line">The line, without its end.</param>
    void Log(string line);
}
