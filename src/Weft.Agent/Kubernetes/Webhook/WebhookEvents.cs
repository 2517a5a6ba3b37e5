using System.Net;

namespace Weft.Agent.Kubernetes.Webhook;

/// <summary>The events of the admission webhook.</summary>
internal static partial class WebhookEvents
{
    [LoggerMessage(2351, LogLevel.Information, "")]
    public static partial void WebhookListening(this ILogger log, IPEndPoint at);

    [LoggerMessage(2352, LogLevel.Information, "")]
    public static partial void WebhookTrusted(this ILogger log, string configuration);

    [LoggerMessage(2353, LogLevel.Warning, "")]
    public static partial void WebhookNotRegistered(this ILogger log, string error);

    [LoggerMessage(2354, LogLevel.Information, "")]
    public static partial void CertificateRead(this ILogger log, string? file, string until);

    [LoggerMessage(2355, LogLevel.Warning, "")]
    public static partial void CertificateNotRead(this ILogger log, Exception error, string? file);
}
