using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Attachments;
using Weft.Attachments.Formats;
using Weft.Attachments.Nodes;

namespace Weft.Tests.Cli;

/// <summary><c>weft manifests</c>: its formats, and the files it writes.</summary>
public sealed class ManifestsCommandTests : IDisposable
{
    private const string Nets = CommandLine.Group + "/providers/Microsoft.NetworkCloud";

    private static readonly NodeConfiguration Worker = new(
        "w1",
        [
            new NodeLink(
                "n6",
                new Uplink("eth1", "52:54:00:00:00:01", 9000, Nets + "/l3Networks/n6"),
                null,
                9000,
                [(Address.Parse("10.20.6.4").Value, 24)],
                [],
                "n6"
            ),
        ],
        [],
        [],
        [new TrunkGuard("ran", Nets + "/trunkedNetworks/ran", VlanSet.Create([602]), false)]
    );

    private static readonly MachineConfiguration Probe = new(
        "probe1",
        false,
        [new MachineInterface("n6", "02:00:00:00:00:06", Nets + "/l3Networks/n6", VlanSet.Create([606]), false, 9000)]
    );

    private readonly CommandLine _weft = new();

    public ManifestsCommandTests()
    {
        Output("kubernetesClusters/c", new JsonArray(Node(Worker), Node(Worker with { Node = "w2" })));
        Output(
            "virtualMachines/probe1",
            new JsonArray(
                new JsonObject
                {
                    ["name"] = "probe1",
                    ["files"] = new JsonArray(File("network-config", "0644", "# Drawn by Weft.\nversion: 2\n")),
                    ["machine"] = Probe.ToJson(),
                }
            )
        );
    }

    public void Dispose() => _weft.Dispose();

    public static TheoryData<string> NodeFormatNames =>
        ["netplan", "networkd", "nmstate", "nncp", "nftables", "cloud-init"];

    [Theory]
    [MemberData(nameof(NodeFormatNames))]
    public async Task Prints_ANode_InEachFormat(string name)
    {
        var format = Enum.Parse<NodeFormat>(name.Replace("-", "", StringComparison.Ordinal), true);
        var files = NodeFormats.Render(format, Worker).Value;
        var run = await _weft.RunInGroup("manifests", "--cluster", "c", "--node", "w1", "--format", name);
        var expected =
            files.Length == 1
                ? files[0].Content
                : string.Concat(files.Select(file => $"# w1 {file.Path} {file.Mode}\n{file.Content}"));
        Assert.Equal((0, expected, ""), (run.Exit, run.Out, run.Error));
        var json = JsonNode
            .Parse(
                (await _weft.RunInGroup("manifests", "--cluster", "c", "--nodes", "--format", name, "-o", "json")).Out
            )!
            .AsArray();
        Assert.Equal(["w1", "w2"], json.Select(node => node!["name"]!.ToString()));
        Assert.Equal(
            files.Select(file => file.Path),
            json[0]!["files"]!.AsArray().Select(file => file!["path"]!.ToString())
        );
    }

    [Theory]
    [InlineData("libvirt", null, "<source network='n6'/>", "<vlan>")]
    [InlineData("libvirt", "openvswitch", "<tag id='606'/>", "sriov")]
    [InlineData("libvirt", "sriov", "<tag id='606'/>", "<mtu")]
    [InlineData("kubevirt", null, "bridge: {}", "sriov: {}")]
    [InlineData("kubevirt", "sriov", "sriov: {}", "bridge: {}")]
    [InlineData("cloud-init", null, "version: 2", "interface")]
    public async Task Prints_AMachine_InEachFormat(string format, string? host, string has, string hasNot)
    {
        var run = await _weft.RunInGroup([
            "manifests",
            "--vm",
            "probe1",
            "--format",
            format,
            .. host is null ? [] : new[] { "--host", host },
        ]);
        Assert.Equal((0, ""), (run.Exit, run.Error));
        Assert.Contains(has, run.Out, StringComparison.Ordinal);
        Assert.DoesNotContain(hasNot, run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Writes_FilesWithTheirModes_OnceAndAgain()
    {
        var folder = _weft.PathOf("out");
        var run = await _weft.RunInGroup(
            "manifests",
            "--cluster",
            "c",
            "--nodes",
            "--format",
            "netplan",
            "--out-dir",
            folder
        );
        var file = Path.Combine(folder, "w1", "etc", "netplan", "60-weft.yaml");
        Assert.Equal((0, ""), (run.Exit, run.Error));
        Assert.StartsWith(
            $"created: {file} 0600\ncreated: {folder}/w1/etc/weft/trunk-guard.nft 0644\n",
            run.Out,
            StringComparison.Ordinal
        );
        Assert.Equal(NodeFormats.Render(NodeFormat.Netplan, Worker).Value[0].Content, System.IO.File.ReadAllText(file));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, CommandLine.Mode(file));
        Assert.Equal(
            (UnixFileMode)0x1A4,
            CommandLine.Mode(Path.Combine(folder, "w1", "etc", "weft", "trunk-guard.nft"))
        );

        System.IO.File.AppendAllText(file, "# edited\n");
        Output("kubernetesClusters/c", new JsonArray(Node(Worker with { Guards = [] })));
        run = await _weft.RunInGroup(
            "manifests",
            "--cluster",
            "c",
            "--node",
            "w1",
            "--format",
            "netplan",
            "--out-dir",
            folder
        );
        Assert.Equal(
            (0, $"changed: {file} 0600\n", $"no longer drawn: {folder}/w1/etc/weft/trunk-guard.nft\n"),
            (run.Exit, run.Out, run.Error)
        );
        Assert.Equal(
            $"unchanged: {file} 0600\n",
            (
                await _weft.RunInGroup(
                    "manifests",
                    "--cluster",
                    "c",
                    "--node",
                    "w1",
                    "--format",
                    "netplan",
                    "--out-dir",
                    folder
                )
            ).Out
        );
    }

    [Fact]
    public async Task Replaces_NoForeignFile_UnlessForced()
    {
        var folder = _weft.PathOf("out");
        var mine = _weft.WriteFile("out/w1/etc/weft/trunk-guard.nft", "my own rules\n");
        var run = await _weft.RunInGroup(
            "manifests",
            "--cluster",
            "c",
            "--node",
            "w1",
            "--out-dir",
            folder,
            "--format",
            "netplan"
        );
        Assert.Equal(
            (
                1,
                $"error: nothing was written\n  {mine} is there and wasn't drawn by Weft\n"
                    + "next: move them away, or --force replaces files that Weft didn't draw\n"
            ),
            (run.Exit, run.Error)
        );
        Assert.Equal("my own rules\n", System.IO.File.ReadAllText(mine));
        Assert.False(System.IO.File.Exists(Path.Combine(folder, "w1", "etc", "netplan", "60-weft.yaml")));
        Assert.Equal(
            0,
            (
                await _weft.RunInGroup(
                    "manifests",
                    "--cluster",
                    "c",
                    "--node",
                    "w1",
                    "--out-dir",
                    folder,
                    "--format",
                    "netplan",
                    "--force"
                )
            ).Exit
        );
        Assert.Contains("weft-trunk-ran", System.IO.File.ReadAllText(mine), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Writes_NothingOutsideOfTheFolder()
    {
        var folder = _weft.PathOf("out");
        var outside = _weft.WriteFile("outside", "# Drawn by Weft.\n");
        Directory.CreateDirectory(Path.Combine(folder, "w1"));
        System.IO.File.CreateSymbolicLink(Path.Combine(folder, "w1", "link"), outside);
        foreach (var path in new[] { "../../outside", "/a/../../../outside", "a//b", "link" })
        {
            Output(
                "kubernetesClusters/c",
                new JsonArray(new JsonObject { ["name"] = "w1", ["files"] = new JsonArray(File(path, "0644", "x")) })
            );
            var run = await _weft.RunInGroup(
                "manifests",
                "--cluster",
                "c",
                "--node",
                "w1",
                "--out-dir",
                folder,
                "--force"
            );
            Assert.True(run.Exit == 1, $"{path}: {run.Out}{run.Error}");
        }

        Assert.Equal("# Drawn by Weft.\n", System.IO.File.ReadAllText(outside));
    }

    [Fact]
    public async Task Writes_AClustersManifests_OneAFile()
    {
        var folder = _weft.PathOf("out");
        Assert.Equal(0, (await _weft.RunInGroup("manifests", "--cluster", "c", "--out-dir", folder)).Exit);
        Assert.Equal(
            "# Drawn by Weft.\nkind: NetworkAttachmentDefinition\nmetadata:\n  name: n6\n  namespace: default\n",
            System.IO.File.ReadAllText(Path.Combine(folder, "default__networkattachmentdefinition__n6.yaml"))
        );
    }

    [Fact]
    public async Task Renders_Removals_FromThePreviousState()
    {
        var earlier = _weft.WriteFile(
            "old.json",
            (await _weft.RunInGroup("manifests", "--cluster", "c", "--nodes", "-o", "json")).Out
        );
        Output("kubernetesClusters/c", new JsonArray(Node(Worker with { Links = [], Guards = [] })));
        var run = await _weft.RunInGroup(
            "manifests",
            "--cluster",
            "c",
            "--node",
            "w1",
            "--format",
            "nmstate",
            "--previous",
            earlier
        );
        Assert.Equal(0, run.Exit);
        Assert.Contains("- name: n6\n  type: ethernet\n  state: absent\n", run.Out, StringComparison.Ordinal);
        Assert.EndsWith("delete table netdev weft-trunk-ran\n", run.Out, StringComparison.Ordinal);
        var damaged = _weft.WriteFile("bad.json", "{");
        Assert.Equal(
            1,
            (
                await _weft.RunInGroup(
                    "manifests",
                    "--cluster",
                    "c",
                    "--node",
                    "w1",
                    "--format",
                    "nmstate",
                    "--previous",
                    damaged
                )
            ).Exit
        );
    }

    [Fact]
    public async Task Reports_EveryFinding_OfWhatCantBeRendered()
    {
        Output(
            "kubernetesClusters/c",
            new JsonArray(Node(Worker with { Links = [Worker.Links[0] with { Name = "net1", Mtu = 9001, Vlan = 7 }] }))
        );
        var run = await _weft.RunInGroup("manifests", "--cluster", "c", "--node", "w1", "--format", "networkd");
        Assert.Equal((1, ""), (run.Exit, run.Out));
        Assert.StartsWith("error: w1 can't be drawn\n", run.Error, StringComparison.Ordinal);
        Assert.Contains("is what Multus calls", run.Error, StringComparison.Ordinal);
        Assert.Contains("9001 bytes are more than the 9000", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reports_ThatTheServerIsOlder_WhereItSendsNoConfiguration()
    {
        Output("kubernetesClusters/c", new JsonArray(new JsonObject { ["name"] = "w1", ["files"] = new JsonArray() }));
        var run = await _weft.RunInGroup("manifests", "--cluster", "c", "--node", "w1", "--format", "networkd");
        Assert.Equal(1, run.Exit);
        Assert.Contains("the server is older than this program", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--cluster", "c", "--format", "netplan")]
    [InlineData("--cluster", "c", "--nodes", "--format", "libvirt")]
    [InlineData("--cluster", "c", "--nodes", "--format", "xml")]
    [InlineData("--vm", "probe1", "--format", "netplan")]
    [InlineData("--vm", "probe1", "--host", "bridge")]
    [InlineData("--vm", "probe1", "--format", "libvirt", "--host", "vmware")]
    [InlineData("--cluster", "c", "--nodes", "--force")]
    [InlineData("--cluster", "c", "--nodes", "--out-dir", "x", "-o", "json")]
    [InlineData("--vm", "probe1", "--format", "libvirt", "--previous", "x")]
    public async Task Refuses_WhatMakesNoSense(params string[] args) => Assert.Equal((64, ""), await Exit(args));

    [Fact]
    public async Task Completes_FormatsAndHosts()
    {
        const string Line = "weft manifests --vm v --format ";
        var run = await _weft.RunBare($"[suggest:{Line.Length}]", Line);
        Assert.Equal(
            ["cloud-init", "kubevirt", "libvirt", "netplan", "networkd", "nftables", "nmstate", "nncp"],
            run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)
        );
    }

    private static JsonObject File(string path, string mode, string content) =>
        new()
        {
            ["path"] = path,
            ["mode"] = mode,
            ["content"] = content,
        };

    private static JsonObject Node(NodeConfiguration configuration) =>
        new()
        {
            ["name"] = configuration.Node,
            ["files"] = new JsonArray(),
            ["configuration"] = configuration.ToJson(),
        };

    private async Task<(int Exit, string Out)> Exit(string[] args)
    {
        var run = await _weft.RunInGroup(["manifests", .. args]);
        return (run.Exit, run.Out);
    }

    private void Output(string what, JsonArray nodes)
    {
        var manifests = new JsonArray(
            new JsonObject
            {
                ["kind"] = "NetworkAttachmentDefinition",
                ["metadata"] = new JsonObject { ["name"] = "n6", ["namespace"] = "default" },
            }
        );
        var body = new JsonObject
        {
            ["properties"] = new JsonObject { ["manifests"] = manifests, ["nodes"] = nodes },
        };
        _weft.Weftd.CannedResponses[$"{Nets}/{what}/providers/Weft.Fleet/desiredStates/current?"] = _ =>
            FakeWeftd.Json(body.DeepClone());
    }
}
