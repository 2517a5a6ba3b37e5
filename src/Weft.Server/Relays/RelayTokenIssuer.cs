using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Contracts;
using Weft.Relay.Protocol;
using Weft.Relay.Server;

namespace Weft.Server.Relays;

/// <summary>
/// Where the relay is as the world reaches it. It is known once the relay listens; before, and where there is none, it
/// is null.
/// </summary>
internal sealed class RelayRuntime
{
    private volatile RelayHosts? _hosts;
    private volatile HybridConnectionServer? _relay;

    /// <summary>Such as <c>wss://relay.example:7434</c>.</summary>
    public Uri? Address => _hosts?.PublicAddress;

    /// <summary>All names by which it is reached.</summary>
    public RelayHosts? Hosts => _hosts;

    /// <summary>The relay itself.</summary>
    public HybridConnectionServer? Relay => _relay;

    /// <summary>The relay listens.</summary>
    public void Set(RelayHosts hosts, HybridConnectionServer relay) => (_hosts, _relay) = (hosts, relay);

    /// <summary>How many listeners wait at a connection now.</summary>
    /// <returns>0 where there is no relay.</returns>
    public int ListenerCountOf(string path) => _relay?.ListenerCount(path) ?? 0;

    /// <summary>Why there is nothing to connect to.</summary>
    public static Refusal NotServed =>
        new(RefusalCode.Conflict, "this weftd serves no relay; start it with --relay-listen ADDRESS:PORT");
}

/// <summary>Short-lived tokens for automatic hybrid connections.</summary>
internal sealed class RelayTokenIssuer(RelaySecret secret, RelayRuntime runtime, TimeProvider time)
{
    /// <summary>The shortest life of a token that can be asked for.</summary>
    public static readonly TimeSpan MinLifetime = TimeSpan.FromSeconds(60);

    /// <summary>The longest life, and the standard: Azure Arc's own bound for its credentials.</summary>
    public static readonly TimeSpan MaxLifetime = TimeSpan.FromHours(1);

    /// <summary>The name of the rule whose key gives a right.</summary>
    public static string RuleNameOf(RelayRights rights) => rights == RelayRights.Listen ? "listen" : "send";

    /// <summary>What somebody needs to use a connection: where, which path, and a token for it.</summary>
    /// <param name="rights">What it is to be good for.</param>
    /// <param name="life">How long it is to be good.</param>
    /// <returns>What answers carry, or null where there is no relay.</returns>
    public RelayAccess? Issue(
        TargetConnection connection,
        RelayRights rights,
        TimeSpan life,
        out DateTimeOffset expires
    )
    {
        expires = DateTimeOffset.FromUnixTimeSeconds((time.GetUtcNow() + life).ToUnixTimeSeconds());
        if (runtime.Address is not { } at)
            return null;
        var address = new HybridConnectionAddress(at.Host, at.Port, connection.Path, at.Scheme == Uri.UriSchemeWs);
        var token = SharedAccessSignature.Sign(
            address.Audience,
            RuleNameOf(rights),
            secret.DeriveKey(connection, rights),
            expires
        );
        return new RelayAccess(OriginOf(at), connection.Path, connection.Services, token, expires.ToUnixTimeSeconds());
    }

    /// <summary>Where a connection is.</summary>
    public static JsonObject RenderLocation(TargetConnection connection, Uri? at) =>
        new()
        {
            ["relay"] = at is null ? null : OriginOf(at),
            ["hybridConnectionName"] = connection.Path,
            ["services"] = RenderServices(connection.Services),
        };

    private static string OriginOf(Uri address) => $"{address.Scheme}://{address.Authority}";

    private static JsonArray RenderServices(ImmutableArray<string> services) =>
        new([.. services.Select(service => (JsonNode)service)]);
}
