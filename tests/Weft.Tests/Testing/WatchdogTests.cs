using System.Diagnostics;

namespace Weft.Tests.Testing;

/// <summary>A suite that hangs ends by itself and says where: shown by this suite, run again as a child.</summary>
public sealed class WatchdogTests
{
    [Fact]
    public async Task Ends_ASuiteWhoseTestHeedsNothing()
    {
        var (code, said) = await Run(nameof(HangingTests.Hangs_ForEver));
        Assert.Equal(Watchdog.ExitCode, code);
        Assert.Matches(
            $@"watchdog: '{Name(nameof(HangingTests.Hangs_ForEver))}' has run for \d+ s, since \d\d:\d\d:\d\d",
            said
        );
        Assert.Contains("watchdog: the suite is ended. These tests were running:", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancels_ATestThatHeedsItsToken_AndGoesOn()
    {
        var (code, said) = await Run(nameof(HangingTests.Waits_ForItsToken));
        Assert.Equal(1, code);
        Assert.Matches($@"watchdog: '{Name(nameof(HangingTests.Waits_ForItsToken))}' .*; it is cancelled", said);
        Assert.Contains("Total: 1, Errors: 0, Failed: 1", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tells_WhatRuns_WhenTheSuiteIsEndedFromOutside()
    {
        using var suite = Start(nameof(HangingTests.Hangs_ForEver), limit: 600);
        var said = new List<string>();
        string? line;
        // Its own first line says that it hangs now.
        while ((line = await suite.StandardOutput.ReadLineAsync(Cancel)) is not null && line != HangingTests.Begun)
            said.Add(line);
        Assert.NotNull(line);
        using var kill = Process.Start("/bin/kill", ["-TERM", $"{suite.Id}"]);
        var errors = await suite.StandardError.ReadToEndAsync(Cancel);
        await suite.WaitForExitAsync(Cancel);
        Assert.Equal(Watchdog.ExitCode, suite.ExitCode);
        Assert.Contains(
            $"watchdog:   '{Name(nameof(HangingTests.Hangs_ForEver))}' has run for ",
            errors,
            StringComparison.Ordinal
        );
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static string Name(string method) => $"{typeof(HangingTests).FullName}.{method}";

    private static Process Start(string method, int limit)
    {
        var start = new ProcessStartInfo(
            Environment.ProcessPath!,
            ["-noLogo", "-noColor", "-explicit", "only", "-method", Name(method)]
        )
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["WEFT_TEST_LIMIT"] = $"{limit}";
        start.Environment["WEFT_TEST_GRACE"] = "2";
        return Process.Start(start)!;
    }

    private static async Task<(int Code, string Said)> Run(string method)
    {
        using var suite = Start(method, limit: 2);
        var (output, errors) = (
            suite.StandardOutput.ReadToEndAsync(Cancel),
            suite.StandardError.ReadToEndAsync(Cancel)
        );
        await suite.WaitForExitAsync(Cancel);
        return (suite.ExitCode, await output + await errors);
    }
}

/// <summary>Tests that hang. They run only where they are asked for by name.</summary>
public sealed class HangingTests
{
    internal const string Begun = "it hangs from now on";

    [Fact(Explicit = true)]
    public void Hangs_ForEver()
    {
        Console.WriteLine(Begun);
        Thread.Sleep(Timeout.Infinite);
    }

    [Fact(Explicit = true)]
    public async Task Waits_ForItsToken() => await Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken);
}
