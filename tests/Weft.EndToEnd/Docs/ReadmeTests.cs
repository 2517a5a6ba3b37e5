using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Weft.EndToEnd.Docs;

/// <summary>
/// Runs the README. A line that begins with <c>$ </c> is a command; what follows must be its output, where <c>…</c>
/// stands for anything within a line, and alone on a line for any lines.
/// </summary>
public sealed class ReadmeTests
{
    private static readonly string Root = FindRoot();

    [Fact]
    public async Task Shows_WhatTheCommandsPrint()
    {
        var copy = Directory.CreateTempSubdirectory("weft-readme-");
        var bin = Environment.GetEnvironmentVariable("WEFT_BIN") ?? Path.Combine(Root, "artifacts", "weft", "bin");
        Assert.SkipUnless(
            File.Exists(Path.Combine(bin, "weftd")),
            $"the programs are not built in {bin}; run ./run build"
        );
        Process? server = null;
        try
        {
            Copy(Path.Combine(Root, "examples"), Path.Combine(copy.FullName, "examples"));
            server = Start(
                Path.Combine(bin, "weftd"),
                $"serve --data {copy.FullName}/data --listen 127.0.0.1:0 --relay-listen 127.0.0.1:0",
                copy.FullName,
                bin
            );
            var url = (await server.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))![
                "weft: listening on ".Length..
            ];
            await Shell(
                $"weft config set-context readme --server {url} --token-file data/admin.token "
                    + "--subscription 5be00000-0000-4000-8000-0000000005a0 --resource-group edge-east "
                    + "&& weft config use-context readme",
                copy.FullName,
                bin
            );
            // On a terminal, as a person has it: the progress is drawn there and nowhere else.
            var applied = await Shell(
                "TERM=xterm-256color script -qec 'weft apply -f examples/5g-site' /dev/null </dev/null; echo exit $?",
                copy.FullName,
                bin
            );
            Assert.EndsWith("exit 0\n", applied, StringComparison.Ordinal);
            var commands = Commands(
                    await File.ReadAllLinesAsync(Path.Combine(Root, "README.md"), TestContext.Current.CancellationToken)
                )
                .ToList();
            Assert.True(commands.Count > 5, "the README shows commands");
            foreach (var (command, expected) in commands)
            {
                var printed = await Shell(command, copy.FullName, bin);
                Assert.True(
                    Pattern(expected).IsMatch(printed),
                    $"$ {command}\nthe README says:\n{expected}\nit prints:\n{printed}"
                );
            }
        }
        finally
        {
            server?.Kill();
            server?.WaitForExit();
            server?.Dispose();
            copy.Delete(true);
        }
    }

    [Fact]
    public void Names_OnlyFilesThatExist()
    {
        var links = Regex
            .Matches(File.ReadAllText(Path.Combine(Root, "README.md")), @"\]\((?!http)([^)#]+)\)")
            .Select(m => m.Groups[1].Value)
            .ToList();
        Assert.NotEmpty(links);
        Assert.All(links, link => Assert.True(Path.Exists(Path.Combine(Root, link)), link));
    }

    private static IEnumerable<(string Command, string Expected)> Commands(string[] lines)
    {
        string? command = null;
        var expected = new List<string>();
        var inside = false;
        foreach (var line in lines)
        {
            if (
                line.StartsWith("```", StringComparison.Ordinal)
                || (inside && line.StartsWith("$ ", StringComparison.Ordinal))
            )
            {
                if (command is not null)
                    yield return (command, string.Join('\n', expected));
                (command, inside) = (
                    line.StartsWith("$ ", StringComparison.Ordinal) ? line[2..] : null,
                    line == "```console" || line.StartsWith("$ ", StringComparison.Ordinal)
                );
                expected.Clear();
            }
            else if (command is not null)
            {
                expected.Add(line);
            }
        }
    }

    private static Regex Pattern(string expected)
    {
        if (expected.Length == 0)
            return new Regex("^$");
        var lines = expected
            .TrimEnd('\n')
            .Split('\n')
            .Select(line =>
                line.Trim() == "…"
                    ? "(.*\n)*"
                    : $"{Regex.Escape(line.TrimEnd()).Replace("…", ".*", StringComparison.Ordinal)} *\n"
            );
        return new Regex($"^{string.Concat(lines)}$", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(10));
    }

    private static async Task<string> Shell(string command, string directory, string bin)
    {
        using var process = Start("/bin/bash", "-s", directory, bin);
        await process.StandardInput.WriteLineAsync($"exec 2>&1; {command}");
        process.StandardInput.Close();
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return output.Length == 0 || output.EndsWith('\n') ? output : output + "\n";
    }

    private static Process Start(string program, string arguments, string directory, string bin)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PATH"] = $"{bin}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["XDG_CONFIG_HOME"] = Path.Combine(directory, "config");
        return Process.Start(start)!;
    }

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "Weft.slnx")))
            directory = directory.Parent;
        return directory.FullName;
    }
}
