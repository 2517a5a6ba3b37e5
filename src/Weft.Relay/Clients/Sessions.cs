using Weft.Relay.Wire;

namespace Weft.Relay.Clients;

/// <summary>Those who are being served. They outlive the control channel that announced them.</summary>
internal sealed class Sessions(HybridConnectionAddress address, RelayDialer dialer, ListenerOptions options, CancellationToken end)
{
    private readonly Lock _gate = new();
    private TaskCompletionSource _idle = Finished();
    private int _count;

    /// <summary>How many there are.</summary>
    public int Count => Volatile.Read(ref _count);

    private TimeProvider Clock => options.Client.Clock;

    /// <summary>Serves a sender.</summary>
    public void Serve(AcceptMessage message) => Start(isRoom => Accept(message, isRoom));

    /// <summary>Serves a request.</summary>
    /// <param name="body">Its body where it came with it.</param>
    public void Serve(RequestMessage message, byte[]? body, ControlChannel channel) => Start(isRoom => Answer(message, body, channel, isRoom));

    /// <summary>Waits until there is nobody.</summary>
    /// <param name="time">How long at most.</param>
    /// <returns>When there is nobody, or the time is up.</returns>
    public Task Idle(TimeSpan time)
    {
        Task idle;
        lock (_gate)
            idle = _idle.Task;
        return WaitFor(idle, time);
    }

    private async Task WaitFor(Task idle, TimeSpan time) => await idle.WaitAsync(time, Clock, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private void Start(Func<bool, Task> serve)
    {
        bool isRoom;
        lock (_gate)
        {
            if (_count++ == 0)
                _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
            isRoom = _count <= options.MaxConcurrent;
        }

        // Not on the reader of the control channel, whatever the handler does before it first waits.
        _ = Task.Run(() => Counted(serve, isRoom), CancellationToken.None);
    }

    private async Task Counted(Func<bool, Task> serve, bool isRoom)
    {
        try
        {
            await serve(isRoom).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                if (--_count == 0)
                    _idle.SetResult();
            }
        }
    }

    private async Task Accept(AcceptMessage message, bool isRoom)
    {
        var start = Clock.GetTimestamp();
        if (!TryPlace(message.Address, out var suffix, out var query))
        {
            options.OnEvent?.Invoke(new(ListenerEventKind.MessageRefused) { Id = message.Id, Reason = "The relay announced a sender of another hybrid connection." });
            return;
        }

        var sender = new IncomingSender(message, dialer, suffix, query, end);
        using var cut = end.UnsafeRegister(_ => sender.Stream?.Abort(), null);
        string? fault = null;
        try
        {
            await (isRoom ? Handle(sender) : sender.RejectAsync(503, "The listener is busy", end)).ConfigureAwait(false);
            if (!sender.IsDecided)
                await sender.RejectAsync(500, "The listener failed", end).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            fault = e.Message;
            await Apologise(sender).ConfigureAwait(false);
        }

        var duration = Clock.GetElapsedTime(start);
        var happened = new ListenerEvent(sender.Stream is null ? ListenerEventKind.SenderRejected : ListenerEventKind.SenderEnded)
        {
            Id = message.Id,
            Suffix = suffix,
            RemoteEndpoint = message.RemoteEndpoint,
            Reason = fault ?? sender.Rejection?.Phrase,
            Status = sender.Rejection?.Status ?? 0,
            BytesIn = sender.Stream?.BytesRead ?? 0,
            BytesOut = sender.Stream?.BytesWritten ?? 0,
            Duration = duration,
        };
        if (sender.Stream is { } stream)
            await stream.DisposeAsync().ConfigureAwait(false);
        options.OnEvent?.Invoke(happened);
    }

    private async Task Handle(IncomingSender sender)
    {
        sender.OnAccepted = () => options.OnEvent?.Invoke(new(ListenerEventKind.SenderAccepted) { Id = sender.Id, Suffix = sender.Suffix, RemoteEndpoint = sender.RemoteEndpoint });
        if (options.OnSender is { } serve)
            await serve(sender, end).ConfigureAwait(false);
        else
            await sender.RejectAsync(501, "The listener takes HTTP requests only", end).ConfigureAwait(false);
    }

    private async Task Apologise(IncomingSender sender)
    {
        if (sender.IsDecided)
            return;
        try
        {
            await sender.RejectAsync(500, "The listener failed", end).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The relay tells the sender when its time is up.
        }
    }

    private async Task Answer(RequestMessage message, byte[]? body, ControlChannel channel, bool isRoom)
    {
        var start = Clock.GetTimestamp();
        var happened = new ListenerEvent(ListenerEventKind.RequestEnded) { Id = message.Id, RemoteEndpoint = message.RemoteEndpoint, BytesIn = body?.Length ?? 0 };
        try
        {
            var answer = !isRoom ? Status(503, "The listener is busy") : options.OnRequest ?? Status(501, "The listener takes WebSockets only");
            await using var exchange = new RequestExchange(message, channel, dialer, answer, Clock);
            var (status, sent, fault) = await exchange.Run(body, end).ConfigureAwait(false);
            happened = happened with { Status = status, BytesOut = sent, Reason = fault?.Message };
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            happened = happened with { Reason = e.Message };
        }

        options.OnEvent?.Invoke(happened with { Duration = Clock.GetElapsedTime(start) });
    }

    private static Func<IncomingRequest, CancellationToken, Task<OutgoingResponse>> Status(int status, string phrase) => (_, _) => Task.FromResult(new OutgoingResponse(status) { Description = phrase });

    /// <summary>What the sender asked for is in the address where it is to be met: its path behind ours, and its query.</summary>
    private bool TryPlace(string rendezvous, out string suffix, out string query)
    {
        (suffix, query) = ("", "");
        if (!Uri.TryCreate(rendezvous, UriKind.Absolute, out var uri) || !RequestPath.TryParse(uri.AbsolutePath, out var path, out _))
            return false;
        query = RelayQuery.WithoutOwn(uri.Query);
        if (path.Path == address.Path)
            return true;
        if (!path.Path.StartsWith(address.Path + "/", StringComparison.Ordinal))
            return false;
        suffix = path.Path[(address.Path.Length + 1)..];
        return true;
    }

    private static TaskCompletionSource Finished()
    {
        var finished = new TaskCompletionSource();
        finished.SetResult();
        return finished;
    }
}
