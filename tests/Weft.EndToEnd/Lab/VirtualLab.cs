using System.Diagnostics;

namespace Weft.EndToEnd.Lab;

/// <summary>
/// One run of the lab, whose machines two at a time take both cores; the tests read what the machines said.
/// </summary>
[CollectionDefinition(nameof(VirtualLab), DisableParallelization = true)]
public sealed class VirtualLab : ICollectionFixture<VirtualLab>, IAsyncLifetime
{
    private const int Lacking = 77;

    // Three times what a quiet machine of two cores takes, with the building of the lab before it.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(12);

    private string _output = "";

    /// <summary>The repository.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>What this machine lacks, or null.</summary>
    public string? Lacks { get; private set; }

    /// <summary>What a scenario's machine said; where it wasn't started, what the lab did.</summary>
    /// <param name="scenario">The scenario.</param>
    /// <returns>Lines.</returns>
    public string ConsoleOf(string scenario)
    {
        var console = Path.Join(Root, "artifacts", "lab", "runs", scenario, "console");
        return File.Exists(console) ? File.ReadAllText(console) : _output;
    }

    public async ValueTask InitializeAsync()
    {
        var runs = Path.Join(Root, "artifacts", "lab", "runs");
        if (Directory.Exists(runs))
            Directory.Delete(runs, recursive: true);
        var start = new ProcessStartInfo(Path.Join(Root, "lab", "run"))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // Compiling takes minutes and is no test's to do: lab/run says what is missing.
        if (Environment.GetEnvironmentVariable("WEFT_BIN") is not { Length: > 0 })
            start.Environment["WEFT_BIN"] = Path.Join(Root, "artifacts", "weft", "bin");
        using var run = Process.Start(start)!;
        try
        {
            var output = run.StandardOutput.ReadToEndAsync(CancellationToken.None);
            var errors = run.StandardError.ReadToEndAsync(CancellationToken.None);
            await run.WaitForExitAsync(CancellationToken.None).WaitAsync(Patience);
            _output = $"{await output}\n{await errors}";
            Lacks = run.ExitCode == Lacking ? (await errors).Trim() : null;
        }
        finally
        {
            if (!run.HasExited)
                run.Kill(entireProcessTree: true);
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static string FindRoot()
    {
        for (
            var directory = AppContext.BaseDirectory;
            directory is not null;
            directory = Path.GetDirectoryName(directory)
        )
        {
            if (File.Exists(Path.Join(directory, "Weft.slnx")))
                return directory;
        }

        throw new InvalidOperationException($"no directory above {AppContext.BaseDirectory} has Weft.slnx");
    }
}
