using System.Diagnostics;

namespace Weft.Tests.Cli;

/// <summary>The program as a process: what only a process shows.</summary>
public sealed class ProcessTests : IDisposable
{
    private readonly string _home = Directory.CreateTempSubdirectory("weft-home-").FullName;

    public void Dispose() => Directory.Delete(_home, recursive: true);

    [Fact]
    public void Prints_Version()
    {
        var (exit, output, error) = Weft("--version");
        Assert.Equal((0, ""), (exit, error));
        Assert.Matches(@"^weft \d+\.\d+\.\d+\n$", output);
    }

    [Fact]
    public void Names_NextStep_WithoutAContext()
    {
        var (exit, output, error) = Weft("get", "l3n", "-s", "sub", "-g", "site");
        Assert.Equal((1, ""), (exit, output));
        Assert.StartsWith(
            "error: no server is configured\nnext: start one here with ./run, or name yours: weft config set-context ",
            error,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Names_NextStep_WhereTheServerIsAway()
    {
        var token = Path.Combine(_home, "token");
        File.WriteAllText(token, CommandLine.Secret);
        var (exit, _, error) = Weft(
            "get",
            "groups",
            "-s",
            "sub",
            "--server",
            "http://127.0.0.1:9",
            "--token-file",
            token,
            "--verbose"
        );
        Assert.Equal(1, exit);
        Assert.Contains(
            "error: cannot reach http://127.0.0.1:9: Connection refused\nnext: start a server here with ./run, ",
            error,
            StringComparison.Ordinal
        );
        Assert.DoesNotContain(CommandLine.Secret, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(64)]
    [InlineData(64, "config")]
    [InlineData(64, "nonsense")]
    [InlineData(64, "get")]
    [InlineData(64, "apply")]
    [InlineData(64, "apply", "-f", "x.yaml", "--timeout", "soon")]
    [InlineData(1, "apply", "-f", "/nowhere/x.yaml")]
    [InlineData(0, "--help")]
    [InlineData(0, "config", "get-contexts")]
    [InlineData(0, "completion", "bash")]
    public void Exits_AsPromised(int code, params string[] args) => Assert.Equal(code, Weft(args).Exit);

    [Fact]
    public void Paints_Nothing_IntoAPipe()
    {
        var (_, output, error) = Weft("nonsense");
        Assert.DoesNotContain('\u001b', output + error);
    }

    private (int Exit, string Out, string Error) Weft(params string[] args)
    {
        var start = new ProcessStartInfo(Program())
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var arg in args)
            start.ArgumentList.Add(arg);
        foreach (
            var name in start
                .Environment.Keys.Where(name => name.StartsWith("WEFT_", StringComparison.Ordinal))
                .ToArray()
        )
            start.Environment.Remove(name);
        (start.Environment["HOME"], start.Environment["XDG_CONFIG_HOME"]) = (_home, _home);
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(60_000), "weft did not end");
        return (process.ExitCode, output, error.Result);
    }

    // artifacts/bin/Weft.Tests/debug/ → artifacts/bin/Weft.Cli/debug/weft
    private static string Program()
    {
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        return Path.Combine(here.Parent!.Parent!.FullName, "Weft.Cli", here.Name, "weft");
    }
}
