using System.Collections.Immutable;

namespace Weft.Relay.Protocol;

/// <summary>A hybrid connection: where listeners wait and senders ask.</summary>
/// <param name="Path">Its path, for example <c>site-a/core-east</c>: no slash at either end.</param>
/// <param name="RequiresClientAuthorization">Whether a sender must show a token. Default of Azure Relay: true.</param>
/// <param name="UserMetadata">What its owner wrote to it; empty for nothing.</param>
/// <param name="Rules">The authorization rules that are good for it: its own and those of what it stands in.</param>
internal sealed record HybridConnectionDescription(
    string Path,
    bool RequiresClientAuthorization,
    string UserMetadata,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt,
    ImmutableArray<AuthorizationRule> Rules
);

/// <summary>Who may do what, by knowing a key.</summary>
/// <param name="Name">The rule's name: <c>skn</c> of a token. At most 256 characters.</param>
/// <param name="PrimaryKey">One key: its UTF-8 bytes are the HMAC key. At most 256 characters.</param>
/// <param name="SecondaryKey">The other, so that keys can be changed one after the other; null for none.</param>
internal sealed record AuthorizationRule(string Name, RelayRights Rights, string PrimaryKey, string? SecondaryKey)
{
    /// <summary>Hides the keys: a record prints its members, and logs print records.</summary>
    public override string ToString() => $"{Name} ({Rights})";
}

/// <summary>The rights of an authorization rule. <see cref="Manage"/> implies both others.</summary>
[Flags]
internal enum RelayRights
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>To listen.</summary>
    Listen = 1,

    /// <summary>To send.</summary>
    Send = 2,

    /// <summary>Everything.</summary>
    Manage = 7,
}
