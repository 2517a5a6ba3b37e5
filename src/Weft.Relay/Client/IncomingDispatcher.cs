using Weft.Relay.Protocol;

namespace Weft.Relay.Client;

/// <summary>
/// Dispatches senders and requests to their handlers. They outlive the control channel that announced them.
/// </summary>
internal sealed class IncomingDispatcher(
    HybridConnectionAddress address,
    RelayDialer dialer,
    ListenerOptions options,
    CancellationToken end
)
{
    private readonly Lock _lock = new();
    private TaskCompletionSource _idle = CreateCompleted();
    private int _count;

    /// <summary>How many there are.</summary>
    public int Count => Volatile.Read(ref _count);

    private TimeProvider Clock => options.Client.Clock;

    /// <summary>Serves a sender.</summary>
    public void Dispatch(AcceptMessage message) => Start(isRoom => HandleSender(message, isRoom));

    /// <summary>Serves a request.</summary>
    /// <param name="body">Its body where it came with it.</param>
    public void Dispatch(RequestMessage message, byte[]? body, ControlChannel channel) =>
        Start(isRoom => HandleRequest(message, body, channel, isRoom));

    /// <summary>Waits until nobody is served any more.</summary>
    /// <param name="time">How long at most.</param>
    /// <returns>When there is nobody, or the time is up.</returns>
    public Task WhenIdle(TimeSpan time)
    {
        Task idle;
        lock (_lock)
            idle = _idle.Task;
        return WaitFor(idle, time);
    }

    private async Task WaitFor(Task idle, TimeSpan time) =>
        await idle.WaitAsync(time, Clock, CancellationToken.None)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private void Start(Func<bool, Task> serve)
    {
        bool isRoom;
        lock (_lock)
        {
            if (_count++ == 0)
                _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
            isRoom = _count <= options.MaxConcurrent;
        }

        // Not on the reader of the control channel, whatever the handler does before it first waits.
        _ = Task.Run(() => RunCounted(serve, isRoom), CancellationToken.None);
    }

    private async Task RunCounted(Func<bool, Task> serve, bool isRoom)
    {
        try
        {
            await serve(isRoom).ConfigureAwait(false);
        }
        finally
        {
            lock (_lock)
            {
                if (--_count == 0)
                    _idle.SetResult();
            }
        }
    }

    private async Task HandleSender(AcceptMessage message, bool isRoom)
    {
        var start = Clock.GetTimestamp();
        if (!TryParseRendezvous(message.Address, out var suffix, out var query))
        {
            options.OnEvent?.Invoke(
                new(ListenerEventKind.MessageRefused)
                {
                    Id = message.Id,
                    Reason = "The relay announced a sender of another hybrid connection.",
                }
            );
            return;
        }

        var sender = new IncomingSender(message, dialer, suffix, query, end);
        using var cut = end.UnsafeRegister(_ => sender.Stream?.Abort(), null);
        var fault = await Serve(sender, isRoom).ConfigureAwait(false);
        var ended = DescribeEnd(sender, fault, Clock.GetElapsedTime(start));
        if (sender.Stream is { } stream)
            await stream.DisposeAsync().ConfigureAwait(false);
        options.OnEvent?.Invoke(ended);
    }

    /// <summary>Has the handler accept or reject a sender; one that it does neither with is rejected.</summary>
    /// <returns>What went wrong, one line; null for nothing.</returns>
    private async Task<string?> Serve(IncomingSender sender, bool isRoom)
    {
        try
        {
            await (
                isRoom ? InvokeHandler(sender) : sender.RejectAsync(503, "The listener is busy", end)
            ).ConfigureAwait(false);
            if (!sender.IsDecided)
                await sender.RejectAsync(500, "The listener failed", end).ConfigureAwait(false);
            return null;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            await RejectQuietly(sender).ConfigureAwait(false);
            return e.Message;
        }
    }

    private static ListenerEvent DescribeEnd(IncomingSender sender, string? fault, TimeSpan duration) =>
        new(sender.Stream is null ? ListenerEventKind.SenderRejected : ListenerEventKind.SenderEnded)
        {
            Id = sender.Id,
            Suffix = sender.Suffix,
            RemoteEndpoint = sender.RemoteEndpoint,
            Reason = fault ?? sender.Rejection?.Phrase,
            Status = sender.Rejection?.Status ?? 0,
            BytesIn = sender.Stream?.BytesRead ?? 0,
            BytesOut = sender.Stream?.BytesWritten ?? 0,
            Duration = duration,
        };

    private async Task InvokeHandler(IncomingSender sender)
    {
        sender.OnAccepted = () =>
            options.OnEvent?.Invoke(
                new(ListenerEventKind.SenderAccepted)
                {
                    Id = sender.Id,
                    Suffix = sender.Suffix,
                    RemoteEndpoint = sender.RemoteEndpoint,
                }
            );
        if (options.OnSender is { } serve)
            await serve(sender, end).ConfigureAwait(false);
        else
            await sender.RejectAsync(501, "The listener takes HTTP requests only", end).ConfigureAwait(false);
    }

    private async Task RejectQuietly(IncomingSender sender)
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

    private async Task HandleRequest(RequestMessage message, byte[]? body, ControlChannel channel, bool isRoom)
    {
        var start = Clock.GetTimestamp();
        var listenerEvent = new ListenerEvent(ListenerEventKind.RequestEnded)
        {
            Id = message.Id,
            RemoteEndpoint = message.RemoteEndpoint,
            BytesIn = body?.Length ?? 0,
        };
        try
        {
            var answer = !isRoom
                ? CreateStatusHandler(503, "The listener is busy")
                : options.OnRequest ?? CreateStatusHandler(501, "The listener takes WebSockets only");
            await using var exchange = new RequestExchange(message, channel, dialer, answer, Clock);
            var (status, sent, fault) = await exchange.Run(body, end).ConfigureAwait(false);
            listenerEvent = listenerEvent with { Status = status, BytesOut = sent, Reason = fault?.Message };
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            listenerEvent = listenerEvent with { Reason = e.Message };
        }

        options.OnEvent?.Invoke(listenerEvent with { Duration = Clock.GetElapsedTime(start) });
    }

    private static Func<IncomingRequest, CancellationToken, Task<OutgoingResponse>> CreateStatusHandler(
        int status,
        string phrase
    ) => (_, _) => Task.FromResult(new OutgoingResponse(status) { Description = phrase });

    /// <summary>
    /// What the sender asked for is in the address where it is to be met: its path behind ours, and its query.
    /// </summary>
    private bool TryParseRendezvous(string rendezvous, out string suffix, out string query)
    {
        (suffix, query) = ("", "");
        if (
            !Uri.TryCreate(rendezvous, UriKind.Absolute, out var uri)
            || !RequestPath.TryParse(uri.AbsolutePath, out var path, out _)
        )
            return false;
        query = RelayQuery.StripRelayParameters(uri.Query);
        if (path.Path == address.Path)
            return true;
        if (!path.Path.StartsWith(address.Path + "/", StringComparison.Ordinal))
            return false;
        suffix = path.Path[(address.Path.Length + 1)..];
        return true;
    }

    private static TaskCompletionSource CreateCompleted()
    {
        var finished = new TaskCompletionSource();
        finished.SetResult();
        return finished;
    }
}
