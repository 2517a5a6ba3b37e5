using System.Diagnostics;
using System.Text.Json.Nodes;
using Weft.EndToEnd.Server;

namespace Weft.EndToEnd.Relay;

/// <summary>OpenSSH through the relay: a real server behind a real agent, reached by the real client.</summary>
public sealed class SshTests(RelayedNode node) : IClassFixture<RelayedNode>
{
    private const string Rules = $"{RelayLab.Node}/providers/Weft.Relay/networkRuleSets/default";

    private string Ssh => $"weft ssh {node.Flags} east/w1 {node.SshFlags}";

    [Fact]
    public async Task Runs_ACommand_AndEndsWithItsCode()
    {
        Assert.SkipWhen(node.Lacks is not null, node.Lacks ?? "");

        Assert.Contains(RelayedNode.There, await node.Must($"{Ssh} ip -4 -o address show dev eth0"), StringComparison.Ordinal);
        Assert.Equal(7, (await node.Shell($"{Ssh} exit 7")).Code);
        // Nothing but the relay leads there.
        Assert.NotEqual(0, (await node.Shell($"timeout 5 bash -c 'echo > /dev/tcp/{RelayedNode.There}/22'")).Code);
    }

    [Fact]
    public async Task Copies_AGigabyte()
    {
        Assert.SkipWhen(node.Lacks is not null, node.Lacks ?? "");
        var big = $"{node.Place}/big";
        await node.Must($"head -c 1000000000 /dev/urandom > {big}; weft ssh-config {node.Flags} east/w1 > {node.Place}/config");

        await node.Must($"scp -F {node.Place}/config {node.SshFlags.Replace("-l root", "-o User=root", StringComparison.Ordinal)} {big} w1.east.weft:{big}.there");

        Assert.Equal("", await node.Must($"cmp {big} {big}.there && rm {big}.there"));
        await node.Must($"rsync -e 'ssh -F {node.Place}/config {node.SshFlags}' {node.Place}/config w1.east.weft:{node.Place}/config.there && cmp {node.Place}/config {node.Place}/config.there");
    }

    [Fact]
    public async Task Ends_TheInputAlone()
    {
        Assert.SkipWhen(node.Lacks is not null, node.Lacks ?? "");
        var sent = $"{node.Place}/half";

        // The command on the far side ends when its input does, and only then says what it has got.
        var counted = await node.Must($"head -c 100000000 /dev/urandom > {sent}; {Ssh} 'cat > {sent}.there; sha256sum < {sent}.there' < {sent}");

        Assert.Equal(await node.Must($"sha256sum < {sent}"), counted);
        Assert.Equal("100000000\n", await node.Must($"{Ssh} head -c 100000000 /dev/zero | wc -c"));
    }

    [Fact]
    public async Task Shares_OneConnection()
    {
        Assert.SkipWhen(node.Lacks is not null, node.Lacks ?? "");
        var master = $"-o ControlMaster=auto -o ControlPath={node.Place}/master -o ControlPersist=20";

        await node.Must($"{Ssh} {master} true");
        var outputs = await Task.WhenAll(Enumerable.Range(0, 5).Select(i => node.Must($"{Ssh} {master} echo {i}")));

        Assert.Equal(Enumerable.Range(0, 5).Select(i => $"{i}\n"), outputs);
        await node.Must($"ssh -o ControlPath={node.Place}/master -O exit any");
    }

    [Fact]
    public async Task Says_WhichAddressARuleRefuses_AndCutsWhoIsThere()
    {
        Assert.SkipWhen(node.Lacks is not null, node.Lacks ?? "");
        var there = node.Shell($"{Ssh} 'touch {node.Place}/there; sleep 60'");
        await Until(() => File.Exists($"{node.Place}/there"), "the command runs");
        var clock = Stopwatch.StartNew();
        try
        {
            Assert.Equal(201, (await node.Lab.Weftd.Ask(node.Lab.Client, "PUT", $"{Rules}?force=true", Allowing("192.0.2.0/24"))).Status);

            var cut = await there.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
            Assert.NotEqual(0, cut.Code);
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"cut after {clock.Elapsed}");
            var refused = await node.Shell($"{Ssh} true");
            Assert.Equal(255, refused.Code);
            Assert.Contains($"your address {RelayedNode.Here} is not in", refused.Error, StringComparison.Ordinal);
        }
        finally
        {
            Assert.Equal(200, (await node.Lab.Weftd.Ask(node.Lab.Client, "DELETE", Rules)).Status);
        }

        await node.Must($"{Ssh} true");
    }

    [Fact]
    public async Task Outlives_AKilledAgent_AndDrainsAStoppedOne()
    {
        Assert.SkipWhen(node.Lacks is not null, node.Lacks ?? "");
        var cut = node.Shell($"{Ssh} 'touch {node.Place}/one; sleep 60'");
        await Until(() => File.Exists($"{node.Place}/one"), "the first command runs");

        await node.Agent.Kill();
        Assert.NotEqual(0, (await cut.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken)).Code);
        await node.StartAgent();

        var last = node.Shell($"{Ssh} 'touch {node.Place}/two; sleep 2; echo whole'");
        await Until(() => File.Exists($"{node.Place}/two"), "the last command runs");
        Assert.Equal(0, await node.Agent.Stop());
        var (code, output, errors) = await last;
        await node.StartAgent();
        Assert.True(code == 0 && output == "whole\n", $"ended with {code}\n{output}\n{errors}\n{node.Agent.Said}");
    }

    [Fact]
    public async Task Reaches_AMachine_ThatSomebodyAnswersFor()
    {
        Assert.SkipWhen(node.Lacks is not null, node.Lacks ?? "");
        await node.Lab.Weftd.Make(node.Lab.Client, $"{SmallSite.Cloud}/virtualMachines/probe", SmallSite.Machine());
        await node.StartListening("vm/probe");

        Assert.Contains(RelayedNode.There, await node.Must($"weft ssh {string.Join(' ', node.Lab.AsAdministrator)} probe {node.SshFlags} ip -4 -o address show dev eth0"), StringComparison.Ordinal);
    }

    /// <summary>Rules that let the node's agent listen and others send.</summary>
    private static JsonObject Allowing(string senders) => new()
    {
        ["properties"] = new JsonObject
        {
            ["ipRules"] = new JsonArray(
                new JsonObject { ["ipMask"] = senders, ["appliesTo"] = "senders" },
                new JsonObject { ["ipMask"] = RelayedNode.There, ["appliesTo"] = "listeners" }),
        },
    };

    private static async Task Until(Func<bool> holds, string what)
    {
        var clock = Stopwatch.StartNew();
        while (!holds())
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"never came true: {what}");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }
}
