using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Server.Identity;

/// <summary>
/// Checks the token of a service account that a node's agent shows: signed by its cluster, for Weft, not expired, of the
/// agents' own service account, and bound to a pod.
/// </summary>
/// <remarks>
/// Kubernetes, "Managing Service Accounts": projected tokens carry their pod, and from 1.32 on the node of it
/// (<c>kubernetes.io.node.name</c>).
/// </remarks>
internal static class ServiceAccountTokens
{
    /// <summary>The longest token that is looked at, in characters; API servers issue about 1,200.</summary>
    public const int MaxLength = 8 * 1024;

    /// <summary>How far the cluster's clock may be ahead.</summary>
    private static readonly TimeSpan ClockSkew = TimeSpan.FromSeconds(30);

    private static readonly string[] Algorithms =
    [
        SecurityAlgorithms.RsaSha256,
        SecurityAlgorithms.RsaSha384,
        SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.EcdsaSha256,
        SecurityAlgorithms.EcdsaSha384,
        SecurityAlgorithms.EcdsaSha512,
    ];

    /// <summary>
    /// What a stranger is told, who has no token that the cluster has signed: the same whether the cluster is there, whether
    /// its agent has reported who signs, and whatever is wrong with the token.
    /// </summary>
    public static readonly Refusal NotVouchedFor = Refused(
        "no cluster of that id vouches for it; either its agent has not reported yet who signs its tokens, or none of "
            + "those keys has signed this one"
    );

    /// <summary>Checks a token. Only who shows one that the cluster has signed is told what is wrong with it.</summary>
    /// <returns>The pod that it is bound to, with the name of its node where the token has it.</returns>
    public static async Task<Outcome<PodReference>> ReadPod(
        string token,
        ServiceAccountIssuer issuer,
        DateTimeOffset now
    )
    {
        var handler = new JsonWebTokenHandler { MapInboundClaims = false };
        // The handler judges claims before signatures where no key fits, so whose word it is is asked by itself first.
        if (!(await handler.ValidateTokenAsync(token, SignatureParametersFor(issuer))).IsValid)
            return NotVouchedFor;
        var result = await handler.ValidateTokenAsync(token, ParametersFor(issuer, now));
        if (!result.IsValid || result.SecurityToken is not JsonWebToken checkedToken)
            return Refused(ReasonFor(result.Exception));
        var claims = JsonElement
            .Parse(Base64UrlEncoder.DecodeBytes(checkedToken.EncodedPayload))
            .Member("kubernetes.io");
        var account = $"{claims.Text("namespace")}/{claims.Member("serviceaccount").Text("name")}";
        const string Expected =
            $"{ServiceAccountIssuer.ServiceAccountNamespace}/{ServiceAccountIssuer.ServiceAccountName}";
        if (account != Expected)
            return Refused($"it is of the service account {account}, not of {Expected}");
        return
            claims.Member("pod") is var pod
            && pod.Text("name") is { Length: > 0 } name
            && pod.Text("uid") is { Length: > 0 } uid
            ? new PodReference(
                ServiceAccountIssuer.ServiceAccountNamespace,
                name,
                uid,
                claims.Member("node").Text("name")
            )
            : Refused("it is bound to no pod, as the token that a pod is given is");
    }

    /// <summary>Why a token whose pod isn't what it was signed for is good no longer.</summary>
    public static Refusal PodIsGone(PodReference pod) =>
        Refused($"the pod {pod.Namespace}/{pod.Name} that it is bound to isn't there any more, or is on no node yet");

    private static TokenValidationParameters SignatureParametersFor(ServiceAccountIssuer issuer) =>
        new()
        {
            IssuerSigningKeys = new JsonWebKeySet(issuer.Keys.ToJsonString()).GetSigningKeys(),
            ValidAlgorithms = Algorithms,
            RequireSignedTokens = true,
            RequireAudience = false,
            RequireExpirationTime = false,
            ValidateAudience = false,
            ValidateIssuer = false,
            ValidateLifetime = false,
        };

    private static TokenValidationParameters ParametersFor(ServiceAccountIssuer issuer, DateTimeOffset now)
    {
        var parameters = SignatureParametersFor(issuer);
        (parameters.ValidateIssuer, parameters.ValidIssuer) = (true, issuer.Issuer);
        (parameters.ValidateAudience, parameters.ValidAudience) = (true, ServiceAccountIssuer.Audience);
        (parameters.RequireAudience, parameters.RequireExpirationTime) = (true, true);
        parameters.ValidateLifetime = true;
        // By weftd's clock, which tests set.
        parameters.LifetimeValidator = (begins, ends, _, _) =>
            ends > now.UtcDateTime && (begins is null || begins <= (now + ClockSkew).UtcDateTime);
        return parameters;
    }

    /// <summary>What is wrong with a token that the cluster has signed.</summary>
    private static string ReasonFor(Exception? fault) =>
        fault switch
        {
            SecurityTokenInvalidAudienceException => $"it isn't for the audience '{ServiceAccountIssuer.Audience}'",
            SecurityTokenInvalidLifetimeException or SecurityTokenExpiredException =>
                "it has expired, or isn't good yet",
            SecurityTokenInvalidIssuerException => "it is of another issuer than the cluster's",
            _ => "it is no token of a service account",
        };

    private static Refusal Refused(string why) =>
        new(RefusalCode.AuthenticationFailed, $"the service account token isn't accepted: {why}");
}
