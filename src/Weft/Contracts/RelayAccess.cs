using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Contracts;

/// <summary>Where a hybrid connection is, and a token that is good for it for a while.</summary>
/// <param name="Relay">The relay as the world reaches it: <c>wss://relay.example:7434</c>.</param>
/// <param name="ExpiresOn">The token's end, in seconds since 1970.</param>
internal sealed record RelayAccess(
    string Relay,
    string HybridConnectionName,
    ImmutableArray<string> Services,
    string Token,
    long ExpiresOn
)
{
    /// <summary>An element of <c>connections</c>, and the heart of what <c>listCredentials</c> answers.</summary>
    public JsonObject ToJson() =>
        new()
        {
            ["relay"] = Relay,
            ["hybridConnectionName"] = HybridConnectionName,
            ["services"] = new JsonArray([.. Services.Select(service => (JsonNode)service)]),
            ["token"] = Token,
            ["expiresOn"] = ExpiresOn,
        };

    /// <summary>Reads an element of <c>connections</c>.</summary>
    /// <returns>The access; null where it lacks its token or the token's end.</returns>
    public static RelayAccess? Read(JsonElement body) =>
        body.Text("token") is { Length: > 0 } token && body.Integer("expiresOn") is { } expires
            ? new RelayAccess(
                body.Text("relay") ?? "",
                body.Text("hybridConnectionName") ?? "",
                [.. body.Texts("services")],
                token,
                expires
            )
            : null;

    /// <summary>Hides the token: a record prints its members.</summary>
    public override string ToString() => $"{Relay}/{HybridConnectionName}";
}

/// <summary>The answer to <c>GET relay</c>.</summary>
/// <param name="Connections">Where to listen; none where weftd serves no relay, or the node isn't declared.</param>
internal sealed record RelayConnections(ImmutableArray<RelayAccess?> Connections)
{
    /// <summary>The body as weftd answers it.</summary>
    public JsonObject ToJson() =>
        new() { ["connections"] = new JsonArray([.. Connections.Select(access => (JsonNode?)access?.ToJson())]) };

    /// <summary>Reads the body.</summary>
    /// <returns>The connections; null in place of each that lacks something.</returns>
    public static RelayConnections Read(JsonElement body) =>
        new([.. body.Elements("connections").Select(RelayAccess.Read)]);
}
