namespace Weft.Cni;

/// <summary>How a result says its addresses; the one thing that changed between the versions.</summary>
internal enum ResultForm
{
    /// <summary>0.1.0 and 0.2.0: <c>ip4</c> and <c>ip6</c>, each with its own routes.</summary>
    PerFamily,

    /// <summary>0.3.0 to 0.4.0: <c>ips</c>, each with its <c>version</c>.</summary>
    ListWithVersion,

    /// <summary>1.0.0 and later: <c>ips</c>, whose version is seen from the address.</summary>
    List,
}

/// <summary>A version of the CNI specification that the plugin serves.</summary>
/// <param name="KnowsCheck">CHECK came with 0.4.0.</param>
/// <param name="KnowsStatus">STATUS and GC came with 1.1.0.</param>
internal sealed record CniVersion(string Text, ResultForm Form, bool KnowsCheck = false, bool KnowsStatus = false)
{
    /// <summary>All that are served, the oldest first. docs/specs/cni.md, "Versions".</summary>
    internal static readonly CniVersion[] Supported =
    [
        new("0.1.0", ResultForm.PerFamily),
        new("0.2.0", ResultForm.PerFamily),
        new("0.3.0", ResultForm.ListWithVersion),
        new("0.3.1", ResultForm.ListWithVersion),
        new("0.4.0", ResultForm.ListWithVersion, KnowsCheck: true),
        new("1.0.0", ResultForm.List, KnowsCheck: true),
        new("1.1.0", ResultForm.List, KnowsCheck: true, KnowsStatus: true),
    ];

    /// <summary>What we speak where nobody told us what to speak.</summary>
    internal static CniVersion Newest => Supported[^1];

    /// <summary>Finds a version.</summary>
    /// <param name="text">The configuration's <c>cniVersion</c>; null and empty mean 0.1.0, which didn't have the member yet.</param>
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

    /// <summary>Whether a verb exists in this version.</summary>
    /// <returns>False for CHECK, STATUS and GC in versions that came before them.</returns>
    internal bool Knows(Verb verb) => verb switch
    {
        Verb.Check => KnowsCheck,
        Verb.Status or Verb.CollectGarbage => KnowsStatus,
        _ => true,
    };
}
