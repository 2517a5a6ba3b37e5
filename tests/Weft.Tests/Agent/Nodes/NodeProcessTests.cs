using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.Versioning;
using System.Text.Json.Nodes;

namespace Weft.Tests.Agent.Nodes;

/// <summary>
/// The program itself on a node of its own: a network namespace whose only way to the control plane is a veth pair.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class NodeProcessTests
{
    private static readonly string Here = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
    private static readonly string Program = Path.GetFullPath(
        Path.Join(Here, "..", "..", "Weft.Agent", Path.GetFileName(Here), "weft-agent")
    );

    /// <summary>
    /// The way to the control plane led into the workload network, and the control plane's own address taken.
    /// </summary>
    public static readonly TheoryData<string> CutsOff = new()
    {
        """["10.20.6.11/24"],"routes":[{"to":"CONTROL/32","via":"10.20.6.1"}]""",
        """["CONTROL/32"],"routes":[]""",
    };

    /// <summary>Lets through what is taken back afterwards: each of the two holds by itself.</summary>
    private const string Unprotected = """{"management":{"protect":false}}""";

    [Theory]
    [MemberData(nameof(CutsOff))]
    public async Task Takes_NothingThatWouldCutItOff(string cut)
    {
        await using var node = await IsolatedNode.Create();
        using var agent = node.Start("0");
        node.SetDesired("bad", cut);
        await node.Plane.UntilReported("bad", "Applied");
        var refused = Assert.Single(node.Plane.Reports.Last(r => r.Digest == "bad").Drift);
        Assert.False(refused.IsRepaired);
        Assert.Contains($"{node.Control}/32", refused.Subject, StringComparison.Ordinal);
        Assert.Contains(
            "refused by the node's policy, management.protect: it overlaps",
            refused.Difference,
            StringComparison.Ordinal
        );
        Assert.DoesNotContain(
            node.Control,
            node.Ip("address show n6") + node.Ip("route show dev n6"),
            StringComparison.Ordinal
        );
        agent.Kill();
    }

    /// <summary>All that was once applied without complaint: the world, the cluster's services, the management itself.</summary>
    [Fact]
    public async Task Takes_TheRestOfAnAttack_AndTellsWhatItRefuses()
    {
        await using var node = await IsolatedNode.Create();
        var before = Shown(node, "dev eth0");
        using var agent = node.Start("0", """{"prefixes":{"deny":["10.96.0.0/12"]}}""");
        var mac = node.Ip("-o link show eth0").Split("link/ether ")[1].Split(' ')[0];
        node.SetDesired(
            "attack",
            node.Configuration(
                """
                ["10.20.6.11/24","10.20.6.77/32","10.96.0.1/12"],"routes":[{"to":"0.0.0.0/1","via":"10.20.6.1"},
                  {"to":"128.0.0.0/1","via":"10.20.6.1"},{"to":"10.30.0.0/16","via":"10.20.6.1"}]
                """,
                $$"""
                ,{"name":"stolen","port":{"name":"eth0","macAddress":"{{mac}}","mtu":1500,"trunk":false},"mtu":1500,
                  "addresses":[],"routes":[]},
                {"name":"eth0","port":{"name":"eth0","mtu":1500,"trunk":true},"mtu":1500,"addresses":["10.66.0.1/24"],"routes":[]}
                """,
                """{"interface":"eth0","network":"trunk","vlans":"4000","untagged":false}"""
            )
        );
        await node.Plane.UntilReported("attack", "Applied");
        Assert.Equal(
            [
                "guards 'eth0' of w1: only 4000 pass | management.protect",
                "links 'eth0' addresses of w1: 10.66.0.1/24 | management.protect",
                "links 'n6' addresses of w1: 10.96.0.1/12 | prefixes.deny 10.96.0.0/12",
                "links 'n6' routes of w1: 0.0.0.0/1 via 10.20.6.1 | half",
                "links 'n6' routes of w1: 128.0.0.0/1 via 10.20.6.1 | half",
                "links 'stolen' of w1: the port eth0 | management.protect",
            ],
            node.Plane.Reports[^1]
                .Drift.Select(drift =>
                    $"{drift.Subject} | {drift.Difference.Split(": ")[0]["refused by the node's policy, ".Length..]}"
                )
                .Order(StringComparer.Ordinal)
        );
        Assert.Equal(before, Shown(node, "dev eth0"));
        var shown = node.Ip("address show n6");
        Assert.Contains("10.20.6.77/32", shown, StringComparison.Ordinal);
        Assert.DoesNotContain("10.96.0.1", shown, StringComparison.Ordinal);
        var routes = node.Ip("route show");
        Assert.Contains("10.30.0.0/16 via 10.20.6.1", routes, StringComparison.Ordinal);
        Assert.DoesNotContain("/1 ", routes, StringComparison.Ordinal);
        agent.Kill();
    }

    [Fact]
    public async Task Follows_ItsPolicy_WhenThatIsReplaced()
    {
        await using var node = await IsolatedNode.Create();
        using var agent = node.Start("0", """{"interfaces":{"deny":["n6"]}}""");
        node.SetDesired("one", """["10.20.6.77/32"],"routes":[]""");
        await node.Plane.UntilReported("one", "Applied");
        Assert.Contains(
            "interfaces.deny 'n6'",
            Assert.Single(node.Plane.Reports[^1].Drift).Difference,
            StringComparison.Ordinal
        );
        Assert.DoesNotContain("10.20.6.77", node.Ip("address show n6"), StringComparison.Ordinal);

        node.WritePolicy("{}");
        await node.Plane.Until(() => node.Plane.Reports[^1].Drift.IsEmpty, "nothing is refused any more");
        Assert.Contains("10.20.6.77/32", node.Ip("address show n6"), StringComparison.Ordinal);

        // What was made goes again, once it is denied.
        node.WritePolicy("""{"interfaces":{"deny":["n6"]}}""");
        await node.Plane.Until(() => !node.Plane.Reports[^1].Drift.IsEmpty, "it is refused again");
        Assert.DoesNotContain("10.20.6.77", node.Ip("address show n6"), StringComparison.Ordinal);
        agent.Kill();
    }

    [Theory]
    [MemberData(nameof(CutsOff))]
    public async Task Comes_BackByItself_WhenAChangeCutsItOff(string cut)
    {
        await using var node = await IsolatedNode.Create();
        using var agent = node.Start("3", Unprotected);
        node.SetDesired("good", """[],"routes":[]""");
        await node.Plane.UntilReported("good", "Applied");
        // The kernel's check for duplicates of the link-local address may still be on: that is no change of ours.
        string Seen() =>
            (node.Ip("-o address show") + node.Ip("route show")).Replace(" tentative", "", StringComparison.Ordinal);
        var before = Seen();
        node.SetDesired("bad", cut);
        await node.Plane.UntilReported("bad", "Failed");
        var report = node.Plane.Reports.Last(r => r.Digest == "bad");
        Assert.Contains(
            "was taken back, because the control plane was not within reach for 3 s",
            report.Message,
            StringComparison.Ordinal
        );
        Assert.Equal(before, Seen());
        node.SetDesired("better", """["10.20.6.77/32"],"routes":[]""");
        await node.Plane.UntilReported("better", "Applied");
        Assert.Contains("10.20.6.77/32", node.Ip("address show n6"), StringComparison.Ordinal);
        agent.Kill();
    }

    [Fact]
    public async Task Comes_BackAtItsNextStart_WhenKilledBeforeTheChangeWasProven()
    {
        await using var node = await IsolatedNode.Create();
        using (var agent = node.Start("60", Unprotected))
        {
            node.SetDesired("good", """[],"routes":[]""");
            await node.Plane.UntilReported("good", "Applied");
            node.SetDesired("bad", """["CONTROL/32"],"routes":[]""");
            await AgentHarness.Eventually(
                () => node.Ip("address show n6").Contains($"{node.Control}/32", StringComparison.Ordinal),
                "the change is made"
            );
            agent.Kill();
            await agent.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        Assert.True(File.Exists(Path.Join(node.State, "node.pending")));
        using var next = node.Start("2", Unprotected);
        await AgentHarness.Eventually(
            () => !node.Ip("address show n6").Contains($"{node.Control}/32", StringComparison.Ordinal),
            "the change is taken back"
        );
        await node.Plane.UntilReported("bad", "Failed");
        Assert.False(File.Exists(Path.Join(node.State, "node.pending")));
        next.Kill();
    }

    [Fact]
    public async Task Repairs_WhatAnotherHasChanged()
    {
        await using var node = await IsolatedNode.Create();
        using var agent = node.Start("30");
        node.SetDesired("good", """["10.20.6.77/32"],"routes":[]""");
        await node.Plane.UntilReported("good", "Applied");
        var clock = Stopwatch.StartNew();
        node.Ip("address flush dev n6");
        node.Ip("link set n6 mtu 1300");
        await AgentHarness.Eventually(
            () =>
                node.Ip("address show n6") is var shown
                && shown.Contains("10.20.6.77/32", StringComparison.Ordinal)
                && shown.Contains("mtu 1500", StringComparison.Ordinal),
            "it is mended"
        );
        TestContext.Current.TestOutputHelper?.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"mended after {clock.ElapsedMilliseconds} ms")
        );
        agent.Kill();
    }

    [Fact]
    public async Task Is_WholeAfterEveryKill()
    {
        await using var node = await IsolatedNode.Create();
        var many = string.Join(',', Enumerable.Range(1, 200).Select(i => $"\"10.60.{i}.1/24\""));
        var none = node.Ip("-o address show n6");
        Directory.CreateDirectory(
            node.State,
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        );
        for (var life = 0; life < 6; life++)
        {
            // The record of a change is there for some milliseconds: who looks now and then may never see it.
            using var watcher = new FileSystemWatcher(node.State, "node.pending");
            var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            watcher.Renamed += (_, _) => begun.TrySetResult();
            watcher.EnableRaisingEvents = true;
            using var agent = node.Start("0");
            node.SetDesired($"many-{life}", life % 2 == 0 ? $"""[{many}],"routes":[]""" : """[],"routes":[]""");
            await AgentHarness.Eventually(() => begun.Task.IsCompleted, "a change has begun");
            agent.Kill();
            await agent.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        using var last = node.Start("0");
        node.SetDesired("none", """[],"routes":[]""");
        await node.Plane.UntilReported("none", "Applied");
        Assert.DoesNotContain("10.60.", node.Ip("-o address show n6"), StringComparison.Ordinal);
        Assert.Contains("10.20.6.11/24", node.Ip("-o address show n6"), StringComparison.Ordinal);
        Assert.DoesNotContain("10.60.", none, StringComparison.Ordinal);
        last.Kill();
    }

    [Fact]
    public async Task Plans_AndChangesNothing()
    {
        await using var node = await IsolatedNode.Create();
        var file = Path.Join(node.State, "..", "one.json");
        await File.WriteAllTextAsync(
            file,
            node.Configuration("""["10.20.6.77/32"],"routes":[]""").ToJsonString(),
            TestContext.Current.CancellationToken
        );
        var before = Shown(node);
        string[] common = ["-f", file, "--node", "w1", "--state", node.State, "--node-network", "netlink"];
        Assert.Equal((2, "n6: address 10.20.6.77/32\nnode w1: 1 steps\n"), await node.Run(["node", "plan", .. common]));
        Assert.Equal(2, (await node.Run(["node", "apply", "--dry-run", .. common])).Code);
        Assert.Equal(before, Shown(node));
        Assert.False(Directory.Exists(node.State));
        Assert.Equal((0, "node w1: 1 written, 0 removed\n"), await node.Run(["node", "apply", .. common]));
        Assert.Equal((0, "node w1: nothing to do\n"), await node.Run(["node", "plan", .. common]));
        Assert.Equal(1, (await node.Run(["node", "plan", "-f", "/nowhere.json"])).Code);
        var policy = node.WritePolicy("""{"interfaces":{"deny":["n6"]}}""");
        Assert.Equal(
            (1, "node w1: 1 steps\n"),
            await node.Run(["node", "plan", "--node-policy", policy, .. common]) is var (code, said)
                ? (code, said[said.IndexOf("node w1", StringComparison.Ordinal)..])
                : default
        );
    }

    /// <summary>
    /// Duplicate address detection ends by itself, and link-local addresses come by themselves once a link is up.
    /// </summary>
    private static string Shown(IsolatedNode node, string which = "scope global") =>
        node.Ip($"-o address show {which}").Replace(" tentative", "", StringComparison.Ordinal);

    /// <summary>A node behind a veth pair, and a control plane at its other end.</summary>
    private sealed class IsolatedNode : IAsyncDisposable
    {
        private static int _last;
        private readonly string _name;
        private readonly string _root = Directory.CreateTempSubdirectory("weft-lonely-").FullName;
        private readonly List<string> _output = [];

        private IsolatedNode(string name, string control, ScriptedControlPlane plane) =>
            (_name, Control, Plane) = (name, control, plane);

        public string Control { get; }

        public ScriptedControlPlane Plane { get; }

        public string State => Path.Join(_root, "state");

        public static async Task<IsolatedNode> Create()
        {
            Assert.SkipUnless(Environment.UserName == "root", "a network namespace needs root");
            var number = Interlocked.Increment(ref _last);
            var name = string.Create(CultureInfo.InvariantCulture, $"wn{Environment.ProcessId % 100_000}-{number}");
            var third = (Environment.ProcessId + number) % 250;
            var (control, own) = ($"198.18.{third}.1", $"198.18.{third}.2");
            TestNamespace.Run("ip", $"netns add {name}");
            TestNamespace.Run("ip", $"link add {name} type veth peer name eth0 netns {name}");
            TestNamespace.Run("ip", $"address add {control}/30 dev {name}");
            TestNamespace.Run("ip", $"link set {name} up");
            foreach (
                var line in (string[])
                    [
                        "link set lo up",
                        $"address add {own}/30 dev eth0",
                        "link set eth0 up",
                        "link add eth1 address 02:00:00:00:00:01 type veth peer name eth1-peer",
                        "link set eth1-peer up",
                        "link set eth1 name n6",
                        "link set n6 up",
                        "address add 10.20.6.11/24 dev n6",
                    ]
            )
                TestNamespace.Run("ip", $"-n {name} {line}");
            return new IsolatedNode(name, control, await ScriptedControlPlane.Start(at: IPAddress.Parse(control)));
        }

        public string Ip(string arguments) => TestNamespace.Run("ip", $"-n {_name} {arguments}");

        public JsonObject Configuration(string addressesAndRoutes, string links = "", string guards = "") =>
            JsonNode
                .Parse(
                    $$"""
                    {
                      "links": [
                        {
                          "name": "n6",
                          "port": { "name": "eth1", "macAddress": "02:00:00:00:00:01", "mtu": 9000, "trunk": false },
                          "mtu": 1500,
                          "addresses": {{addressesAndRoutes.Replace("CONTROL", Control, StringComparison.Ordinal)}}
                        }{{links}}
                      ],
                      "physicalFunctions": [],
                      "devices": [],
                      "guards": [{{guards}}]
                    }
                    """
                )!
                .AsObject();

        public void SetDesired(string digest, string addressesAndRoutes) =>
            SetDesired(digest, Configuration(addressesAndRoutes));

        public void SetDesired(string digest, JsonObject configuration) =>
            Plane.SetDesired(
                digest,
                [],
                [
                    new JsonObject
                    {
                        ["name"] = "w1",
                        ["files"] = new JsonArray(),
                        ["configuration"] = configuration,
                    },
                ]
            );

        /// <summary>Puts a policy in the place of the one that is there.</summary>
        public string WritePolicy(string policy)
        {
            var path = Path.Join(_root, "policy.json");
            File.WriteAllText(path + ".new", policy);
            File.SetUnixFileMode(path + ".new", UnixFileMode.UserRead | UnixFileMode.UserWrite);
            File.Move(path + ".new", path, overwrite: true);
            return path;
        }

        public Process Start(string rollbackAfter, string? policy = null)
        {
            var token = Path.Join(_root, "token");
            File.WriteAllText(token, ScriptedControlPlane.Token + "\n");
            var agent = Spawn([
                "--server",
                Plane.Url,
                "--state",
                State,
                "--name",
                "w1",
                "--node",
                "w1",
                "--enrollment-token-file",
                token,
                "--socket",
                Path.Join(_root, "agent.sock"),
                "--apply-node",
                "--node-network",
                "netlink",
                "--rollback-after",
                rollbackAfter,
                .. policy is null ? Array.Empty<string>() : ["--node-policy", WritePolicy(policy)],
            ]);
            agent.ErrorDataReceived += (_, line) => RecordLine(line.Data);
            agent.BeginErrorReadLine();
            return agent;
        }

        public async Task<(int Code, string Said)> Run(string[] arguments)
        {
            using var agent = Spawn(arguments);
            var error = agent.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            var output = await agent.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await agent.WaitForExitAsync(TestContext.Current.CancellationToken);
            RecordLine(await error);
            return (agent.ExitCode, output);
        }

        public async ValueTask DisposeAsync()
        {
            lock (_output)
                TestContext.Current.TestOutputHelper?.WriteLine(string.Join('\n', _output));
            TestNamespace.Run("ip", $"link delete {_name}");
            TestNamespace.Run("ip", $"netns delete {_name}");
            await Plane.DisposeAsync();
            Directory.Delete(_root, recursive: true);
        }

        private void RecordLine(string? line)
        {
            lock (_output)
                _output.Add(line ?? "");
        }

        private Process Spawn(IEnumerable<string> arguments) =>
            Process.Start(
                new ProcessStartInfo("ip", ["netns", "exec", _name, Program, .. arguments])
                {
                    RedirectStandardError = true,
                    RedirectStandardOutput = true,
                }
            )!;
    }
}
