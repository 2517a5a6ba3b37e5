using System.IO.Pipelines;
using System.Security.Cryptography;

namespace Weft.Tests.Cli;

public sealed class RelayStdioTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("w1:22")]
    [InlineData("w1")]
    [InlineData("east/w1:ssh")]
    [InlineData("node/east/w1:ssh")]
    [InlineData(RelaySite.Node + ":22")]
    public async Task Carries_AllBytesBothWays_AndEachEnd(string target)
    {
        await using var site = await RelaySite.Start();
        await site.Listen(RelaySite.Node, ("ssh", site.ServeEcho()));
        var sent = RandomNumberGenerator.GetBytes(3_000_001);
        using var received = new MemoryStream();
        (site.Weft.OpenIn, site.Weft.OpenOut) = (() => new MemoryStream(sent), () => received);

        var run = await site.Run("stdio", target).WaitAsync(TimeSpan.FromSeconds(30), Cancel);

        Assert.Equal((0, "", ""), (run.Exit, run.Out, run.Error));
        Assert.Equal(sent, received.ToArray());
    }

    [Fact]
    public async Task Ends_WithTheService_ThoughStdinStaysOpen()
    {
        await using var site = await RelaySite.Start();
        await site.Listen(
            RelaySite.Node,
            ("ssh", site.Serve(async (stream, _) => await stream.WriteAsync("bye"u8.ToArray(), Cancel)))
        );
        using var received = new MemoryStream();
        var never = new Pipe();
        (site.Weft.OpenIn, site.Weft.OpenOut) = (() => never.Reader.AsStream(), () => received);
        var run = await site.Run("stdio", "w1").WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        Assert.Equal((0, "bye"), (run.Exit, System.Text.Encoding.ASCII.GetString(received.ToArray())));
        await never.Writer.CompleteAsync();
    }

    [Fact]
    public async Task Fails_WhereTheServiceIsCutOff()
    {
        await using var site = await RelaySite.Start();
        await site.Listen(
            RelaySite.Node,
            (
                "ssh",
                site.Serve(
                    async (stream, socket) =>
                    {
                        _ = await stream.ReadAsync(new byte[16], Cancel);
                        socket.Close(0);
                    }
                )
            )
        );
        var open = new Pipe();
        await open.Writer.WriteAsync("hello"u8.ToArray(), Cancel);
        site.Weft.OpenIn = () => open.Reader.AsStream();
        var run = await site.Run("stdio", "w1").WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        Assert.Equal((1, ""), (run.Exit, run.Out));
        Assert.StartsWith("error: the connection to nodes/east/w1 was cut", run.Error, StringComparison.Ordinal);
        await open.Writer.CompleteAsync();
    }

    [Fact]
    public async Task Reports_ThatNobodyListens()
    {
        await using var site = await RelaySite.Start();
        var run = await site.Run("stdio", "w1");
        Assert.Equal((1, ""), (run.Exit, run.Out));
        Assert.StartsWith("error: nobody answers for ssh of nodes/east/w1: ", run.Error, StringComparison.Ordinal);
        Assert.Contains(
            "\nnext: its agent must run with the relay on and with a target 'ssh'; weft relay ls shows who listens\n",
            run.Error,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Reports_WhichServicesThereAreNot()
    {
        await using var site = await RelaySite.Start();
        await site.Listen(RelaySite.Node, ("ssh", site.ServeEcho()));
        var run = await site.Run("stdio", "w1:metrics");
        Assert.Equal(1, run.Exit);
        Assert.Contains("the listener has no service 'metrics'", run.Error, StringComparison.Ordinal);
        var port = await site.Run("stdio", "w1:9100");
        Assert.Equal(
            (
                64,
                "error: port 9100 stands for no service\n"
                    + "next: agents are asked for services by the names in their own configuration: write TARGET:NAME, "
                    + "such as w1:metrics\n"
            ),
            (port.Exit, port.Error)
        );
    }

    [Fact]
    public async Task Reports_WhichRuleRefuses()
    {
        await using var site = await RelaySite.Start();
        await site.Listen(RelaySite.Node, ("ssh", site.ServeEcho()));
        (
            await site.Rules(
                Documents.East,
                """{"ipRules":[{"ipMask":"127.0.0.0/8","appliesTo":"listeners"},{"ipMask":"127.0.0.1","services":["kubernetes"]}]}"""
            )
        ).Expect(201);
        var run = await site.Run("stdio", "w1");
        Assert.Equal(1, run.Exit);
        Assert.StartsWith(
            "error: your address 127.0.0.1 is not in the networks that w1 lets in to ssh (cluster east: deny by default)",
            run.Error,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "next: weft relay check --to node/east/w1 --service ssh says by which rule",
            run.Error,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Reports_WhatANameMayMean()
    {
        await using var site = await RelaySite.Start();
        await site.Plane.Create(Documents.Node("west", "w1"));
        var two = await site.Run("stdio", "w1");
        Assert.Equal(
            (1, "error: 'w1' is 2 things\n  node/east/w1\n  node/west/w1\nnext: write one of these\n"),
            (two.Exit, two.Error)
        );
        var none = await site.Run("ssh", "w9", "uptime");
        Assert.Equal(
            (
                1,
                "error: there is no node and no machine 'w9' in resource group 'rg1'\n"
                    + "next: see weft get nodes, weft get vms; or name another -g GROUP\n"
            ),
            (none.Exit, none.Error)
        );
    }

    [Fact]
    public async Task Refuses_WhoMayNotConnect()
    {
        await using var site = await RelaySite.Start();
        var made = await site.Run(
            "principal",
            "create",
            "eve",
            "--role",
            "Reader",
            "--scope",
            "/",
            "--out",
            site.Weft.PathOf("eve.token")
        );
        Assert.Equal(0, made.Exit);
        var run = await site.Run("stdio", "w1", "--token-file", site.Weft.PathOf("eve.token"));
        Assert.Equal(1, run.Exit);
        Assert.Contains("eve may not connect to", run.Error, StringComparison.Ordinal);
        Assert.Contains("RelayUser", run.Error, StringComparison.Ordinal);
    }
}
