using System.Diagnostics;
using System.Text.Json.Nodes;
using Weft.Tests.Attachments.Formats;

namespace Weft.Tests.Cni;

/// <summary>
/// Debian's macvlan, which asks the program for addresses, in namespaces of its own: whether a pod waits for IPv6's
/// duplicate address detection.
/// </summary>
public sealed class DuplicateAddressDetectionTests : IDisposable
{
    private const string Macvlan = "/usr/lib/cni/macvlan";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("weft-dad");
    private readonly string _node = $"weft-n-{Guid.NewGuid().ToString("n")[..8]}";
    private readonly List<string> _pods = [];

    [Fact]
    public void Starts_APodASecondSooner_WhereNobodyElseIsLeasedItsAddress()
    {
        Assert.SkipUnless(Environment.UserName == "root", "needs root: it makes interfaces");
        Assert.SkipUnless(File.Exists(Macvlan), "containernetworking-plugins isn't installed");
        Ip("netns", "add", _node);
        Ip("-n", _node, "link", "add", "n6", "mtu", "9000", "type", "veth", "peer", "name", "far", "mtu", "9000");
        Ip("-n", _node, "link", "set", "n6", "up");
        Ip("-n", _node, "link", "set", "far", "up");
        File.CreateSymbolicLink(Path.Combine(_folder.FullName, "weft-ipam"), Path.GetFullPath(IpamProgram.Location));

        var (sooner, address) = Add(Configurations.Lease);
        Assert.DoesNotContain("tentative", address, StringComparison.Ordinal);
        // Another address, or the detection would find the first pod's.
        var (later, tested) = Add(
            Configurations
                .Lease.Replace("fd20:6::11", "fd20:6::12", StringComparison.Ordinal)
                .Replace("\"routes\":[]", "\"routes\":[],\"duplicateAddressDetection\":true", StringComparison.Ordinal)
        );
        Assert.DoesNotContain("tentative", tested, StringComparison.Ordinal);
        // The detection takes a second and some random time before it (RFC 4862, section 5.4.2); all else is alike.
        Assert.InRange(later - sooner, TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(60));
        TestContext.Current.SendDiagnosticMessage("ADD took {0}, and {1} with the detection", sooner, later);
    }

    [Theory]
    [InlineData("ADD", Configurations.Lease, true)]
    [InlineData(
        "ADD",
        """{"lease":{"addresses":[{"address":"10.20.6.17/24","gateway":"10.20.6.1"}],"routes":[]}}""",
        false
    )]
    [InlineData(
        "ADD",
        """{"lease":{"addresses":[{"address":"fd20:6::11/64"}],"routes":[],"duplicateAddressDetection":true}}""",
        false
    )]
    [InlineData("ADD", """{"error":{"code":"AddressHeld","message":"held"}}""", false)]
    [InlineData("DEL", "{}", false)]
    public void Tells_ThePodsInterfaceAlone(string command, string answer, bool isTold)
    {
        var host = FakeHost.RunPlugin(command, Configurations.Of(), answer);
        (string, string, string)[] expected = [("/var/run/netns/blue", "/proc/sys/net/ipv6/conf/net1/accept_dad", "0")];
        Assert.Equal(isTold ? expected : [], host.Written);
        Assert.Equal("", host.Logged);
    }

    [Fact]
    public void Gives_AddressesAllTheSame_WhereNothingCanBeWritten()
    {
        var host = new FakeHost(Configurations.Environment("ADD"), Configurations.Of(), Configurations.Lease)
        {
            WhyUnwritable = "Read-only file system",
        };
        Assert.Equal(0, Weft.Cni.Program.Run(host));
        Assert.Contains("Read-only file system", host.Logged, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        foreach (var space in _pods.Append(_node).Where(space => File.Exists($"/run/netns/{space}")))
            ExternalTool.Run("ip", ["netns", "delete", space], "", []);
        _folder.Delete(recursive: true);
    }

    /// <summary>Gives a new pod an interface.</summary>
    /// <returns>How long that took, and what the kernel says of its addresses.</returns>
    private (TimeSpan Took, string Addresses) Add(string lease)
    {
        var pod = $"weft-p-{Guid.NewGuid().ToString("n")[..8]}";
        _pods.Add(pod);
        Ip("netns", "add", pod);
        using var agent = new StubAgent(lease + "\n");
        var watch = Stopwatch.StartNew();
        var (status, output) = ExternalTool.Run(
            "ip",
            ["netns", "exec", _node, Macvlan],
            Configurations.Of("1.0.0", agent.Path),
            [
                .. Configurations.Environment("ADD").Select(v => (v.Key, v.Value)),
                ("CNI_NETNS", $"/run/netns/{pod}"),
                ("CNI_PATH", _folder.FullName),
            ]
        );
        watch.Stop();
        Assert.True(status == 0, output);
        Assert.Equal(2, JsonNode.Parse(output)!["ips"]!.AsArray().Count);
        return (watch.Elapsed, Ip("-n", pod, "address", "show", "net1"));
    }

    private static string Ip(params string[] arguments) => ExternalTool.RunChecked("ip", arguments);
}
