using System.Diagnostics;
using Weft.Addressing;
using Weft.Agent.Linux;
using Weft.Agent.Verification;
using Weft.Attachments.Verification;
using AddressFamily = Weft.Addressing.AddressFamily;

namespace Weft.Tests.Agent.Verification;

/// <summary>
/// A node and a gateway in namespaces of their own, on one switch: the real kernel, and nothing of this machine's.
/// </summary>
internal sealed class TestSegment : IDisposable
{
    private static int _count;

    private readonly List<string> _namespaces = [];
    private readonly string _name = $"lint{Environment.ProcessId % 10000}x{Interlocked.Increment(ref _count)}";

    private TestSegment() { }

    public static ProbeTimings FastTimings { get; } =
        new()
        {
            NeighbourAttempts = 2,
            NeighbourTimeout = TimeSpan.FromSeconds(0.3),
            EchoAttempts = 2,
            EchoTimeout = TimeSpan.FromSeconds(0.2),
        };

    public string Node => Path("node");

    /// <summary>
    /// A node with <c>n6</c> and a gateway with <c>gw</c>, both on a bridge of a third namespace; both silent for
    /// themselves.
    /// </summary>
    public static TestSegment Create(bool withGateway = true)
    {
        Assert.SkipUnless(
            Environment.IsPrivilegedProcess && File.Exists("/usr/sbin/ip"),
            "only root with iproute2 may make network namespaces"
        );
        var segment = new TestSegment();
        foreach (var name in (string[])["switch", "node", "gw"])
            segment.Add(name);
        segment.In("switch", "link add br0 type bridge mcast_snooping 0");
        segment.In("switch", "link set br0 up");
        segment.Plug("node", "n6");
        segment.Plug("gw", "gw");
        segment.Addresses("node", "n6", "10.20.6.17/24", "fd00:6::17/64");
        if (withGateway)
            segment.Addresses("gw", "gw", "10.20.6.1/24", "fd00:6::1/64");
        return segment;
    }

    public string Path(string name) => $"/run/netns/{_name}{name}";

    public void Add(string name)
    {
        Run("ip", $"netns add {_name}{name}");
        _namespaces.Add(_name + name);
        // Quiet by itself: what comes in was sent by somebody who was asked to.
        Run(
            "ip",
            $"netns exec {_name}{name} sh -c \"cd /proc/sys/net/ipv6/conf/default; "
                + "echo 1 > addr_gen_mode; echo 0 > router_solicitations; echo 0 > accept_dad\""
        );
        In(name, "link set lo up");
    }

    /// <summary>Plugs an interface of a namespace into the switch.</summary>
    public void Plug(string name, string link)
    {
        In("switch", $"link add p-{link} type veth peer name {link} netns {_name}{name}");
        In("switch", $"link set p-{link} master br0 up");
        In(name, $"link set {link} up");
    }

    public void Addresses(string name, string link, params string[] addresses)
    {
        foreach (var address in addresses)
            In(
                name,
                $"addr add {address} dev {link}{(address.Contains(':', StringComparison.Ordinal) ? " nodad" : "")}"
            );
    }

    public void In(string name, string command) => Run("ip", $"-n {_name}{name} {command}");

    public void Nft(string name, string rules) => Run("ip", $"netns exec {_name}{name} nft {rules}");

    public Task<InterfaceReport> Probe(InterfaceExpectation expectation, string name = "node") =>
        NetworkNamespace.Run(Path(name), () => new InterfaceProbe(expectation, FastTimings).Run());

    /// <summary>What <c>n6</c> of the node must be like.</summary>
    public static InterfaceExpectation Plan =>
        new(
            "",
            "n6",
            null,
            1500,
            [(Parse("10.20.6.17"), 24), (Parse("fd00:6::17"), 64)],
            [Parse("10.20.6.1"), Parse("fd00:6::1")]
        );

    public static Address Parse(string text) => Address.Parse(text).Value;

    /// <summary>Answers ARP for addresses on VLANs with tagged frames, as a gateway behind a trunk port does.</summary>
    public Task AnswerArp(
        string name,
        string link,
        IReadOnlyDictionary<int, Address> gateways,
        CancellationToken stop
    ) =>
        NetworkNamespace.Run(
            Path(name),
            () =>
            {
                var own = LinkState.ReadAll()[link];
                using var socket = PacketSocket.Open(own.Index);
                while (!stop.IsCancellationRequested)
                {
                    _ = socket.Receive(
                        TimeSpan.FromSeconds(0.1),
                        (frame, tag) =>
                        {
                            var bytes = frame.Span;
                            if (
                                tag is not { } vlan
                                || bytes[12] != 8
                                || bytes[13] != 6
                                || !gateways.TryGetValue(vlan, out var gateway)
                                || System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes[38..])
                                    != (uint)gateway.Value
                            )
                                return null;
                            // A gratuitous announcement of the address, on the tag it was asked for on.
                            _ = socket.Send(
                                Frames.ArpRequest([.. own.Mac], gateway, new Address(AddressFamily.IPv4, 0), vlan)
                            );
                            return (object?)null;
                        }
                    );
                }

                return true;
            }
        );

    public void Dispose()
    {
        foreach (var name in _namespaces)
            Run("ip", $"netns del {name}");
    }

    public static void Run(string program, string arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true }
        )!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {arguments}: {error.Result} {output}");
    }
}
