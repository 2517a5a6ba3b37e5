using System.Diagnostics.CodeAnalysis;

namespace Weft.Cni;

/// <summary>All that the plugin touches outside of itself.</summary>
internal interface IHost
{
    /// <summary>The name that the program was started by, without its folder.</summary>
    string ProgramName { get; }

    /// <summary>The value of a variable of the environment, or null.</summary>
    string? GetVariable(string name);

    /// <summary>Reads stdin to its end.</summary>
    /// <param name="patience">How long to wait for each piece of it; null for as long as it takes.</param>
    bool TryReadInput(TimeSpan? patience, out ReadOnlyMemory<byte> text, [NotNullWhen(false)] out string? why);

    /// <summary>Asks the agent.</summary>
    /// <param name="answer">Its line, without the end.</param>
    bool TryCallAgent(
        string socket,
        ReadOnlyMemory<byte> request,
        out ReadOnlyMemory<byte> answer,
        [NotNullWhen(false)] out string? why
    );

    /// <summary>Writes to stdout, where only results and errors go.</summary>
    bool TryWriteOutput(ReadOnlySpan<byte> text);

    /// <summary>Writes a line to stderr, where runtimes look for logs.</summary>
    /// <param name="line">The line, without its end.</param>
    void Log(string line);

    /// <summary>Runs another plugin, and waits for its end. Its stderr is ours.</summary>
    /// <param name="changed">What is different about its environment: name and value.</param>
    /// <returns>True if it ran, however it ended.</returns>
    bool TryRun(
        string file,
        IReadOnlyList<(string Name, string Value)> changed,
        ReadOnlyMemory<byte> input,
        [NotNullWhen(true)] out PluginExit? run,
        [NotNullWhen(false)] out string? why
    );

    /// <summary>Writes to a file as the processes of a network namespace see it; the process is in that namespace from then on.</summary>
    /// <param name="space">The namespace's path, such as <c>CNI_NETNS</c>.</param>
    /// <returns>Why it couldn't be done; null where it was, and where there is no such file.</returns>
    string? TryWriteInNamespace(string space, string file, ReadOnlySpan<byte> text);

    /// <summary>Whether a file is there.</summary>
    bool IsExecutable(string file);
}

/// <summary>What came of a run of another plugin.</summary>
internal sealed record PluginExit(int Status, ReadOnlyMemory<byte> Output);
