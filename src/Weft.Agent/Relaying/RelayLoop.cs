using System.Security.Cryptography.X509Certificates;
using Weft.Agent.ControlPlane;
using Weft.Relay.Clients;
using Weft.Relay.Wire;

namespace Weft.Agent.Relaying;

/// <summary>
/// Waits at the relays that weftd names for people who want to reach this cluster or node. It dials out only; what they reach is said by the
/// agent's own options.
/// </summary>
internal sealed class RelayLoop(ControlPlaneClient plane, RelayOptions options, Pace pace, TimeProvider clock, Log log) : IAsyncDisposable
{
    private readonly Dictionary<HybridConnectionAddress, HybridConnectionListener> _listeners = [];
    private readonly X509Certificate2Collection? _roots = options.CertificateAuthorityFile is { } file ? Transport.Roots(file) : null;
    private readonly Backoff _backoff = new(pace.FirstRetry, pace.LastRetry);

    /// <summary>Runs until cancelled. Sessions that are open then go on until <see cref="DisposeAsync"/> has waited for them.</summary>
    public async Task Run(CancellationToken cancel)
    {
        while (true)
        {
            var wait = pace.Relay;
            try
            {
                if (plane.Identity is null)
                    wait = pace.BetweenPolls;
                else
                    await Follow(RelayConnection.Read(await plane.Relay(cancel)), cancel);
                _backoff.Reset();
            }
            catch (ControlPlaneException e) when (!cancel.IsCancellationRequested)
            {
                // The main loop says what is wrong with the control plane; one of an older version has no relay and is asked seldom. Listeners
                // stay: the relay may be well while the control plane isn't.
                wait = e.Status is 404 or 400 ? pace.LastRetryOfRefused : _backoff.Next(e.RetryAfter);
            }

            await Task.Delay(wait, clock, cancel);
        }
    }

    /// <summary>Takes no more senders, and waits for those that are there, for as long as the options say.</summary>
    public async ValueTask DisposeAsync()
    {
        var serving = _listeners.Values.Sum(listener => listener.Serving);
        if (serving > 0)
            log.Note("relay-drains", ("sessions", serving), ("seconds", (int)options.Drain.TotalSeconds));
        await Task.WhenAll(_listeners.Values.Select(listener => End(listener)));
        _listeners.Clear();
    }

    private async Task Follow(IReadOnlyCollection<RelayConnection> wanted, CancellationToken cancel)
    {
        foreach (var (address, listener) in _listeners.Where(l => wanted.All(w => w.Address != l.Key)).ToList())
        {
            _listeners.Remove(address);
            log.Note("relay-left", ("connection", address));
            // Not waited for: sessions may go on for as long as they are let, and others must not wait for that.
            _ = End(listener);
        }

        foreach (var connection in wanted.Where(w => !_listeners.ContainsKey(w.Address)))
        {
            var listener = new HybridConnectionListener(connection.Address, stop => Token(connection.Address, stop), new ListenerOptions
            {
                OnSender = options.Targets.ServeAsync,
                OnEvent = happened => Tell(connection.Address, happened),
                Client = new RelayClientOptions { TrustedRoots = _roots, UserAgent = $"weft-agent/{AgentOptions.Version}", Clock = clock },
            });
            _listeners.Add(connection.Address, listener);
            _ = listener.RunAsync(CancellationToken.None);
        }

        cancel.ThrowIfCancellationRequested();
    }

    /// <summary>A token is asked for whenever one is shown: what is kept somewhere can be old, or taken away.</summary>
    private async ValueTask<RelayToken> Token(HybridConnectionAddress address, CancellationToken cancel) =>
        RelayConnection.Read(await plane.Relay(cancel)).FirstOrDefault(c => c.Address == address)?.Token
        ?? throw new ControlPlaneException($"the control plane knows no connection {address} any more");

    private async Task End(HybridConnectionListener listener)
    {
        await listener.DrainAsync(options.Drain);
        await listener.DisposeAsync();
    }

    private void Tell(HybridConnectionAddress address, ListenerEvent happened)
    {
        switch (happened.Kind)
        {
            case ListenerEventKind.Connected:
                log.Note("relay-listens", ("connection", address), ("services", string.Join(',', options.Targets.Targets.Select(t => t.Name))));
                break;
            case ListenerEventKind.Disconnected when happened.NextAttempt is { } wait:
                log.Warn("relay-lost", null, ("connection", address), ("status", happened.Status == 0 ? null : happened.Status), ("reason", happened.Reason), ("again-in-seconds", Math.Round(wait.TotalSeconds, 1)));
                break;
            case ListenerEventKind.TokenNotRenewed or ListenerEventKind.MessageRefused:
                log.Warn("relay-trouble", null, ("connection", address), ("reason", happened.Reason));
                break;
            case ListenerEventKind.SenderAccepted:
                log.Note("relay-session", ("service", happened.Suffix), ("from", happened.RemoteEndpoint), ("id", happened.Id));
                break;
            case ListenerEventKind.SenderRejected:
                log.Warn("relay-rejected", null, ("service", happened.Suffix), ("from", happened.RemoteEndpoint), ("id", happened.Id), ("status", happened.Status == 0 ? null : happened.Status), ("reason", happened.Reason));
                break;
            case ListenerEventKind.SenderEnded:
                log.Note("relay-session-ended", ("service", happened.Suffix), ("id", happened.Id), ("in", happened.BytesIn), ("out", happened.BytesOut),
                    ("seconds", Math.Round(happened.Duration.TotalSeconds, 1)), ("reason", happened.Reason));
                break;
        }
    }
}
