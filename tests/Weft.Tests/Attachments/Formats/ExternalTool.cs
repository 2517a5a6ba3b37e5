using System.Diagnostics;

namespace Weft.Tests.Attachments.Formats;

/// <summary>Programs of this machine that read what is rendered.</summary>
internal static class ExternalTool
{
    private static readonly string[] Folders =
    [
        .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'),
        "/usr/sbin",
        "/sbin",
        "/lib/systemd",
        "/usr/lib/cni",
    ];

    /// <summary>Skips the test where a program isn't installed.</summary>
    public static void Require(params ReadOnlySpan<string> programs)
    {
        foreach (var program in programs)
            Assert.SkipUnless(PathOf(program) is not null, $"{program} isn't installed");
    }

    public static void RequireRoot() =>
        Assert.SkipUnless(Environment.UserName == "root", "network namespaces need root");

    public static string? PathOf(string program) =>
        Folders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    public static (int Status, string Output) Run(string program, params string[] arguments) =>
        Run(program, arguments, null, []);

    public static (int Status, string Output) Run(
        string program,
        string[] arguments,
        string? input,
        (string Name, string Value)[] environment
    )
    {
        var start = new ProcessStartInfo(PathOf(program) ?? program, arguments)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd() + error.GetAwaiter().GetResult();
        process.WaitForExit();
        return (process.ExitCode, output);
    }

    /// <summary>Runs a program that must succeed.</summary>
    public static string RunChecked(string program, params string[] arguments)
    {
        var (status, output) = Run(program, arguments);
        return status == 0
            ? output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {output}");
    }
}
