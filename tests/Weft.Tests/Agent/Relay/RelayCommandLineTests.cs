using Weft.Agent;

namespace Weft.Tests.Agent.Relay;

/// <summary>What a command line lets people reach.</summary>
public sealed class RelayCommandLineTests
{
    [Theory]
    [InlineData("--node w1", "ssh (127.0.0.1:22)")]
    [InlineData("--kubernetes", "kubernetes (kubernetes.default.svc:443)")]
    [InlineData("--kubernetes --node w1", "ssh (127.0.0.1:22)")]
    [InlineData("", null)]
    [InlineData("--node w1 --no-relay", null)]
    [InlineData(
        "--node w1 --relay-target ssh=127.0.0.1:2222 --relay-target metrics=[::1]:9100",
        "metrics (::1:9100), ssh (127.0.0.1:2222)"
    )]
    public void Reaches_WhatTheOptionsSay(string options, string? targets)
    {
        var read = Read(options, out var errors);

        Assert.Empty(errors);
        Assert.Equal(targets, read!.Relay is { } relay ? string.Join(", ", relay.Targets.Targets) : null);
    }

    [Theory]
    [InlineData("--relay-target ssh", "--relay-target is 'ssh'; it must be NAME=HOST:PORT, such as ssh=127.0.0.1:22")]
    [InlineData("--relay-target SSH=127.0.0.1:22", "--relay-target: target 'SSH'")]
    [InlineData("--relay-target meta=169.254.169.254:80", "--relay-target: target 'meta'")]
    [InlineData("--relay-target meta=0x7f.1:80", "--relay-target: target 'meta'")]
    [InlineData("--relay-target a=b:1 --relay-target a=b:2", "--relay-target: target 'a' is named twice")]
    [InlineData("--relay-target a=b:1 --no-relay", "--no-relay and --relay-target don't go together")]
    [InlineData("--relay-drain -1", "--relay-drain is '-1'; it must be 0 to 3600 seconds")]
    public void Refuses_TargetsThatAreNone(string options, string expected)
    {
        _ = Read($"--node w1 {options}", out var errors);

        Assert.Contains(errors, error => error.StartsWith(expected, StringComparison.Ordinal));
    }

    private static AgentOptions? Read(string options, out IReadOnlyList<string> errors)
    {
        AgentOptions? read = null;
        var parsed = new CommandLine()
            .Command(found =>
            {
                read = found;
                return Task.FromResult(0);
            })
            .Parse($"--server https://weft.example --state /tmp/state --name w1 --ca /nowhere/ca.pem {options}");
        errors = [.. parsed.Errors.Select(error => error.Message)];
        if (errors.Count == 0)
            Assert.Equal(0, parsed.Invoke());
        return read;
    }
}
