using System.Security.Cryptography.X509Certificates;
using Weft.Agent.ControlPlane;
using Weft.Relay.Client;
using Weft.Relay.Protocol;

namespace Weft.Agent.Relay;

/// <summary>
/// Waits at the relays that weftd names for people who want to reach this cluster or node. It dials out only; what they
/// reach is said by the agent's own options.
/// </summary>
internal sealed class RelayLoop(
    ControlPlaneClient plane,
    RelayTargetOptions options,
    AgentTimings timings,
    TimeProvider clock,
    ILogger log
) : IAsyncDisposable
{
    private readonly Dictionary<HybridConnectionAddress, HybridConnectionListener> _listeners = [];
    private readonly X509Certificate2Collection? _roots = options.CertificateAuthorityFile is { } file
        ? Transport.ReadRoots(file)
        : null;
    private readonly Backoff _backoff = new(timings.InitialBackoff, timings.MaxBackoff);

    /// <summary>
    /// Runs until cancelled. Sessions that are open then go on until <see cref="DisposeAsync"/> has waited for them.
    /// </summary>
    public async Task Run(CancellationToken cancel)
    {
        while (true)
        {
            var wait = timings.RelayPollInterval;
            try
            {
                if (plane.Identity is null)
                    wait = timings.MinPollInterval;
                else
                    await SyncListeners(RelayListenTarget.Read(await plane.GetRelays(cancel)), cancel);
                _backoff.Reset();
            }
            catch (ControlPlaneException e) when (!cancel.IsCancellationRequested)
            {
                // The main loop says what is wrong with the control plane; one of an older version has no relay and is
                // asked seldom. Listeners stay: the relay may be well while the control plane isn't.
                wait = e.Status is 404 or 400 ? timings.MaxBackoffAfterRefusal : _backoff.NextDelay(e.RetryAfter);
            }

            await Task.Delay(wait, clock, cancel);
        }
    }

    /// <summary>Takes no more senders, and waits for those that are there, for as long as the options say.</summary>
    public async ValueTask DisposeAsync()
    {
        var serving = _listeners.Values.Sum(listener => listener.ActiveCount);
        if (serving > 0)
            log.RelayDrains(serving, (int)options.Drain.TotalSeconds);
        await Task.WhenAll(_listeners.Values.Select(listener => StopListener(listener)));
        _listeners.Clear();
    }

    private async Task SyncListeners(IReadOnlyCollection<RelayListenTarget> wanted, CancellationToken cancel)
    {
        foreach (var (address, listener) in _listeners.Where(l => wanted.All(w => w.Address != l.Key)).ToList())
        {
            _listeners.Remove(address);
            log.RelayLeft(address);
            // Not waited for: sessions may go on for as long as they are let, and others must not wait for that.
            _ = StopListener(listener);
        }

        foreach (var connection in wanted.Where(w => !_listeners.ContainsKey(w.Address)))
        {
            var listener = new HybridConnectionListener(
                connection.Address,
                stop => FetchToken(connection.Address, stop),
                new ListenerOptions
                {
                    OnSender = options.Targets.ServeAsync,
                    OnEvent = e => LogEvent(connection.Address, e),
                    Client = new RelayClientOptions
                    {
                        TrustedRoots = _roots,
                        UserAgent = $"weft-agent/{AgentOptions.Version}",
                        Clock = clock,
                    },
                }
            );
            _listeners.Add(connection.Address, listener);
            _ = listener.RunAsync(CancellationToken.None);
        }

        cancel.ThrowIfCancellationRequested();
    }

    /// <summary>A token is asked for whenever one is shown: what is kept somewhere can be old, or taken away.</summary>
    private async ValueTask<RelayToken> FetchToken(HybridConnectionAddress address, CancellationToken cancel) =>
        RelayListenTarget.Read(await plane.GetRelays(cancel)).FirstOrDefault(c => c.Address == address)?.Token
        ?? throw new ControlPlaneException($"the control plane knows no connection {address} any more");

    private async Task StopListener(HybridConnectionListener listener)
    {
        await listener.DrainAsync(options.Drain);
        await listener.DisposeAsync();
    }

    private void LogEvent(HybridConnectionAddress address, ListenerEvent e)
    {
        int? status = e.Status == 0 ? null : e.Status;
        switch (e.Kind)
        {
            case ListenerEventKind.Connected:
                log.RelayListens(address, string.Join(',', options.Targets.Targets.Select(t => t.Name)));
                break;
            case ListenerEventKind.Disconnected when e.NextAttempt is { } wait:
                log.RelayLost(address, status, e.Reason, Math.Round(wait.TotalSeconds, 1));
                break;
            case ListenerEventKind.TokenNotRenewed or ListenerEventKind.MessageRefused:
                log.RelayTrouble(address, e.Reason);
                break;
            case ListenerEventKind.SenderAccepted:
                log.RelaySession(e.Suffix, e.RemoteEndpoint, e.Id);
                break;
            case ListenerEventKind.SenderRejected:
                log.RelayRejected(e.Suffix, e.RemoteEndpoint, e.Id, status, e.Reason);
                break;
            case ListenerEventKind.SenderEnded:
                var seconds = Math.Round(e.Duration.TotalSeconds, 1);
                log.RelaySessionEnded(e.Suffix, e.Id, e.BytesIn, e.BytesOut, seconds, e.Reason);
                break;
        }
    }
}
