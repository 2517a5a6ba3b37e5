using System.Diagnostics.CodeAnalysis;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Weft.Relay.Protocol;

namespace Weft.Relay.Server.Http;

/// <summary>A request to the relay, read as far as every endpoint needs it.</summary>
/// <param name="TrackingId">Its id in the audit log and in what the caller is told.</param>
/// <param name="Source">Where it came from; never a mapped address.</param>
internal sealed record RelayRequest(
    HttpContext Context,
    string TrackingId,
    IPEndPoint Source,
    RequestPath Path,
    string RawPath,
    RelayQuery Query
)
{
    private const string TokenHeader = "ServiceBusAuthorization";

    /// <summary>The token, and whether it was taken from <c>Authorization</c>, which then isn't passed on.</summary>
    /// <param name="isRequired">Whether a token is required: otherwise <c>Authorization</c> is the application's
    /// own.</param>
    public (string? Text, bool IsFromAuthorization) FindToken(bool isRequired)
    {
        var headers = Context.Request.Headers;
        if (headers.TryGetValue(TokenHeader, out var own))
            return (own.ToString(), false);
        if (Query.Token is { } fromQuery)
            return (fromQuery, false);
        return isRequired && headers.Authorization is { Count: > 0 } authorization
            ? (authorization.ToString(), true)
            : (null, false);
    }

    /// <summary>Reads a request.</summary>
    public static bool TryRead(
        HttpContext context,
        string tracking,
        [NotNullWhen(true)] out RelayRequest? request,
        [NotNullWhen(false)] out string? fault
    )
    {
        request = null;
        // The target as it was sent: what a server decodes and normalises, it decodes and normalises differently from
        // the next one.
        var target = ToOriginForm(context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "");
        var mark = target.IndexOf('?', StringComparison.Ordinal);
        var rawPath = mark < 0 ? target : target[..mark];
        if (
            !RequestPath.TryParse(rawPath, out var path, out fault)
            || !RelayQuery.TryParse(mark < 0 ? "" : target[mark..], out var query, out fault)
        )
            return false;
        request = new(context, tracking, SourceOf(context), path, rawPath, query);
        return true;
    }

    /// <summary>Where a request comes from, an IPv4 address as such also where the socket speaks both.</summary>
    public static IPEndPoint SourceOf(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress ?? IPAddress.None;
        return new(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, context.Connection.RemotePort);
    }

    /// <summary>A target in absolute form (RFC 9112 §3.2.2) without its scheme and authority.</summary>
    private static string ToOriginForm(string target)
    {
        var authority = target.StartsWith('/') ? -1 : target.IndexOf("://", StringComparison.Ordinal);
        if (authority < 0)
            return target;
        var path = target.IndexOfAny(['/', '?'], authority + 3);
        return path < 0 ? "/"
            : target[path] == '/' ? target[path..]
            : "/" + target[path..];
    }
}
