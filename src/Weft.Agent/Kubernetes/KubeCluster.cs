using System.Net;
using System.Text.Json.Nodes;
using Weft.Agent.ControlPlane;
using Weft.Agent.Kubernetes.Webhook;
using Weft.Resources;

namespace Weft.Agent.Kubernetes;

/// <summary>
/// All that an agent has of a cluster's API server: who writes, what is kept true, and where its credential is.
/// </summary>
internal sealed class KubeCluster : IDisposable
{
    private readonly k8s.Kubernetes _client;
    private readonly KubeOptions _options;
    private readonly KubeApi _api;
    private readonly KubeTimings _timings;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;

    private KubeCluster(
        k8s.Kubernetes client,
        KubeOptions options,
        KubeTimings timings,
        TimeProvider clock,
        ILogger log
    )
    {
        (_client, _options, _timings, _clock, _log) = (client, options, timings, clock, log);
        _api = new KubeApi(client, timings, clock);
        IdentitySecret = options.IdentitySecret is { } name ? new IdentitySecret(_api, name) : null;
    }

    /// <summary>Where the credential is kept; null for the state directory alone.</summary>
    public IdentitySecret? IdentitySecret { get; }

    /// <summary>Opens it. Nothing is asked of the API server yet.</summary>
    /// <param name="options">What the command line says of it.</param>
    /// <exception cref="StartupException">It can't be spoken with.</exception>
    public static KubeCluster Open(KubeOptions options, KubeTimings timings, TimeProvider clock, ILogger log) =>
        new(KubeConnection.Open(options), options, timings, clock, log);

    /// <summary>
    /// Runs what a leader does: at once where there is no election, else whenever this replica leads.
    /// </summary>
    /// <returns>Done when stopped, or when the parts have ended by themselves.</returns>
    public async Task RunWhileLeading(Func<CancellationToken, Task> parts, CancellationToken stop)
    {
        if (_options.LeaderElection || _options.IdentitySecret is not null)
            await CreateNamespace(stop);
        if (!_options.LeaderElection)
        {
            await parts(stop);
            return;
        }

        // The election's own requests must not ask whether this replica leads.
        var identity =
            $"{Environment.GetEnvironmentVariable("POD_NAME") ?? Environment.MachineName}_{Guid.NewGuid():N}";
        var election = new LeaderElection(
            new KubeApi(_client, _timings with { RetryTimeout = _timings.RetryPeriod }, _clock),
            identity,
            _timings,
            _clock,
            _log
        );
        _api.MayWrite = () => election.MayWrite;
        await election.Run(parts, stop);
    }

    /// <summary>The cluster's objects as a target.</summary>
    /// <returns>The target; it follows nothing yet.</returns>
    public KubernetesReconciler CreateReconciler() => new(_api, _options.Drift, _timings, _clock, _log);

    /// <summary>The admission webhook, where it is served.</summary>
    /// <param name="reconciler">What knows the cluster's objects and the desired state.</param>
    /// <returns>Its parts, running; none where it isn't served.</returns>
    public IEnumerable<Task> ServeWebhook(KubernetesReconciler reconciler, CancellationToken cancel)
    {
        if (_options.WebhookListen is not { } at)
            yield break;
        var certificate = new ServingCertificate(_options.WebhookCertificate, _options.WebhookKey, _clock, _log);
        var address = IPAddress.TryParse(Environment.GetEnvironmentVariable("POD_IP"), out var own) ? own : null;
        yield return new WebhookServer(at, certificate, reconciler.ReadLintContext, _log).Run(cancel);
        yield return new WebhookRegistration(_api, certificate, address, at.Port, _clock, _log).Run(cancel);
    }

    /// <summary>Tells the control plane who signs the cluster's service account tokens, until cancelled.</summary>
    public Task ReportIssuer(ControlPlaneClient plane, AgentTimings timings, CancellationToken cancel) =>
        new IssuerLoop(_api, plane, timings, _clock, _log).Run(cancel);

    /// <summary>What looks up pods for the control plane.</summary>
    public PodObserver CreatePodObserver() => new(_api);

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    /// <summary>Lease and Secret are in the namespace, so it comes before both.</summary>
    private async Task CreateNamespace(CancellationToken stop)
    {
        var backoff = new Backoff(_timings.InitialBackoff, _timings.MaxBackoff);
        while (true)
        {
            try
            {
                const string Path = $"api/v1/namespaces/{ObjectKind.SystemNamespace}";
                if (await _api.Get(Path, stop) is not null)
                    return;
                await _api.Apply(
                    Path,
                    Json.ToUtf8(
                        new JsonObject
                        {
                            ["apiVersion"] = "v1",
                            ["kind"] = "Namespace",
                            ["metadata"] = new JsonObject { ["name"] = ObjectKind.SystemNamespace },
                        }
                    ),
                    false,
                    stop
                );
                return;
            }
            catch (KubeException e) when (e.IsTransient)
            {
                _log.ApiServerAway(_api.Server.Authority, e.Message);
                await Task.Delay(backoff.NextDelay(e.RetryAfter), _clock, stop);
            }
            catch (KubeException e)
            {
                throw new StartupException(
                    $"{e.Message}; give the agent's service account the roles of deploy/kustomize",
                    e
                );
            }
        }
    }
}
