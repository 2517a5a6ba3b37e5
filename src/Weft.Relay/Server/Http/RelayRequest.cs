using System.Diagnostics.CodeAnalysis;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Weft.Relay.Protocol;

namespace Weft.Relay.Server.Http;

/// <summary>A request to the relay, read as far as every endpoint needs it.</summary>
/// <param name="TrackingId">Its id in the audit log and in what the caller is told.</param>
/// <param name="Source">Where it came from; never a mapped address.</param>
/// <param name="Path">The whole path, with the namespace that its host stands for.</param>
/// <param name="RawPath">The path as it was sent, within its host.</param>
/// <param name="Target">By which name of the relay it came.</param>
internal sealed record RelayRequest(
    HttpContext Context,
    string TrackingId,
    IPEndPoint Source,
    RequestPath Path,
    string RawPath,
    RelayQuery Query,
    RelayTarget Target
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

    /// <summary>
    /// What a listener is told was asked for: the path and query as they were sent, where both came by the same host, and
    /// as the listener's host has them otherwise.
    /// </summary>
    /// <param name="listener">By which name of the relay the listener came.</param>
    public string RequestTargetFor(RelayTarget listener)
    {
        var path =
            listener.Namespace.Length == 0 && Target.Namespace.Length > 0 ? $"/{Target.Namespace}{RawPath}"
            : listener.Namespace.Length > 0 && Target.Namespace.Length == 0 ? RawPathWithoutNamespace()
            : RawPath;
        return path + Query.UserQuery;
    }

    private string RawPathWithoutNamespace() => RawPath.IndexOf('/', 1) is > 0 and var second ? RawPath[second..] : "/";

    /// <summary>Reads a request.</summary>
    /// <param name="hosts">The names of the relay.</param>
    public static bool TryRead(
        HttpContext context,
        string tracking,
        RelayHosts hosts,
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
        var asked = hosts.TargetOf(context.Request.Host.Value ?? "", path.Path);
        request = new(context, tracking, SourceOf(context), path with { Path = asked.Path }, rawPath, query, asked);
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
