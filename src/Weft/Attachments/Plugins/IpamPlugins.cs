namespace Weft.Attachments.Plugins;

/// <summary>The names of IPAM plugins.</summary>
internal static class IpamPlugins
{
    /// <summary>Weft's own: an address of the network's pool.</summary>
    public const string WeftIpam = "weft-ipam";

    /// <summary>Upstream's: the addresses that the definition or the pod names.</summary>
    public const string Static = "static";

    /// <summary>Upstream's: a file on each node.</summary>
    public const string HostLocal = "host-local";

    /// <summary>Upstream's: asks the network's DHCP server.</summary>
    public const string Dhcp = "dhcp";

    /// <summary>Whereabouts: a pool of one cluster, in its API server.</summary>
    public const string Whereabouts = "whereabouts";
}
