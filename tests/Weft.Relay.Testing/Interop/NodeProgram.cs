using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Weft.Relay.Testing.Interop;

/// <summary>A program of this folder that runs in Node with the real libraries.</summary>
internal sealed class NodeProgram : IAsyncDisposable
{
    private static readonly SemaphoreSlim Installing = new(1);
    private static string? s_modules;
    private static string? s_missing;

    private readonly Process _process;
    private readonly BlockingCollection<string> _lines = [];
    private readonly ConcurrentQueue<string> _errors = new();

    private NodeProgram(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.ErrorDataReceived += (_, line) => _errors.Enqueue(line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Starts a program at an entrance.</summary>
    public static async Task<NodeProgram> Start(
        HybridConnectionSettings entrance,
        string program,
        IEnumerable<string>? arguments = null,
        params (string Name, string Value)[] environment
    )
    {
        var start = new ProcessStartInfo("node")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = await Modules(),
        };
        start.ArgumentList.Add(Path.Combine(start.WorkingDirectory, program));
        foreach (var argument in arguments ?? [])
            start.ArgumentList.Add(argument);
        foreach (
            var (name, value) in (IEnumerable<(string, string)>)
                [
                    ("HOST", $"localhost:{entrance.Port}"),
                    ("ENTITY", entrance.Path),
                    ("KEYNAME", entrance.KeyName),
                    ("KEY", entrance.Key),
                    ("NODE_EXTRA_CA_CERTS", entrance.CertificateFile),
                    .. environment,
                ]
        )
            start.Environment[name] = value;
        return new(Process.Start(start)!);
    }

    /// <summary>Starts a listener, and waits until it listens.</summary>
    public static async Task<NodeProgram> Listen(
        HybridConnectionSettings entrance,
        string program,
        params (string Name, string Value)[] environment
    )
    {
        var listener = await Start(entrance, program, null, environment);
        await listener.Until("listening");
        return listener;
    }

    /// <summary>Starts a sender.</summary>
    public static Task<NodeProgram> Send(
        HybridConnectionSettings entrance,
        string program,
        params string[] arguments
    ) => Start(entrance, program, arguments);

    /// <summary>Waits for a line.</summary>
    public Task Until(string wanted) =>
        Task.Run(() =>
        {
            while (Next() is var line)
            {
                if (line == wanted)
                    return;
            }
        });

    /// <summary>Takes the next line.</summary>
    public string Next() =>
        _lines.TryTake(out var line, TimeSpan.FromSeconds(30))
            ? line
            : throw new TimeoutException($"the program says nothing; errors: {string.Join('\n', _errors)}");

    /// <summary>Waits for the program's end, and says what it said.</summary>
    public async Task<string[]> Rest()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await _process.WaitForExitAsync(deadline.Token);
        Assert.Equal(
            "",
            string.Join(
                '\n',
                _errors.Where(line =>
                    line.Length > 0
                    && !line.Contains("Warning", StringComparison.Ordinal)
                    && !line.StartsWith("(Use", StringComparison.Ordinal)
                )
            )
        );
        return [.. _lines];
    }

    /// <summary>Ends it as <c>kill -9</c> does.</summary>
    public void Kill() => _process.Kill();

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private void Take(string? line)
    {
        if (line is not null)
            _lines.Add(line);
    }

    /// <summary>
    /// Installs the libraries, once for all builds; skips the test where there is no npm or it can't.
    /// </summary>
    private static async Task<string> Modules([CallerFilePath] string here = "")
    {
        await Installing.WaitAsync();
        try
        {
            if (s_modules is null && s_missing is null)
                (s_modules, s_missing) = await Install(Path.GetDirectoryName(here)!);
        }
        finally
        {
            Installing.Release();
        }

        Assert.SkipWhen(s_missing is not null, s_missing ?? "");
        return s_modules!;
    }

    private static async Task<(string? Modules, string? Missing)> Install(string programs)
    {
        // Node looks for modules beside the program, and nothing is to be installed among the sources.
        var to = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, "interop")).FullName;
        foreach (
            var file in Directory
                .EnumerateFiles(programs)
                .Where(f =>
                    f.EndsWith(".js", StringComparison.Ordinal) || f.EndsWith(".json", StringComparison.Ordinal)
                )
        )
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)), overwrite: true);
        if (Directory.Exists(Path.Combine(to, "node_modules", "hyco-ws")))
            return (to, null);
        try
        {
            using var npm = Process.Start(
                new ProcessStartInfo(
                    "npm",
                    ["install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
                )
                {
                    WorkingDirectory = to,
                    RedirectStandardError = true,
                    RedirectStandardOutput = true,
                }
            )!;
            _ = npm.StandardOutput.ReadToEndAsync();
            var errors = await npm.StandardError.ReadToEndAsync();
            await npm.WaitForExitAsync();
            return npm.ExitCode == 0 ? (to, null) : (null, $"npm can't install hyco-https and hyco-ws: {errors}");
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return (null, $"npm can't be run: {e.Message}");
        }
    }
}

/// <summary>Where a hybrid connection is on this machine, over TLS, and the key to it.</summary>
/// <param name="Port">The relay's port on localhost.</param>
/// <param name="Path">The connection's path.</param>
/// <param name="KeyName">The authorization rule.</param>
/// <param name="Key">Its key.</param>
/// <param name="CertificateFile">The authority to trust.</param>
internal sealed record HybridConnectionSettings(
    int Port,
    string Path,
    string KeyName,
    string Key,
    string CertificateFile
);
