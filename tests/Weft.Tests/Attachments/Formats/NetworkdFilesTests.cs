using System.Text;
using Weft.Addressing;
using Weft.Attachments.Formats;
using Weft.Attachments.Nodes;

namespace Weft.Tests.Attachments.Formats;

/// <summary>
/// systemd-networkd itself, in a network and mount namespace of its own, where our files are the only ones and a pair
/// of veths is the hardware. There is no udev, so /sys is read-only for it, which is its sign not to wait for one.
/// </summary>
public sealed class NetworkdFilesTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("weft-networkd");

    public void Dispose() => _root.Delete(true);

    [Fact]
    public void Accepts_EveryLineOfEveryFile()
    {
        // One run for all: every file is loaded under a name of its own, and none matches an interface.
        var files = NodeCases
            .All.SelectMany(pair =>
                Files(pair.Value)
                    .Select(file => (Name: $"{pair.Key}-{Path.GetFileName(file.Path)}", file.Content, file.Path))
            )
            .Where(file => !file.Name.EndsWith(".link", StringComparison.Ordinal))
            .ToList();
        var own = NodeCases
            .All.Where(pair => pair.Key.StartsWith("bond-", StringComparison.Ordinal))
            .Select(pair => pair.Key)
            .ToList();
        foreach (var (name, content, path) in files)
        {
            if (path.EndsWith(".conf", StringComparison.Ordinal))
                WriteFile($"{name.Split("-60-weft")[0]}-bond0.network.d/60-weft.conf", content);
            else
                WriteFile(name, content);
        }

        foreach (var name in own)
            WriteFile($"{name}-bond0.network", "[Match]\nName=bond0\n");
        WriteFile("99-wrong.network", "[Match]\nName=nothing\n\n[Network]\nConfigureWithoutCarier=yes\n");
        var log = Networkd("ip link set lo up", "sleep 1");
        // What it says of a file begins with the file's path.
        var complaints = log.Split('\n')
            .Where(line => line.StartsWith("/run/systemd/network/", StringComparison.Ordinal))
            .ToList();
        // The control: a misspelt key is said, so the silence about the others means something.
        Assert.Contains("ConfigureWithoutCarier", Assert.Single(complaints), StringComparison.Ordinal);
        foreach (var device in NodeCases.All.Values.SelectMany(node => node.Links).Where(link => link.Vlan is not null))
            Assert.Contains($"{device.Name}: loaded \"vlan\"\n", log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bond-l3")]
    [InlineData("bond-trunk-node")]
    public void Adds_SubInterfaces_ToAPortOfTheNodesOwn(string name)
    {
        foreach (var file in Files(NodeCases.All[name]))
            WriteFile(Path.GetRelativePath("/etc/systemd/network", file.Path), file.Content);
        WriteFile(
            "bond0.network",
            "[Match]\nName=bond0\n\n[Network]\nDHCP=no\nLinkLocalAddressing=no\nAddress=192.0.2.7/24\n"
        );
        var log = Networkd(
            "ip link add bond0 type veth peer name p-bond0; ip link set bond0 mtu 9000; ip link set p-bond0 up",
            WaitFor("ip -4 addr show dev bond0 | grep -q 192.0.2.7"),
            "ip -o addr > $OUT/addresses"
        );
        Assert.Contains("bond0    inet 192.0.2.7/24", LinkState("addresses"), StringComparison.Ordinal);
        // A kernel without 802.1Q refuses what networkd asks of it then; that it asks is what the drop-in is for.
        foreach (var link in NodeCases.All[name].Links.Where(link => link.Vlan is not null))
            Assert.Contains($"bond0: Requested stacked netdev '{link.Name}'\n", log, StringComparison.Ordinal);
    }

    [Fact]
    public void Configures_WhatIsRendered_AndNothingMore()
    {
        foreach (var file in Files(Configuration()))
            WriteFile(Path.GetFileName(file.Path), file.Content);
        // Somebody's file for everything there is: what is pods' must stay as it is in spite of it.
        WriteFile(
            "99-all.network",
            "[Match]\nName=*\n\n[Network]\nDHCP=no\nLinkLocalAddressing=no\nAddress=192.0.2.1/24\n"
        );
        var log = Networkd(
            "for l in n6 ha eth9 ens1f0v3 other; do ip link add $l type veth peer name p-$l; done; "
                + "ip link set p-n6 up; ip link set p-n6 mtu 9000",
            WaitFor("ip -6 route show | grep -q fd30 && ip -4 addr show dev other | grep -q 192.0.2.1"),
            "ip -o link > $OUT/links",
            "ip -o addr > $OUT/addresses",
            "ip route > $OUT/routes",
            "ip -6 route show dev n6 > $OUT/routes6",
            "cat /proc/sys/net/ipv6/conf/n6/accept_ra > $OUT/ra"
        );
        var (links, addresses) = (LinkState("links"), LinkState("addresses"));
        Assert.Matches(@"n6@\S+: \S*UP\S* mtu 9000 ", links);
        // A parent is up without a carrier and has its MTU, so that pods can stand on it.
        Assert.Matches(@"ha@\S+: <[^>]*\bUP\b[^>]*> mtu 1400 ", links);
        Assert.Contains("n6    inet 10.20.6.4/24", addresses, StringComparison.Ordinal);
        Assert.Contains("n6    inet6 fd20:0:0:606::4/64", addresses, StringComparison.Ordinal);
        Assert.Contains("n6    inet6 fe80::", addresses, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"(?m)^\d+: ha\s+inet", addresses);
        HasTheRoutesAlone();
        // The control: the file for everything has its way with an interface that is nobody's.
        Assert.Contains("other    inet 192.0.2.1/24", addresses, StringComparison.Ordinal);
        foreach (var device in new[] { "eth9", "ens1f0v3" })
        {
            Assert.DoesNotMatch($@"(?m)^\d+: {device}\s+inet", addresses);
            Assert.Matches($@"{device}@\S+: <BROADCAST,MULTICAST> ", links);
        }

        Assert.Contains("eth9: State changed: initialized -> unmanaged", log, StringComparison.Ordinal);
    }

    private void HasTheRoutesAlone()
    {
        var (routes, routes6) = (LinkState("routes"), LinkState("routes6"));
        Assert.Contains("10.30.0.0/16 via 10.20.6.1 dev n6 proto static metric 300", routes, StringComparison.Ordinal);
        Assert.Contains("fd30::/48 via fd20:0:0:606::1", routes6, StringComparison.Ordinal);
        Assert.DoesNotContain("default", routes + routes6, StringComparison.Ordinal);
        Assert.Equal("0", LinkState("ra").Trim());
    }

    /// <summary>A link with addresses and routes, a parent with neither, and two interfaces that are pods'.</summary>
    private static NodeConfiguration Configuration()
    {
        var port = new Uplink("n6", null, 9000, "x");
        var link = new NodeLink(
            "n6",
            port,
            null,
            9000,
            [(NodeCases.Of("10.20.6.4"), 24), (NodeCases.Of("fd20:0:0:606::4"), 64)],
            [
                new NodeRoute(Prefix.Parse("10.30.0.0/16").Value, NodeCases.Of("10.20.6.1"), 300),
                new NodeRoute(Prefix.Parse("fd30::/48").Value, NodeCases.Of("fd20:0:0:606::1")),
            ],
            "n6"
        );
        var quiet = new NodeLink("ha", new Uplink("ha", null, 9000, "x"), null, 1400, [], [], "parent");
        return NodeCases.Node([link, quiet]) with
        {
            Devices = [new PassthroughDevice("eth9", null, null, "/x/n", 1500, FunctionDriver.Kernel)],
            PhysicalFunctions =
            [
                new PhysicalFunction(
                    "ens1f0",
                    null,
                    null,
                    9000,
                    [new VirtualFunction(0, "/x/n", 1, false, true, 1500, FunctionDriver.Kernel)]
                ),
            ],
        };
    }

    private static IEnumerable<NodeFile> Files(NodeConfiguration configuration) =>
        NodeFormats
            .Render(NodeFormat.Networkd, configuration)
            .Value.Where(file => file.Path.StartsWith("/etc/systemd/", StringComparison.Ordinal));

    private void WriteFile(string name, string content)
    {
        var path = Path.Combine(_root.FullName, "network", name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, (UnixFileMode)0x1A4);
            foreach (
                var folder in new[]
                {
                    _root.FullName,
                    Path.Combine(_root.FullName, "network"),
                    Path.GetDirectoryName(path)!,
                }
            )
                File.SetUnixFileMode(folder, (UnixFileMode)0x1ED);
        }
    }

    private string LinkState(string name) => File.ReadAllText(Path.Combine(_root.FullName, name));

    /// <summary>A shell's statement that waits up to ten seconds until a command succeeds.</summary>
    private static string WaitFor(string command) => $"for i in $(seq 20); do {command} && break; sleep 0.5; done";

    /// <summary>
    /// Runs networkd on the kept files between what is done before it starts and what is done then, and ends it.
    /// </summary>
    private string Networkd(string before, params ReadOnlySpan<string> then)
    {
        ExternalTool.RequireRoot();
        ExternalTool.Require("systemd-networkd", "unshare", "ip", "mount");
        var script = new StringBuilder("set -e\nmount --make-rprivate /\n")
            .Append(before)
            .Append('\n')
            .Append("mount -t sysfs -o ro sysfs /sys\nmount -t tmpfs tmpfs /run\nmkdir -p /run/systemd/network\n")
            .Append(
                "for d in /etc/systemd/network /usr/lib/systemd/network /usr/local/lib/systemd/network; do\n"
                    + "if [ -d $d ]; then mount -t tmpfs tmpfs $d; fi; done\n"
            )
            .Append($"export OUT={_root.FullName}\ncp -r $OUT/network/. /run/systemd/network/\n")
            .Append(
                $"SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TARGET=console {ExternalTool.PathOf("systemd-networkd")} "
                    + ">$OUT/log 2>&1 </dev/null & pid=$!\n"
            )
            .Append(WaitFor("grep -q 'Enumeration completed\\|lo: State changed' $OUT/log"))
            .Append("\nset +e\n")
            .AppendJoin('\n', then.ToArray())
            .Append("\nkill $pid; wait $pid; exit 0\n");
        var (status, output) = ExternalTool.Run("unshare", ["-n", "-m", "sh", "-s"], script.ToString(), []);
        Assert.True(status == 0, output);
        return LinkState("log");
    }
}
