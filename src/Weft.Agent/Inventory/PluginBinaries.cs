using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Weft.Agent.Linux;
using Weft.Attachments.Nodes;
using Weft.Resources;

namespace Weft.Agent.Inventory;

/// <summary>
/// Finds out which CNI plugins are installed, and what they speak. A binary is asked once, and again only after it was
/// replaced: nothing is run where nothing has changed.
/// </summary>
/// <param name="folders">Where plugins are looked for; a name that is in two of them is the first one's, as for a
/// container runtime.</param>
/// <param name="limit">How long one may take to answer.</param>
/// <remarks>
/// Source: CNI specification 1.1.0, section 2, "VERSION"; the text without <c>CNI_COMMAND</c> is what plugins of the
/// CNI project print of themselves.
/// </remarks>
internal sealed partial class PluginBinaries(IReadOnlyList<string> folders, TimeSpan limit, ILogger log)
{
    private const int MaxResponseLength = 64 * 1024;

    private readonly Dictionary<string, (FileIdentity Identity, CniBinary? Answer)> _known = new(
        StringComparer.Ordinal
    );

    /// <summary>How often a binary was run, for those who want to know that none is without need.</summary>
    public int Runs { get; private set; }

    /// <summary>The plugins that are installed now.</summary>
    /// <returns>Those that answer, by name. What is no plugin, or doesn't answer, is left out.</returns>
    public async Task<ImmutableArray<CniBinary>> Read(CancellationToken cancel)
    {
        var plugins = new SortedDictionary<string, CniBinary>(StringComparer.Ordinal);
        var met = new HashSet<string>(StringComparer.Ordinal);
        foreach (var path in folders.SelectMany(Executables))
        {
            if (FileIdentity.Read(path) is not { } identity)
                continue;
            met.Add(path);
            if (!_known.TryGetValue(path, out var known) || known.Identity != identity)
                _known[path] = known = (identity, await QueryVersions(path, cancel));
            if (known.Answer is { } answer)
                plugins.TryAdd(answer.Name, answer);
        }

        foreach (var gone in _known.Keys.Except(met, StringComparer.Ordinal).ToList())
            _known.Remove(gone);
        return [.. plugins.Values];
    }

    private static List<string> Executables(string folder)
    {
        try
        {
            return
            [
                .. new DirectoryInfo(folder)
                    .EnumerateFiles()
                    .Where(IsProgram)
                    .Select(file => file.FullName)
                    .Order(StringComparer.Ordinal),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>
    /// A hidden file is one that is still being written, and the name is not for us to repeat where it could break a
    /// line.
    /// </summary>
    private static bool IsProgram(FileInfo file)
    {
        try
        {
            return PluginName().IsMatch(file.Name)
                && (
                    File.GetUnixFileMode(file.FullName)
                    & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)
                ) != 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A link that points nowhere, or a file that has gone meanwhile.
            return false;
        }
    }

    private async Task<CniBinary?> QueryVersions(string path, CancellationToken cancel)
    {
        var name = Path.GetFileName(path);
        if (
            await Run(path, "VERSION", """{"cniVersion":"1.0.0"}""", cancel) is not { Output: var output }
            || ParseVersions(output) is not { IsEmpty: false } versions
        )
        {
            log.CniBinarySilent(
                path,
                "it answers CNI_COMMAND=VERSION with no supportedVersions, and is taken for no plugin"
            );
            return null;
        }

        // Only a plugin that has answered is started without a command: another program might do anything.
        var about = await Run(path, null, "", cancel);
        var release = Release().Match(about?.Errors + about?.Output);
        return new CniBinary(name, versions, release.Success ? release.Value : null);
    }

    private static ImmutableArray<string> ParseVersions(string output)
    {
        try
        {
            using var document = JsonDocument.Parse(output);
            return
            [
                .. document
                    .RootElement.Texts("supportedVersions")
                    .Where(version => version.Length is > 0 and <= 32)
                    .Take(64),
            ];
        }
        catch (JsonException)
        {
            return [];
        }
    }

    private async Task<(string Output, string Errors)?> Run(
        string path,
        string? command,
        string input,
        CancellationToken cancel
    )
    {
        Runs++;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(limit);
        try
        {
            using var process = Process.Start(StartInfo(path, command))!;
            try
            {
                return await Converse(process, input, deadline.Token);
            }
            finally
            {
                if (!process.HasExited)
                    process.Kill(entireProcessTree: true);
            }
        }
        catch (Exception e)
            when (e is System.ComponentModel.Win32Exception or IOException or InvalidOperationException
                || (e is OperationCanceledException && !cancel.IsCancellationRequested)
            )
        {
            return null;
        }
    }

    private static ProcessStartInfo StartInfo(string path, string? command)
    {
        var start = new ProcessStartInfo(path)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = "/",
        };

        // None of the agent's variables: one may hold a proxy's password.
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin";
        if (command is not null)
            start.Environment["CNI_COMMAND"] = command;
        return start;
    }

    private static async Task<(string Output, string Errors)> Converse(
        Process process,
        string input,
        CancellationToken cancel
    )
    {
        var reading = Task.WhenAll(ReadAsync(process.StandardOutput, cancel), ReadAsync(process.StandardError, cancel));
        await WriteAsync(process.StandardInput, input, cancel);
        var said = await reading;
        await process.WaitForExitAsync(cancel);
        return (said[0], said[1]);
    }

    private static async Task WriteAsync(StreamWriter input, string text, CancellationToken cancel)
    {
        try
        {
            await input.WriteAsync(text.AsMemory(), cancel);
            input.Close();
        }
        catch (IOException)
        {
            // It has ended, or closed its end, without reading: what it said counts all the same.
        }
    }

    private static async Task<string> ReadAsync(StreamReader from, CancellationToken cancel)
    {
        var buffer = new char[MaxResponseLength];
        var length = await from.ReadBlockAsync(buffer.AsMemory(), cancel);
        return new string(buffer, 0, length);
    }

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\\z")]
    private static partial Regex PluginName();

    [GeneratedRegex("v[0-9]+\\.[0-9]+\\.[0-9]+[A-Za-z0-9.+-]{0,40}")]
    private static partial Regex Release();
}
