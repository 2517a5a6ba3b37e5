using Weft.Agent.Linux;

namespace Weft.Agent.Nodes;

/// <summary>
/// Who has charge of a node's interfaces besides the kernel: netplan, networkd, or nobody, and then the agent has.
/// </summary>
internal static class NetworkService
{
    /// <summary>Files in <c>/etc/netplan</c>, <c>netplan apply</c>.</summary>
    public const string Netplan = "netplan";

    /// <summary>Files in <c>/etc/systemd/network</c>, <c>networkctl reload</c>.</summary>
    public const string Networkd = "networkd";

    /// <summary>The agent itself, by netlink.</summary>
    public const string Netlink = "netlink";

    /// <summary>Nobody: only functions, drivers and guards are the agent's.</summary>
    public const string None = "none";

    /// <summary>Whichever the node has.</summary>
    public const string Auto = "auto";

    /// <summary>What <c>--node-network</c> may be.</summary>
    public static readonly string[] All = [Auto, Netplan, Networkd, Netlink, None];

    // The kernel keeps 15 bytes of "systemd-networkd".
    private const string Process = "systemd-network";

    /// <summary>Finds out who has charge of a node.</summary>
    /// <returns>One of <see cref="Netplan"/>, <see cref="Networkd"/>, <see cref="Netlink"/>,
    /// <see cref="None"/>.</returns>
    public static string Resolve(string wanted, Sysfs sysfs)
    {
        if (wanted != Auto)
            return wanted;
        // It counts where it runs in this network namespace; a container that doesn't see it has no say in its files
        // either.
        var here = sysfs.ReadLinkName("/proc/thread-self/ns/net");
        var runs = sysfs
            .Names("/proc")
            .Any(process =>
                process.All(char.IsAsciiDigit)
                && sysfs.Read($"/proc/{process}/comm") == Process
                && sysfs.ReadLinkName($"/proc/{process}/ns/net") == here
            );
        return !runs ? Netlink
            : sysfs.Exists("/etc/netplan") && NodePrograms.Find("netplan") is not null ? Netplan
            : Networkd;
    }

    /// <summary>Has a service read its files.</summary>
    /// <exception cref="IOException">It refused them.</exception>
    public static void Reload(string service)
    {
        if (service == Netplan)
        {
            NodePrograms.RunOrThrow("netplan", ["generate"]);
            NodePrograms.RunOrThrow("netplan", ["apply"]);
            return;
        }

        // Names and MTUs in .link files are udev's business, and only where the node has it.
        if (NodePrograms.Find("udevadm") is not null)
        {
            _ = NodePrograms.Run("udevadm", ["control", "--reload"]);
            _ = NodePrograms.Run("udevadm", ["trigger", "--action=add", "--subsystem-match=net", "--settle"]);
        }

        NodePrograms.RunOrThrow("networkctl", ["reload"]);
    }
}
