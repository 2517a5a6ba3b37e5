using System.Net.Sockets;

namespace Weft.Relay.Frames;

/// <summary>
/// A session: joins a sender with a listener, frame by frame, each way on its own. A Close goes through at once and ends its way alone; a
/// connection that ends without one takes the other with it, without one. Spec: docs/specs/relay-data-path.md.
/// </summary>
internal sealed class FrameRelay
{
    private readonly FrameRelayOptions _options;
    private readonly TimeProvider _time;
    private readonly Direction _up;
    private readonly Direction _down;
    private readonly Lock _ending = new();
    private ITimer? _deadline;
    private EndReason? _reason;
    private Hop? _culprit;
    private ushort? _code;
    private string _text = "";
    private int _upReads;
    private int _downReads;
    private TimeSpan _halfClosedFor;

    /// <summary>Makes a session; <see cref="Run"/> runs it.</summary>
    public FrameRelay(Hop sender, Hop listener, FrameRelayOptions options, TimeProvider time)
    {
        (_options, _time) = (options, time);
        _up = new Direction(sender, listener);
        _down = new Direction(listener, sender);
    }

    /// <summary>Payload bytes from the sender to the listener, so far.</summary>
    public long BytesUp => _up.Payload;

    /// <summary>Payload bytes from the listener to the sender, so far.</summary>
    public long BytesDown => _down.Payload;

    /// <summary>Runs the session to its end, at which both connections are closed. Once only.</summary>
    /// <returns>How it ended; it doesn't throw.</returns>
    public async Task<SessionEnd> Run()
    {
        using (_time.CreateTimer(static s => ((FrameRelay)s!).Tick(), this, _options.PingInterval, _options.PingInterval))
        {
            await Task.WhenAll(Follow(_up, _down), Follow(_down, _up)).ConfigureAwait(false);
        }

        _deadline?.Dispose();
        _up.From.Dispose();
        _down.From.Dispose();
        return new SessionEnd(_reason!.Value, _culprit, _code, _text, BytesUp, BytesDown);
    }

    /// <summary>Ends the session from outside: both peers are told if they are not in the middle of a frame for longer than <see cref="FrameRelayOptions.CutTimeout"/>, and cut off in any case.</summary>
    /// <param name="code">The code they are closed with: 1008 for who may no longer, 1001 for a relay that goes.</param>
    public void Cut(CloseCode code, string reason)
    {
        if (!TryEnd(EndReason.Cut, null, (ushort)code, reason, _options.CutTimeout))
            return;
        Forget(_up.From.Close(code, reason));
        Forget(_down.From.Close(code, reason));
    }

    private async Task Follow(Direction way, Direction back)
    {
        try
        {
            switch (await way.Pump().ConfigureAwait(false))
            {
                case DirectionEnd.Closed:
                    Closed(way, back);
                    await way.Drain().ConfigureAwait(false);
                    // Who ends its connection before the other side has closed can't be told what that side still says.
                    Gone(way, "the connection ended after a Close, before the other side had closed");
                    break;
                case DirectionEnd.Gone:
                    Gone(way, "the connection ended without a Close");
                    break;
                case DirectionEnd.Fault:
                    Failed(way);
                    await way.Drain().ConfigureAwait(false);
                    break;
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The exception doesn't say whose connection broke; whether the receiver was being written to does.
            if (TryEnd(EndReason.Gone, way.IsWriting ? way.To : way.From, null, e.Message, TimeSpan.Zero))
                way.To.Abort();
            way.From.Abort();
        }
    }

    private void Closed(Direction way, Direction back)
    {
        lock (_ending)
        {
            _code ??= way.CloseCode;
            if (!back.IsClosed)
                return;
        }

        // The server ends the connection first (RFC 6455, section 7.1.1), and waits for the peer to do so too: an earlier end could
        // overtake the Close.
        if (!TryEnd(EndReason.Closed, null, _code, "", _options.CloseTimeout))
            return;
        Forget(way.From.Shutdown());
        Forget(way.To.Shutdown());
    }

    private void Gone(Direction way, string text)
    {
        if (!TryEnd(EndReason.Gone, way.From, null, text, _options.CutTimeout))
            return;
        way.From.Abort();
        // What was passed on still arrives, but no Close: this is no clean end.
        Forget(way.To.Shutdown());
    }

    private void Failed(Direction way)
    {
        var fault = way.Fault!;
        if (!TryEnd(EndReason.ProtocolError, way.From, (ushort)fault.Code, fault.Reason, _options.CloseTimeout))
            return;
        way.To.Abort();
        Forget(way.From.Close(fault.Code, fault.Reason));
    }

    /// <summary>The first reason holds; whatever happens later is its consequence. At the deadline nobody is waited for any longer.</summary>
    private bool TryEnd(EndReason reason, Hop? culprit, ushort? code, string text, TimeSpan patience)
    {
        lock (_ending)
        {
            if (_reason is not null)
                return false;
            (_reason, _culprit, _code, _text) = (reason, culprit, code, text);
            _deadline = _time.CreateTimer(static s => ((FrameRelay)s!).AbortBoth(), this, patience, Timeout.InfiniteTimeSpan);
            return true;
        }
    }

    private void AbortBoth()
    {
        _up.From.Abort();
        _down.From.Abort();
    }

    private void Tick()
    {
        if (_reason is not null)
            return;
        var (up, down) = (_up.Reads, _down.Reads);
        if (!_up.IsClosed && !_down.IsClosed)
        {
            Watch(_up, up == _upReads);
            Watch(_down, down == _downReads);
        }
        else
        {
            WatchHalf(_up.IsClosed ? down == _downReads && !_down.IsWriting : up == _upReads && !_up.IsWriting);
        }

        (_upReads, _downReads) = (up, down);
    }

    private void Watch(Direction way, bool isSilent)
    {
        if (way.IsWriting)
            way.From.MarkAlive();
        else if (way.From.PingsUnanswered >= 2)
            Silent(way.From);
        else if (isSilent)
            Forget(way.From.Ping());
    }

    private void Silent(Hop hop)
    {
        if (TryEnd(EndReason.Silent, hop, null, "two pings were not answered", TimeSpan.Zero))
            AbortBoth();
    }

    private void WatchHalf(bool isIdle)
    {
        _halfClosedFor = isIdle ? _halfClosedFor + _options.PingInterval : TimeSpan.Zero;
        if (_halfClosedFor >= _options.HalfClosedTimeout && TryEnd(EndReason.HalfClosedIdle, null, null, "one side had closed, and the other was idle", TimeSpan.Zero))
            AbortBoth();
    }

    /// <summary>What is written to end a connection may fail as that connection does; its reads say so.</summary>
    private static void Forget(ValueTask work)
    {
        if (!work.IsCompletedSuccessfully)
            _ = work.AsTask().ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
    }
}
