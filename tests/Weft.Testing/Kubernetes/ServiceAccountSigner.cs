using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Contracts;

namespace Weft.Testing.Kubernetes;

/// <summary>Signs tokens of service accounts as an API server does, and publishes its key.</summary>
internal sealed class ServiceAccountSigner(string issuer = "https://kubernetes.default.svc.cluster.local") : IDisposable
{
    private readonly RSA _key = RSA.Create(2048);
    private readonly string _keyId = Guid.NewGuid().ToString("N");

    /// <summary>What the API server answers to <c>/.well-known/openid-configuration</c>.</summary>
    public JsonObject Configuration =>
        new()
        {
            ["issuer"] = issuer,
            ["jwks_uri"] = $"{issuer}/openid/v1/jwks",
            ["response_types_supported"] = new JsonArray("id_token"),
        };

    /// <summary>What it answers to <c>/openid/v1/jwks</c>.</summary>
    public JsonObject Keys
    {
        get
        {
            var key = _key.ExportParameters(includePrivateParameters: false);
            return new JsonObject
            {
                ["keys"] = new JsonArray(
                    new JsonObject
                    {
                        ["use"] = "sig",
                        ["kty"] = "RSA",
                        ["kid"] = _keyId,
                        ["alg"] = "RS256",
                        ["n"] = Base64Url.EncodeToString(key.Modulus),
                        ["e"] = Base64Url.EncodeToString(key.Exponent),
                    }
                ),
            };
        }
    }

    /// <summary>What the cluster's agent reports of it.</summary>
    public ServiceAccountIssuer Issuer => new(issuer, Keys);

    /// <summary>The token of a pod on a node.</summary>
    /// <param name="edit">Changes the payload before it is signed.</param>
    public string TokenFor(string? node, DateTimeOffset now, Action<JsonObject>? edit = null)
    {
        var bound = new JsonObject
        {
            ["namespace"] = ServiceAccountIssuer.ServiceAccountNamespace,
            ["serviceaccount"] = new JsonObject { ["name"] = ServiceAccountIssuer.ServiceAccountName, ["uid"] = "1" },
            ["pod"] = new JsonObject { ["name"] = "weft-agent-node-x7k2p", ["uid"] = "2" },
        };
        if (node is not null)
            bound["node"] = new JsonObject { ["name"] = node, ["uid"] = "3" };
        var payload = new JsonObject
        {
            ["aud"] = new JsonArray(ServiceAccountIssuer.Audience),
            ["iss"] = issuer,
            ["iat"] = now.ToUnixTimeSeconds(),
            ["nbf"] = now.ToUnixTimeSeconds(),
            ["exp"] = now.AddHours(1).ToUnixTimeSeconds(),
            ["sub"] = "system:serviceaccount:weft-node-system:weft-agent-node",
            ["kubernetes.io"] = bound,
        };
        edit?.Invoke(payload);
        return Sign(
            new JsonObject
            {
                ["alg"] = "RS256",
                ["kid"] = _keyId,
                ["typ"] = "JWT",
            },
            payload
        );
    }

    /// <summary>A token with any head, signed all the same.</summary>
    public string Sign(JsonObject head, JsonObject payload)
    {
        var text = $"{Encode(head)}.{Encode(payload)}";
        var signature = _key.SignData(
            Encoding.ASCII.GetBytes(text),
            HashAlgorithmName.SHA256,
            RSASignaturePadding.Pkcs1
        );
        return $"{text}.{Base64Url.EncodeToString(signature)}";
    }

    public void Dispose() => _key.Dispose();

    private static string Encode(JsonObject part) =>
        Base64Url.EncodeToString(Encoding.UTF8.GetBytes(part.ToJsonString()));
}
