using System.Diagnostics.CodeAnalysis;
using System.Text;
using Weft.Cni;

namespace Weft.Tests.Cni;

/// <summary>A host in memory. An input or answer that is null can't be had.</summary>
internal sealed class FakeHost(Dictionary<string, string> environment, string? input, string? answer = "{}") : IHost
{
    public string Output { get; private set; } = "";

    public string Logged { get; private set; } = "";

    public string? Request { get; private set; }

    public string? Socket { get; private set; }

    public TimeSpan? InputTimeout { get; private set; }

    public bool AcceptsOutput { get; init; } = true;

    public string ProgramName { get; init; } = "weft-ipam";

    /// <summary>
    /// What each run of another plugin was given: its file, what was changed in its environment, and its stdin.
    /// </summary>
    public List<(string File, Dictionary<string, string> Changed, string Input)> Runs { get; } = [];

    /// <summary>
    /// What another plugin answers to a command and an interface: an exit status and its stdout; null where it can't be
    /// run.
    /// </summary>
    public Func<string, string, (int Status, string Output)?> Upstream { get; init; } = (_, _) => null;

    public Func<string, bool> IsExecutableFile { get; init; } = _ => false;

    public bool IsExecutable(string file) => IsExecutableFile(file);

    public bool TryRun(
        string file,
        IReadOnlyList<(string Name, string Value)> changed,
        ReadOnlyMemory<byte> text,
        [NotNullWhen(true)] out PluginExit? run,
        [NotNullWhen(false)] out string? why
    )
    {
        var given = changed.ToDictionary(c => c.Name, c => c.Value);
        Runs.Add((file, given, Encoding.UTF8.GetString(text.Span)));
        run = Upstream(given["CNI_COMMAND"], given["CNI_IFNAME"]) is { } said
            ? new PluginExit(said.Status, Encoding.UTF8.GetBytes(said.Output))
            : null;
        why = run is null ? "Exec format error" : null;
        return run is not null;
    }

    public static FakeHost RunPlugin(string command, string? input, string? answer = "{}", string arguments = "")
    {
        var host = new FakeHost(Configurations.Environment(command, arguments), input, answer);
        Weft.Cni.Program.Run(host);
        return host;
    }

    public string? GetVariable(string name) => environment.GetValueOrDefault(name);

    public bool TryReadInput(TimeSpan? patience, out ReadOnlyMemory<byte> text, [NotNullWhen(false)] out string? why)
    {
        InputTimeout = patience;
        text = Encoding.UTF8.GetBytes(input ?? "");
        why = input is null ? "Is a directory" : null;
        return input is not null;
    }

    public bool TryCallAgent(
        string socket,
        ReadOnlyMemory<byte> request,
        out ReadOnlyMemory<byte> line,
        [NotNullWhen(false)] out string? why
    )
    {
        Socket = socket;
        Request = Encoding.UTF8.GetString(request.Span);
        line = Encoding.UTF8.GetBytes(answer ?? "");
        why = answer is null ? "Connection refused" : null;
        return answer is not null;
    }

    /// <summary>What was written to files of network namespaces.</summary>
    public List<(string Space, string File, string Text)> Written { get; } = [];

    /// <summary>Why files of network namespaces can't be written; null where they can.</summary>
    public string? WhyUnwritable { get; init; }

    public string? TryWriteInNamespace(string space, string file, ReadOnlySpan<byte> text)
    {
        Written.Add((space, file, Encoding.UTF8.GetString(text)));
        return WhyUnwritable;
    }

    public bool TryWriteOutput(ReadOnlySpan<byte> text)
    {
        Output += Encoding.UTF8.GetString(text);
        return AcceptsOutput;
    }

    public void Log(string line) => Logged += line + "\n";
}
