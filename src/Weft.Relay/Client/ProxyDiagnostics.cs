using System.Net;

namespace Weft.Relay.Client;

/// <summary>
/// Describes errors of a proxy that stands in the way, and what to do about them. Those of the HTTP stack name the
/// proxy by its whole URL, and with it the password that <c>HTTPS_PROXY</c> may hold.
/// </summary>
internal static class ProxyDiagnostics
{
    /// <summary>Describes what a proxy has to do with a request that got no answer.</summary>
    /// <param name="proxy">The proxy; null for what the environment says.</param>
    /// <returns>A sentence without a password; null where no proxy is to blame.</returns>
    public static string? Describe(HttpRequestException error, Uri address, IWebProxy? proxy = null)
    {
        proxy ??= HttpClient.DefaultProxy;
        if (proxy.IsBypassed(address) || proxy.GetProxy(address) is not { } way)
            return null;
        return FindRemedy(error, address, way, HasCredentials(proxy, way)) is { } remedy
            ? $"{remedy}, or name {address.Host} in NO_PROXY if there is a way without it."
            : null;
    }

    private static string? FindRemedy(HttpRequestException error, Uri address, Uri way, bool hasCredentials)
    {
        var status = error.StatusCode is { } code ? $" ({(int)code})" : "";
        return error.HttpRequestError switch
        {
            HttpRequestError.ProxyTunnelError
                when error.StatusCode is HttpStatusCode.ProxyAuthenticationRequired && hasCredentials =>
                $"The proxy {way.Authority} doesn't take the name and password that it was shown for {address.Authority} "
                    + "(407): mend them in HTTPS_PROXY",
            HttpRequestError.ProxyTunnelError when error.StatusCode is HttpStatusCode.ProxyAuthenticationRequired =>
                $"The proxy {way.Authority} asks for a name and a password for {address.Authority} (407): "
                    + $"write HTTPS_PROXY=http://NAME:PASSWORD@{way.Authority}",
            HttpRequestError.ProxyTunnelError =>
                $"The proxy {way.Authority} won't connect to {address.Authority}{status}: "
                    + "have it allow CONNECT to there and look whether it gets there itself",
            HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError =>
                $"There is no connection to the proxy {way.Authority}, by which {address.Authority} is to be reached: "
                    + "mend HTTPS_PROXY",
            _ => null,
        };
    }

    /// <summary>
    /// Describes why a request got no answer, by the proxy of the environment if there is one: what that has to do with
    /// it, or else the words of the error beneath.
    /// </summary>
    /// <returns>A text without a password.</returns>
    public static string DescribeFailure(Exception error, Uri address)
    {
        return (error is HttpRequestException failed ? Describe(failed, address) : null)
            ?? error.InnerException?.Message
            ?? error.Message;
    }

    private static bool HasCredentials(IWebProxy proxy, Uri way) =>
        way.UserInfo.Length > 0 || proxy.Credentials?.GetCredential(way, "Basic") is { UserName.Length: > 0 };
}
