namespace Weft.Cni;

/// <summary>How a result says its addresses; the one thing that changed between the versions.</summary>
internal enum ResultFormat
{
    /// <summary>0.1.0 and 0.2.0: <c>ip4</c> and <c>ip6</c>, each with its own routes.</summary>
    PerFamily,

    /// <summary>0.3.0 to 0.4.0: <c>ips</c>, each with its <c>version</c>.</summary>
    ListWithVersion,

    /// <summary>1.0.0 and later: <c>ips</c>, whose version is seen from the address.</summary>
    List,
}

/// <summary>A version of the CNI specification that the plugin serves.</summary>
/// <param name="SupportsCheck">CHECK came with 0.4.0.</param>
/// <param name="SupportsStatus">STATUS and GC came with 1.1.0.</param>
internal sealed record CniVersion(
    string Text,
    ResultFormat Format,
    bool SupportsCheck = false,
    bool SupportsStatus = false
)
{
    /// <summary>All that are served, the oldest first. docs/specs/cni.md, "Versions".</summary>
    internal static readonly CniVersion[] Supported =
    [
        new("0.1.0", ResultFormat.PerFamily),
        new("0.2.0", ResultFormat.PerFamily),
        new("0.3.0", ResultFormat.ListWithVersion),
        new("0.3.1", ResultFormat.ListWithVersion),
        new("0.4.0", ResultFormat.ListWithVersion, SupportsCheck: true),
        new("1.0.0", ResultFormat.List, SupportsCheck: true),
        new("1.1.0", ResultFormat.List, SupportsCheck: true, SupportsStatus: true),
    ];

    /// <summary>What we speak where nobody told us what to speak.</summary>
    internal static CniVersion Newest => Supported[^1];

    /// <summary>Finds a version.</summary>
    /// <param name="text">The configuration's <c>cniVersion</c>; null and empty mean 0.1.0, which didn't have the
    /// member yet.</param>
    /// <returns>The version, or null where it isn't served.</returns>
    internal static CniVersion? Find(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return Supported[0];
        foreach (var version in Supported)
        {
            if (version.Text == text)
                return version;
        }

        return null;
    }

    /// <summary>Whether a command exists in this version.</summary>
    /// <returns>False for CHECK, STATUS and GC in versions that came before them.</returns>
    internal bool Supports(Command command) =>
        command switch
        {
            Command.Check => SupportsCheck,
            Command.Status or Command.CollectGarbage => SupportsStatus,
            _ => true,
        };
}
