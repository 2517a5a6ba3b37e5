using System.Runtime.Versioning;
using System.Text.Json.Nodes;

namespace Weft.Tests.Agent.Reconcilers;

[SupportedOSPlatform("linux")]
public sealed class FolderReconcilerTests
{
    private const UnixFileMode OwnerReadsAndWrites = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    [Fact]
    public async Task Writes_OneFilePerObject_AndReportsApplied()
    {
        await using var harness = await AgentHarness.Start();
        harness.Plane.SetDesired("sha256-1", [Nad("n6"), Object("v1", "Namespace", "core", null)]);
        await harness.Plane.UntilReported("sha256-1", "Applied");
        Assert.Equal(
            ["_cluster__namespace__core.json", "core__networkattachmentdefinition__n6.json"],
            Names(harness.Options.Manifests)
        );
        Assert.Equal(
            """
            {
              "apiVersion": "k8s.cni.cncf.io/v1",
              "kind": "NetworkAttachmentDefinition",
              "metadata": {
                "name": "n6",
                "namespace": "core"
              },
              "spec": {
                "config": "{\"mtu\":9000}"
              }
            }

            """,
            await File.ReadAllTextAsync(PathOf(harness, "n6"), TestContext.Current.CancellationToken)
        );
        var report = harness.Plane.Reports[^1];
        Assert.Equal("w1", report.Node);
        Assert.Equal("sha256-1".Length, report.Revision);
        Assert.Null(report.Message);
    }

    [Fact]
    public async Task Prunes_WhatIsNoLongerDesired_AndLeavesForeignFiles()
    {
        await using var server = await InProcessServer.WithSite();
        await using var harness = await AgentHarness.Join(server);
        Directory.CreateDirectory(harness.Options.Manifests);
        var foreign = Path.Join(harness.Options.Manifests, "mine.json");
        await File.WriteAllTextAsync(foreign, "mine", TestContext.Current.CancellationToken);
        await harness.StartAgentAndReport();
        await Attach(server, "n6", "big");
        Assert.Equal(["big", "mine.json", "n6"], Definitions(harness));
        await harness.StopAgent();
        var changed = (await server.Put(Documents.Kubernetes("east", ["big"]))).Expect(200);
        await harness.StartAgent();
        await server.WaitForSuccess(changed);
        Assert.Equal(["big", "mine.json"], Definitions(harness));
        Assert.Equal("mine", await File.ReadAllTextAsync(foreign, TestContext.Current.CancellationToken));
        await Attach(server);
        Assert.Equal(["mine.json"], Definitions(harness));
    }

    [Fact]
    public async Task Fails_TheOperation_WhereAForeignFileIsInTheWay()
    {
        await using var server = await InProcessServer.WithSite();
        await Attach(server, "n6");
        await using var harness = await AgentHarness.StartWith(server);
        var path = Directory.GetFiles(harness.Options.Manifests, "*__n6.json").Single();
        await Attach(server);
        await File.WriteAllTextAsync(path, "mine", TestContext.Current.CancellationToken);

        var ended = await server.WaitForEnd((await server.Put(Documents.Kubernetes("east", ["n6"]))).Expect(200));

        Assert.Equal("Failed", (string?)ended["status"]);
        Assert.Contains(Path.GetFileName(path), (string?)ended["error"]!["message"], StringComparison.Ordinal);
        Assert.Equal("mine", await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Reports_ForeignFileOfTheSameName_AndNeverTouchesIt()
    {
        await using var harness = await AgentHarness.Start();
        Directory.CreateDirectory(harness.Options.Manifests);
        await File.WriteAllTextAsync(PathOf(harness, "n6"), "mine", TestContext.Current.CancellationToken);
        harness.Plane.SetDesired("sha256-1", [Nad("n6"), Nad("n3")]);
        await harness.Plane.UntilReported("sha256-1", "Failed");
        Assert.Contains(
            "core__networkattachmentdefinition__n6.json",
            harness.Plane.Reports[^1].Message,
            StringComparison.Ordinal
        );
        Assert.Equal("mine", await File.ReadAllTextAsync(PathOf(harness, "n6"), TestContext.Current.CancellationToken));
        Assert.True(File.Exists(PathOf(harness, "n3")));

        File.Delete(PathOf(harness, "n6"));
        await harness.Plane.UntilReported("sha256-1", "Applied");
        Assert.True(File.Exists(PathOf(harness, "n6")));
    }

    [Fact]
    public async Task Repairs_WhatWasEditedOrDeletedByHand()
    {
        await using var server = await InProcessServer.WithSite();
        await using var harness = await AgentHarness.StartWith(server);
        var edited = Directory.GetFiles(harness.Options.Manifests, "*__n6.json").Single();
        var deleted = Directory.GetFiles(harness.Options.Manifests, "*__big.json").Single();
        var right = await File.ReadAllTextAsync(edited, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(edited, right.ToUpperInvariant(), TestContext.Current.CancellationToken);
        File.Delete(deleted);
        await AgentHarness.Eventually(
            () => File.Exists(deleted) && File.ReadAllText(edited) == right,
            "the folder is mended"
        );
    }

    [Fact]
    public async Task Writes_Nothing_WhenNothingChanged()
    {
        await using var harness = await AgentHarness.Start();
        harness.Plane.SetDesired("sha256-1", [Nad("n6")]);
        await harness.Plane.UntilReported("sha256-1", "Applied");
        var past = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(PathOf(harness, "n6"), past);

        // The same manifest, its members in another order, in a desired state that differs elsewhere.
        var turned = new JsonObject(
            Nad("n6").Reverse().Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone()))
        );
        harness.Plane.SetDesired("sha256-2", [turned, Nad("n3")]);
        await harness.Plane.UntilReported("sha256-2", "Applied");
        await harness.StopAgent();
        await harness.StartAgent();
        await AgentHarness.Eventually(() => harness.Plane.Reports.Count >= 3, "the agent reports after its start");
        Assert.Equal(past, File.GetLastWriteTimeUtc(PathOf(harness, "n6")));
    }

    [Fact]
    public async Task Reconciles_Folder_FromDisk_WhileServerIsGone()
    {
        await using var harness = await AgentHarness.Start();
        harness.Plane.SetDesired("sha256-1", [Nad("n6")]);
        await harness.Plane.UntilReported("sha256-1", "Applied");
        await harness.StopAgent();
        await harness.Plane.GoAway();
        Directory.Delete(harness.Options.Manifests, recursive: true);
        await harness.StartAgent();
        await AgentHarness.Eventually(() => File.Exists(PathOf(harness, "n6")), "the manifest is there again");
    }

    [Fact]
    public async Task Writes_FilesOfItsOwnNodeOnly_WithTheirMode()
    {
        await using var harness = await AgentHarness.Start();
        harness.Plane.SetDesired(
            "sha256-1",
            [],
            [Node("w1", "/etc/netplan/60-weft.yaml", "0600"), Node("w2", "/etc/netplan/60-weft.yaml", "0644")]
        );
        await harness.Plane.UntilReported("sha256-1", "Applied");
        var path = Path.Join(harness.Options.Nodes, "w1", "etc", "netplan", "60-weft.yaml");
        Assert.Equal("network:\n", await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));
        Assert.Equal(OwnerReadsAndWrites, File.GetUnixFileMode(path));
        Assert.False(Directory.Exists(Path.Join(harness.Options.Nodes, "w2")));

        File.SetUnixFileMode(path, OwnerReadsAndWrites | UnixFileMode.OtherRead);
        await AgentHarness.Eventually(() => File.GetUnixFileMode(path) == OwnerReadsAndWrites, "the mode is mended");
        harness.Plane.SetDesired("sha256-2", [], []);
        await harness.Plane.UntilReported("sha256-2", "Applied");
        Assert.False(File.Exists(path));
    }

    [Theory]
    [InlineData("w1", "/../../etc/passwd", "0600")]
    [InlineData("w1", "etc/passwd", "0600")]
    [InlineData("w1", "/etc//passwd", "0600")]
    [InlineData("w1", "/etc/./passwd", "0600")]
    [InlineData("..", "/etc/passwd", "0600")]
    [InlineData("w1", "/etc/passwd", "4755")]
    [InlineData("w1", "/etc/passwd", "rw")]
    public async Task Refuses_NodeFile_OutsideOfItsFolder(string node, string path, string mode)
    {
        await using var harness = await AgentHarness.Start();
        harness.Options = harness.Options with { Node = null };
        harness.Plane.SetDesired("sha256-good", [Nad("n6")]);
        await harness.Plane.UntilReported("sha256-good", "Applied");
        harness.Plane.SetDesired("sha256-bad", [], [Node(node, path, mode)]);
        await harness.Plane.UntilReported("sha256-bad", "Failed");

        // A desired state is taken whole or not at all: what was true stays.
        Assert.True(File.Exists(PathOf(harness, "n6")));
        Assert.False(Directory.Exists(harness.Options.Nodes));
    }

    [Fact]
    public async Task Refuses_NodeFile_BehindALink()
    {
        await using var harness = await AgentHarness.Start();
        var elsewhere = Directory.CreateDirectory(Path.Join(harness.Root, "elsewhere")).FullName;
        Directory.CreateDirectory(Path.Join(harness.Options.Nodes, "w1"));
        Directory.CreateSymbolicLink(Path.Join(harness.Options.Nodes, "w1", "etc"), elsewhere);
        harness.Plane.SetDesired("sha256-1", [], [Node("w1", "/etc/passwd", "0600")]);
        await harness.Plane.UntilReported("sha256-1", "Failed");
        Assert.Contains("is a link", harness.Plane.Reports[^1].Message, StringComparison.Ordinal);
        Assert.Empty(Names(elsewhere));
    }

    [Theory]
    [InlineData("""{"kind":"Namespace","metadata":{"name":"../core"}}""")]
    [InlineData("""{"kind":"Namespace","metadata":{"name":".core"}}""")]
    [InlineData("""{"kind":"Namespace","metadata":{}}""")]
    [InlineData("""{"kind":"Name__space","metadata":{"name":"core"}}""")]
    [InlineData("7")]
    public async Task Refuses_Manifest_ThatCanBeNoFile(string manifest)
    {
        await using var harness = await AgentHarness.Start();
        harness.Plane.SetDesired("sha256-1", [Nad("n6"), JsonNode.Parse(manifest)]);
        await harness.Plane.UntilReported("sha256-1", "Failed");
        Assert.Contains("manifests[1]", harness.Plane.Reports[^1].Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(harness.Options.Manifests));
    }

    [Fact]
    public async Task Refuses_TwoObjects_OfOneName()
    {
        await using var harness = await AgentHarness.Start();
        harness.Plane.SetDesired(
            "sha256-1",
            [Object("a/v1", "Network", "n6", "core"), Object("b/v1", "Network", "n6", "core")]
        );
        await harness.Plane.UntilReported("sha256-1", "Failed");
    }

    /// <summary>Attaches these networks to the agent's cluster, and no others, and waits until that is applied.</summary>
    private static async Task Attach(InProcessServer server, params string[] networks) =>
        await server.WaitForSuccess((await server.Put(Documents.Kubernetes("east", networks))).Expect(200));

    /// <summary>The names of the networks' manifests, and of all other files as they are.</summary>
    private static string[] Definitions(AgentHarness harness) =>
        [
            .. Names(harness.Options.Manifests)
                .Select(name => name.Split("__") is [_, "networkattachmentdefinition", var rest] ? rest[..^5] : name)
                .Order(StringComparer.Ordinal),
        ];

    private static JsonObject Nad(string name)
    {
        var nad = Object("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition", name, "core");
        nad["spec"] = new JsonObject { ["config"] = "{\"mtu\":9000}" };
        return nad;
    }

    private static JsonObject Object(string version, string kind, string name, string? space)
    {
        var metadata = new JsonObject { ["name"] = name };
        if (space is not null)
            metadata["namespace"] = space;
        return new JsonObject
        {
            ["kind"] = kind,
            ["apiVersion"] = version,
            ["metadata"] = metadata,
        };
    }

    private static JsonObject Node(string name, string path, string mode) =>
        new()
        {
            ["name"] = name,
            ["files"] = new JsonArray(
                new JsonObject
                {
                    ["path"] = path,
                    ["mode"] = mode,
                    ["content"] = "network:\n",
                }
            ),
        };

    private static string PathOf(AgentHarness harness, string name) =>
        Path.Join(harness.Options.Manifests, $"core__networkattachmentdefinition__{name}.json");

    private static string[] Names(string folder) =>
        [
            .. Directory
                .EnumerateFileSystemEntries(folder)
                .Select(p => Path.GetFileName(p))
                .Order(StringComparer.Ordinal),
        ];
}
