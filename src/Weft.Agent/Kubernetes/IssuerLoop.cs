using Weft.Agent.ControlPlane;
using Weft.Contracts;

namespace Weft.Agent.Kubernetes;

/// <summary>
/// Tells the control plane who signs the cluster's service account tokens, so that nodes can join by theirs: once
/// enrolled, and when the API server has other keys.
/// </summary>
/// <remarks>Source: Kubernetes, "Configure Service Accounts for Pods", "Service account issuer discovery".</remarks>
internal sealed class IssuerLoop(
    KubeApi api,
    ControlPlaneClient plane,
    AgentTimings timings,
    TimeProvider clock,
    ILogger log
)
{
    private const string Configuration = ".well-known/openid-configuration";
    private const string KeySet = "openid/v1/jwks";

    // Keys are changed by restarting API servers, and the old ones are kept for as long as tokens of theirs are good.
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    private readonly Backoff _backoff = new(timings.InitialBackoff, timings.MaxBackoff);
    private string? _reported;
    private string? _lastError;

    /// <summary>Runs until cancelled.</summary>
    public async Task Run(CancellationToken cancel)
    {
        while (true)
            await Task.Delay(await ReportIfChanged(cancel), clock, cancel);
    }

    private async Task<TimeSpan> ReportIfChanged(CancellationToken cancel)
    {
        if (plane.Identity is null)
            return timings.MinPollInterval;
        try
        {
            if (await Read(cancel) is { } issuer && issuer.ToJson().ToJsonString() is var found && found != _reported)
            {
                await plane.ReportIssuer(issuer, cancel);
                log.IssuerReported(issuer.Issuer);
                _reported = found;
            }

            _lastError = null;
            _backoff.Reset();
            return Interval;
        }
        catch (Exception e) when (e is ControlPlaneException or KubeException)
        {
            // Said once: nodes that are enrolled already need none of this.
            if (_lastError != e.Message)
                log.IssuerUnknown(e);
            _lastError = e.Message;
            return e is ControlPlaneException { IsRefusal: true } or KubeException { IsTransient: false }
                ? Interval
                : _backoff.NextDelay((e as ControlPlaneException)?.RetryAfter);
        }
    }

    private async Task<ServiceAccountIssuer?> Read(CancellationToken cancel)
    {
        var (about, keys) = (await api.Get(Configuration, cancel), await api.Get(KeySet, cancel));
        return about?["issuer"]?.ToString() is { } issuer && keys is not null
            ? new ServiceAccountIssuer(issuer, keys)
            : null;
    }
}
