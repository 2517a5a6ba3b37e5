using System.Text.Json.Nodes;

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

        Assert.Contains(
            RelayedNode.There,
            await node.RunSuccessfully($"{Ssh} ip -4 -o address show dev eth0"),
            StringComparison.Ordinal
        );
        Assert.Equal(7, (await node.Shell($"{Ssh} exit 7")).Code);
        // Nothing but the relay leads there.
        Assert.NotEqual(0, (await node.Shell($"timeout 5 bash -c 'echo > /dev/tcp/{RelayedNode.There}/22'")).Code);
    }

    [Fact]
    public async Task Copies_AGigabyte()
    {
        Assert.SkipWhen(node.Lacks is not null, node.Lacks ?? "");
        var big = $"{node.Folder}/big";
        await node.RunSuccessfully(
            $"head -c 1000000000 /dev/urandom > {big}; weft ssh-config {node.Flags} east/w1 > {node.Folder}/config"
        );

        var flags = node.SshFlags.Replace("-l root", "-o User=root", StringComparison.Ordinal);
        await node.RunSuccessfully($"scp -F {node.Folder}/config {flags} {big} w1.east.weft:{big}.there");

        Assert.Equal("", await node.RunSuccessfully($"cmp {big} {big}.there && rm {big}.there"));
        await node.RunSuccessfully(
            $"rsync -e 'ssh -F {node.Folder}/config {node.SshFlags}' "
                + $"{node.Folder}/config w1.east.weft:{node.Folder}/config.there "
                + $"&& cmp {node.Folder}/config {node.Folder}/config.there"
        );
    }

    [Fact]
    public async Task Ends_TheInputAlone()
    {
        Assert.SkipWhen(node.Lacks is not null, node.Lacks ?? "");
        var sent = $"{node.Folder}/half";

        // The command on the far side ends when its input does, and only then says what it has got.
        var counted = await node.RunSuccessfully(
            $"head -c 100000000 /dev/urandom > {sent}; {Ssh} 'cat > {sent}.there; sha256sum < {sent}.there' < {sent}"
        );

        Assert.Equal(await node.RunSuccessfully($"sha256sum < {sent}"), counted);
        Assert.Equal("100000000\n", await node.RunSuccessfully($"{Ssh} head -c 100000000 /dev/zero | wc -c"));
    }

    [Fact]
    public async Task Shares_OneConnection()
    {
        Assert.SkipWhen(node.Lacks is not null, node.Lacks ?? "");
        var master = $"-o ControlMaster=auto -o ControlPath={node.Folder}/master -o ControlPersist=20";

        await node.RunSuccessfully($"{Ssh} {master} true");
        var outputs = await Task.WhenAll(
            Enumerable.Range(0, 5).Select(i => node.RunSuccessfully($"{Ssh} {master} echo {i}"))
        );

        Assert.Equal(Enumerable.Range(0, 5).Select(i => $"{i}\n"), outputs);
        await node.RunSuccessfully($"ssh -o ControlPath={node.Folder}/master -O exit any");
    }

    [Fact]
    public async Task Reports_WhichAddressARuleRefuses_AndCutsOpenSessions()
    {
        Assert.SkipWhen(node.Lacks is not null, node.Lacks ?? "");
        var there = node.Shell($"{Ssh} 'touch {node.Folder}/there; sleep 60'");
        await Eventually.Holds(() => File.Exists($"{node.Folder}/there"), "the command runs");
        try
        {
            Assert.Equal(
                201,
                (
                    await node.Lab.Weftd.SendRequest(
                        node.Lab.Client,
                        "PUT",
                        $"{Rules}?force=true",
                        Allowing("192.0.2.0/24")
                    )
                ).Status
            );

            var cut = await there.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
            Assert.NotEqual(0, cut.Code);
            var refused = await node.Shell($"{Ssh} true");
            Assert.Equal(255, refused.Code);
            Assert.Contains($"your address {RelayedNode.Here} is not in", refused.Error, StringComparison.Ordinal);
        }
        finally
        {
            Assert.Equal(200, (await node.Lab.Weftd.SendRequest(node.Lab.Client, "DELETE", Rules)).Status);
        }

        await node.RunSuccessfully($"{Ssh} true");
    }

    [Fact]
    public async Task Outlives_AKilledAgent_AndDrainsAStoppedOne()
    {
        Assert.SkipWhen(node.Lacks is not null, node.Lacks ?? "");
        var cut = node.Shell($"{Ssh} 'touch {node.Folder}/one; sleep 60'");
        await Eventually.Holds(() => File.Exists($"{node.Folder}/one"), "the first command runs");

        await node.Agent.Kill();
        Assert.NotEqual(0, (await cut.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken)).Code);
        await node.StartAgent();

        var last = node.Shell($"{Ssh} 'touch {node.Folder}/two; sleep 2; echo whole'");
        await Eventually.Holds(() => File.Exists($"{node.Folder}/two"), "the last command runs");
        Assert.Equal(0, await node.Agent.Stop());
        var (code, output, errors) = await last;
        await node.StartAgent();
        Assert.True(code == 0 && output == "whole\n", $"ended with {code}\n{output}\n{errors}\n{node.Agent.Output}");
    }

    [Fact]
    public async Task Reaches_AMachine_ThatAListenerAnswersFor()
    {
        Assert.SkipWhen(node.Lacks is not null, node.Lacks ?? "");
        var probe = Documents.Machine("probe", Documents.Attached("n6", name: "n6"));
        await node.Lab.Weftd.Create(node.Lab.Client, probe.Id, probe.Body);
        await node.StartListening("vm/probe");

        Assert.Contains(
            RelayedNode.There,
            await node.RunSuccessfully(
                $"weft ssh {string.Join(' ', node.Lab.AsAdministrator)} probe {node.SshFlags} ip -4 -o address show dev eth0"
            ),
            StringComparison.Ordinal
        );
    }

    /// <summary>Rules that let the node's agent listen and others send.</summary>
    private static JsonObject Allowing(string senders) =>
        new()
        {
            ["properties"] = new JsonObject
            {
                ["ipRules"] = new JsonArray(
                    new JsonObject { ["ipMask"] = senders, ["appliesTo"] = "senders" },
                    new JsonObject { ["ipMask"] = RelayedNode.There, ["appliesTo"] = "listeners" }
                ),
            },
        };
}
