namespace Weft.Cni;

/// <summary>
/// The numbered errors of the plugin. docs/specs/cni.md holds the same list, and a test compares them.
/// </summary>
/// <remarks>
/// 1 to 99 are the CNI specification's own (section 5), 100 and up are ours, 999 is libcni's number for an internal
/// error.
/// </remarks>
internal enum ErrorCode
{
    /// <summary>The configuration's version isn't supported, or is too low for the command.</summary>
    IncompatibleVersion = 1,

    /// <summary>
    /// The <c>ipam</c> section has a member we don't know: somebody expects something we wouldn't do.
    /// </summary>
    UnsupportedMember = 2,

    /// <summary>A variable is missing or bad, or the command isn't one we serve.</summary>
    InvalidEnvironment = 4,

    /// <summary>Stdin can't be read.</summary>
    UnreadableInput = 5,

    /// <summary>The configuration is no JSON.</summary>
    UndecodableInput = 6,

    /// <summary>The network configuration is JSON, but invalid.</summary>
    InvalidConfiguration = 7,

    /// <summary>The agent or the control plane doesn't answer; the runtime should try again.</summary>
    TryAgainLater = 11,

    /// <summary>STATUS: the agent can't serve ADD now.</summary>
    NotAvailable = 50,

    /// <summary>The address asked for is held by another.</summary>
    AddressHeld = 100,

    /// <summary>The pool has no free address.</summary>
    AddressPoolExhausted = 101,

    /// <summary>The address asked for is reserved or lies outside of the network.</summary>
    AddressNotUsable = 102,

    /// <summary>CHECK: the lease is gone or holds other addresses.</summary>
    LeaseDiffers = 103,

    /// <summary>The node or the cluster holds as many addresses as it may.</summary>
    QuotaExceeded = 104,

    /// <summary>weft-trunk: the upstream plugin isn't there, or gave a result that can't be read.</summary>
    PluginUnavailable = 105,

    /// <summary>Any other refusal; its own code is in the details.</summary>
    Refused = 110,

    /// <summary>An internal error of the plugin.</summary>
    InternalError = 999,
}
