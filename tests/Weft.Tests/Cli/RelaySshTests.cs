using Weft.Cli;
using Weft.Cli.Commands;
using Weft.Cli.Relay;

namespace Weft.Tests.Cli;

public sealed class RelaySshTests
{
    [Theory]
    [InlineData("ssh w1", "ssh w1")]
    [InlineData("ssh w1 uptime", "ssh w1 -- uptime")]
    [InlineData("ssh w1 -l root -o User=x uptime -g", "ssh w1 -- -l root -o User=x uptime -g")]
    [InlineData("ssh w1 -- ls -l", "ssh w1 -- ls -l")]
    [InlineData("-g site ssh w1 -v", "-g site ssh w1 -- -v")]
    [InlineData("--verbose ssh --no-color -s sub w1 -v", "--verbose ssh --no-color -s sub w1 -- -v")]
    [InlineData("ssh --relay-ca=f w1 -v", "ssh --relay-ca=f w1 -- -v")]
    [InlineData("ssh --help", "ssh --help")]
    [InlineData("get ssh w1 -v", "get ssh w1 -v")]
    [InlineData("ssh-config w1 -l x", "ssh-config w1 -l x")]
    [InlineData("", "")]
    public void Leaves_WhatStandsBehindTheNode_ToSsh(string line, string fenced) =>
        Assert.Equal(SplitWords(fenced), SshCommand.SeparateSshArguments(SplitWords(line), new GlobalOptions()));

    [Fact]
    public async Task Writes_Entries_ThatOpenSshAccepts()
    {
        await using var site = await RelaySite.Start();
        await site.Plane.Create(Documents.Machine("probe1"));
        var run = await site.Run("ssh-config", "--all", "-l", "ops");
        Assert.Equal(0, run.Exit);
        var stdio = $"stdio --server {site.Plane.Client.BaseAddress} --token-file {site.Plane.Data}/admin.token";
        Assert.Equal(
            $"""
            # Written by weft ssh-config; what is changed here is lost when it writes again.

            Host w1.east.weft
              HostKeyAlias w1.east.rg1.11111111-2222-3333-4444-555555555555.weft
              ProxyCommand /usr/bin/weft {stdio} {RelaySite.Node}:ssh
              User ops

            Host probe1.weft
              HostKeyAlias probe1.rg1.11111111-2222-3333-4444-555555555555.weft
              ProxyCommand /usr/bin/weft {stdio} {Documents.Cloud}/virtualMachines/probe1:ssh
              User ops

            """,
            run.Out
        );

        var file = site.Weft.PathOf("weft.conf");
        Assert.Equal(0, (await site.Run("ssh-config", "w1", "vm/probe1", "--file", file)).Exit);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, CommandLine.Mode(file));
        Assert.Equal(64, (await site.Run("ssh-config")).Exit);
        Assert.Equal(64, (await site.Run("ssh-config", "cluster/east")).Exit);
    }

    [Fact]
    public async Task Quotes_WhatAShellOrSshWouldRead()
    {
        await using var site = await RelaySite.Start();
        var odd = site.Weft.PathOf("to%k n's");
        File.Copy(Path.Combine(site.Plane.Data, "admin.token"), odd);
        var run = await site.Run("ssh-config", "w1", "--token-file", odd);
        Assert.Contains($" --token-file '{site.Weft.Folder}/to%%k n'\\''s' ", run.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("w1", "w1", null)]
    [InlineData("east/w1:22", "east/w1", "ssh")]
    [InlineData("cluster/east:6443", "cluster/east", "kubernetes")]
    [InlineData("w1:metrics", "w1", "metrics")]
    public void Reads_TargetAndService(string text, string target, string? service) =>
        Assert.Equal(new TargetService(target, service), TargetService.Parse(text));

    [Theory]
    [InlineData("w1:8080")]
    [InlineData("w1:")]
    [InlineData(":22")]
    public void Refuses_WhatNamesNoService(string text) =>
        Assert.Equal(64, Assert.Throws<CliError>(() => TargetService.Parse(text)).Exit);

    private static string[] SplitWords(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
