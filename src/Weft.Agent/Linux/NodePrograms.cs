using System.Diagnostics;

namespace Weft.Agent.Linux;

/// <summary>Programs of the node that the agent runs: nft, modprobe, netplan, networkctl.</summary>
internal static class NodePrograms
{
    private static readonly string[] Folders =
    [
        "/usr/sbin",
        "/usr/bin",
        "/sbin",
        "/bin",
        "/usr/local/sbin",
        "/usr/local/bin",
    ];

    /// <summary>Where a program is.</summary>
    /// <returns>Its path, or null where the node hasn't it.</returns>
    public static string? Find(string name) =>
        Folders.Select(folder => Path.Join(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>Runs a program to its end.</summary>
    /// <returns>Its exit status and what it said.</returns>
    /// <exception cref="IOException">The node hasn't it, or it doesn't end within 60 s.</exception>
    public static (int Status, string Output, string Error) Run(
        string name,
        IReadOnlyList<string> arguments,
        string input = ""
    )
    {
        var program =
            Find(name) ?? throw new IOException($"this node has no program '{name}'; install the package that has it");
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start) ?? throw new IOException($"'{program}' can't be started");
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.Write(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended before it read everything: what it said tells why.
        }

        if (!process.WaitForExit(TimeSpan.FromSeconds(60)))
        {
            process.Kill(entireProcessTree: true);
            throw new IOException($"'{program}' has not ended within 60 s");
        }

        return (process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult().Trim());
    }

    /// <summary>Runs a program that must succeed.</summary>
    /// <exception cref="IOException">It failed, with what it said.</exception>
    public static string RunOrThrow(string name, IReadOnlyList<string> arguments, string input = "")
    {
        var (status, output, error) = Run(name, arguments, input);
        return status == 0
            ? output
            : throw new IOException(
                $"{name} {string.Join(' ', arguments)}: {(error.Length > 0 ? error.ReplaceLineEndings(" ") : $"exit status {status}")}"
            );
    }

    /// <summary>The modules that a name of a device stands for, as modprobe has them.</summary>
    /// <returns>Their names; none where there is no such module or no modprobe.</returns>
    public static IReadOnlyList<string> ResolveModules(string alias)
    {
        try
        {
            return Run("modprobe", ["-q", "--resolve-alias", "--", alias])
                .Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        }
        catch (IOException)
        {
            return [];
        }
    }

    /// <summary>Has the kernel load a module, if the node has modprobe.</summary>
    /// <returns>True if modprobe says that it is there.</returns>
    public static bool LoadModule(string module)
    {
        try
        {
            return Run("modprobe", ["-q", "--", module]).Status == 0;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
