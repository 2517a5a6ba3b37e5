using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Contracts;

/// <summary>
/// The body of <c>PUT issuer</c>: who signs the service account tokens of a cluster, and by which public keys they are
/// known. The cluster's agent reads both from the API server (Kubernetes, "Service account issuer discovery").
/// </summary>
/// <param name="Issuer">The tokens' <c>iss</c>.</param>
/// <param name="Keys">A JSON Web Key Set, RFC 7517.</param>
internal sealed record ServiceAccountIssuer(string Issuer, JsonObject Keys)
{
    /// <summary>The audience of the tokens by which nodes join.</summary>
    public const string Audience = "weft";

    /// <summary>
    /// The namespace of the service account whose tokens let a node join. It is not the cluster's agent's: that one needs
    /// no privilege, and whoever may make pods beside it must not get any.
    /// </summary>
    public const string ServiceAccountNamespace = "weft-node-system";

    /// <summary>The service account of the nodes' agents (deploy/kustomize).</summary>
    public const string ServiceAccountName = "weft-agent-node";

    /// <summary>The longest issuer, in characters. OpenID Connect names none; a URL is far shorter.</summary>
    public const int MaxIssuerLength = 512;

    /// <summary>The most keys: API servers have one, and two while they change it.</summary>
    public const int MaxKeys = 16;

    /// <summary>The longest key set, in bytes.</summary>
    public const int MaxKeysLength = 64 * 1024;

    // RFC 7518, section 6: what a private key has and a public one hasn't; "k" is a shared secret.
    private static readonly string[] PrivateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

    /// <summary>The body as the agent sends it, and as weftd keeps it.</summary>
    public JsonObject ToJson() => new() { ["issuer"] = Issuer, ["jwks"] = Keys.DeepClone() };

    /// <summary>Reads the body; every mistake is said at once.</summary>
    public static Outcome<ServiceAccountIssuer> Read(JsonObject body)
    {
        var findings = new List<Refusal>();
        var issuer = body["issuer"] is JsonValue text && text.TryGetValue<string>(out var given) ? given : "";
        if (issuer.Length is 0 or > MaxIssuerLength)
            findings.Add(Invalid("issuer", $"it must be a text of 1 to {MaxIssuerLength} characters"));
        var keys = body["jwks"] as JsonObject;
        if (keys?["keys"] is not JsonArray { Count: > 0 and <= MaxKeys } list)
            findings.Add(Invalid("jwks", $"it must be a JSON Web Key Set of 1 to {MaxKeys} keys"));
        else if (Json.ToUtf8(keys).Length > MaxKeysLength)
            findings.Add(Invalid("jwks", $"it must have {MaxKeysLength} bytes at most"));
        else
            findings.AddRange(list.Index().Select(key => FaultOf(key.Index, key.Item)).OfType<Refusal>());
        return findings.Count > 0 ? Refusal.Combine(findings, "issuer") : new ServiceAccountIssuer(issuer, keys!);
    }

    private static Refusal? FaultOf(int at, JsonNode? key)
    {
        var member = $"jwks.keys[{at}]";
        if (key is not JsonObject map || map["kty"]?.ToString() is not ("RSA" or "EC"))
            return Invalid(member, "it must be a public key of the type RSA or EC");
        return PrivateMembers.FirstOrDefault(map.ContainsKey) is { } secret
            ? Invalid(member, $"it has '{secret}', which only a private key has, and which is nobody's business here")
            : null;
    }

    private static Refusal Invalid(string member, string why) =>
        new(RefusalCode.InvalidMember, $"'{member}': {why}", member);
}
