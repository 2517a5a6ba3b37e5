using System.Net.Sockets;

namespace Weft.Relay.Frames;

/// <summary>
/// A session: joins a sender with a listener, frame by frame, each way on its own. A Close goes through at once and
/// ends its way alone; a connection that ends without one takes the other with it, without one. Spec:
/// docs/specs/relay-data-path.md.
/// </summary>
internal sealed class FrameRelay
{
    private readonly FrameRelayOptions _options;
    private readonly TimeProvider _time;
    private readonly FramePump _up;
    private readonly FramePump _down;
    private readonly Lock _endLock = new();
    private ITimer? _deadline;
    private EndReason? _reason;
    private SessionPeer? _failedPeer;
    private ushort? _code;
    private string _text = "";
    private int _upReads;
    private int _downReads;
    private TimeSpan _halfClosedFor;

    /// <summary>Makes a session; <see cref="Run"/> runs it.</summary>
    public FrameRelay(SessionPeer sender, SessionPeer listener, FrameRelayOptions options, TimeProvider time)
    {
        (_options, _time) = (options, time);
        _up = new FramePump(sender, listener);
        _down = new FramePump(listener, sender);
    }

    /// <summary>Payload bytes from the sender to the listener, so far.</summary>
    public long BytesUp => _up.PayloadBytes;

    /// <summary>Payload bytes from the listener to the sender, so far.</summary>
    public long BytesDown => _down.PayloadBytes;

    /// <summary>Runs the session to its end, at which both connections are closed. Once only.</summary>
    /// <returns>How it ended; it doesn't throw.</returns>
    public async Task<SessionEnd> Run()
    {
        using (
            _time.CreateTimer(
                static s => ((FrameRelay)s!).OnPingInterval(),
                this,
                _options.PingInterval,
                _options.PingInterval
            )
        )
        {
            await Task.WhenAll(RunPump(_up, _down), RunPump(_down, _up)).ConfigureAwait(false);
        }

        _deadline?.Dispose();
        _up.Source.Dispose();
        _down.Source.Dispose();
        return new SessionEnd(_reason!.Value, _failedPeer, _code, _text, BytesUp, BytesDown);
    }

    /// <summary>
    /// Ends the session from outside: both peers are told if they are not in the middle of a frame for longer than
    /// <see cref="FrameRelayOptions.TerminateTimeout"/>, and cut off in any case.
    /// </summary>
    /// <param name="code">The code they are closed with: 1008 for a peer that is no longer allowed, 1001 for a relay
    /// that shuts down.</param>
    public void Terminate(CloseCode code, string reason)
    {
        if (!TryEnd(EndReason.Cut, null, (ushort)code, reason, _options.TerminateTimeout))
            return;
        ObserveFault(_up.Source.SendClose(code, reason));
        ObserveFault(_down.Source.SendClose(code, reason));
    }

    private async Task RunPump(FramePump pump, FramePump reverse)
    {
        try
        {
            switch (await pump.Run().ConfigureAwait(false))
            {
                case PumpResult.Closed:
                    OnClosed(pump, reverse);
                    await pump.Drain().ConfigureAwait(false);
                    // A peer that ends its connection before the other side has closed can't receive what that side
                    // still sends.
                    OnDisconnected(pump, "the connection ended after a Close, before the other side had closed");
                    break;
                case PumpResult.Disconnected:
                    OnDisconnected(pump, "the connection ended without a Close");
                    break;
                case PumpResult.Fault:
                    OnProtocolError(pump);
                    await pump.Drain().ConfigureAwait(false);
                    break;
            }
        }
        catch (Exception e)
            when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The exception doesn't tell whose connection broke. If the pump was writing, it was the receiver's.
            if (TryEnd(EndReason.Gone, pump.IsWriting ? pump.Destination : pump.Source, null, e.Message, TimeSpan.Zero))
                pump.Destination.Abort();
            pump.Source.Abort();
        }
    }

    private void OnClosed(FramePump pump, FramePump reverse)
    {
        lock (_endLock)
        {
            _code ??= pump.CloseCode;
            if (!reverse.IsClosed)
                return;
        }

        // The server ends the connection first (RFC 6455, section 7.1.1), and waits for the peer to do so too: an
        // earlier end could overtake the Close.
        if (!TryEnd(EndReason.Closed, null, _code, "", _options.CloseTimeout))
            return;
        ObserveFault(pump.Source.Shutdown());
        ObserveFault(pump.Destination.Shutdown());
    }

    private void OnDisconnected(FramePump pump, string text)
    {
        if (!TryEnd(EndReason.Gone, pump.Source, null, text, _options.TerminateTimeout))
            return;
        pump.Source.Abort();
        // What was passed on still arrives, but no Close: this is no clean end.
        ObserveFault(pump.Destination.Shutdown());
    }

    private void OnProtocolError(FramePump pump)
    {
        var fault = pump.Fault!;
        if (!TryEnd(EndReason.ProtocolError, pump.Source, (ushort)fault.Code, fault.Reason, _options.CloseTimeout))
            return;
        pump.Destination.Abort();
        ObserveFault(pump.Source.SendClose(fault.Code, fault.Reason));
    }

    /// <summary>
    /// The first reason stands; whatever happens later is its consequence. At the deadline both connections are
    /// aborted.
    /// </summary>
    private bool TryEnd(EndReason reason, SessionPeer? failedPeer, ushort? code, string text, TimeSpan patience)
    {
        lock (_endLock)
        {
            if (_reason is not null)
                return false;
            (_reason, _failedPeer, _code, _text) = (reason, failedPeer, code, text);
            _deadline = _time.CreateTimer(
                static s => ((FrameRelay)s!).AbortBoth(),
                this,
                patience,
                Timeout.InfiniteTimeSpan
            );
            return true;
        }
    }

    private void AbortBoth()
    {
        _up.Source.Abort();
        _down.Source.Abort();
    }

    private void OnPingInterval()
    {
        if (_reason is not null)
            return;
        var (up, down) = (_up.ReadCount, _down.ReadCount);
        if (!_up.IsClosed && !_down.IsClosed)
        {
            CheckAlive(_up, up == _upReads);
            CheckAlive(_down, down == _downReads);
        }
        else
        {
            CheckHalfClosed(_up.IsClosed ? down == _downReads && !_down.IsWriting : up == _upReads && !_up.IsWriting);
        }

        (_upReads, _downReads) = (up, down);
    }

    private void CheckAlive(FramePump pump, bool isSilent)
    {
        if (pump.IsWriting)
            pump.Source.MarkAlive();
        else if (pump.Source.UnansweredPings >= 2)
            OnSilent(pump.Source);
        else if (isSilent)
            ObserveFault(pump.Source.SendPing());
    }

    private void OnSilent(SessionPeer peer)
    {
        if (TryEnd(EndReason.Silent, peer, null, "two pings were not answered", TimeSpan.Zero))
            AbortBoth();
    }

    private void CheckHalfClosed(bool isIdle)
    {
        _halfClosedFor = isIdle ? _halfClosedFor + _options.PingInterval : TimeSpan.Zero;
        if (
            _halfClosedFor >= _options.HalfClosedTimeout
            && TryEnd(
                EndReason.HalfClosedIdle,
                null,
                null,
                "one side had closed, and the other was idle",
                TimeSpan.Zero
            )
        )
            AbortBoth();
    }

    /// <summary>A write that ends a connection may fail because the connection does; the next read fails then.</summary>
    private static void ObserveFault(ValueTask work)
    {
        if (!work.IsCompletedSuccessfully)
            _ = work.AsTask().ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
    }
}
