using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Weft.Cni;

/// <summary>The plugin's own process: its environment, its three streams, and the agent's socket.</summary>
internal sealed class ProcessHost : IHost
{
    private string? _programName;

    /// <inheritdoc/>
    public string ProgramName => _programName ??= ChildProcess.ReadProgramName();

    /// <inheritdoc/>
    public string? GetVariable(string name) => Environment.GetEnvironmentVariable(name);

    /// <inheritdoc/>
    public bool TryReadInput(TimeSpan? patience, out ReadOnlyMemory<byte> text, [NotNullWhen(false)] out string? why) =>
        StandardStreams.TryReadInput(patience, out text, out why);

    /// <inheritdoc/>
    public bool TryCallAgent(
        string socket,
        ReadOnlyMemory<byte> request,
        out ReadOnlyMemory<byte> answer,
        [NotNullWhen(false)] out string? why
    ) => new AgentSocket(socket, AgentSocket.DefaultTimeout).TryExchange(request, out answer, out why);

    /// <inheritdoc/>
    public bool TryWriteOutput(ReadOnlySpan<byte> text) => StandardStreams.TryWrite(StandardStreams.Output, text);

    /// <inheritdoc/>
    public void Log(string line) =>
        StandardStreams.TryWrite(StandardStreams.Error, Encoding.UTF8.GetBytes($"{ProgramName}: {line}\n"));

    /// <inheritdoc/>
    public bool TryRun(
        string file,
        IReadOnlyList<(string Name, string Value)> changed,
        ReadOnlyMemory<byte> input,
        [NotNullWhen(true)] out PluginExit? run,
        [NotNullWhen(false)] out string? why
    ) => ChildProcess.TryRun(file, changed, input, out run, out why);

    /// <inheritdoc/>
    public string? TryWriteInNamespace(string space, string file, ReadOnlySpan<byte> text) =>
        NetworkNamespace.TryWrite(space, file, text);

    /// <inheritdoc/>
    public bool IsExecutable(string file) => ChildProcess.IsExecutable(file);
}
