namespace Weft.Relay.Client;

/// <summary>What a listener does with whoever comes.</summary>
internal sealed record ListenerOptions
{
    /// <summary>
    /// Is given each sender, and accepts or rejects it. The stream of an accepted one is let go of when this returns. A
    /// sender that is neither is rejected with 500, and so is one on whom this throws; what it throws is told as an
    /// event. Null turns every sender away.
    /// </summary>
    public Func<IncomingSender, CancellationToken, Task>? OnSender { get; init; }

    /// <summary>Answers an HTTP request. Null answers 501.</summary>
    public Func<IncomingRequest, CancellationToken, Task<OutgoingResponse>>? OnRequest { get; init; }

    /// <summary>Is told what happens. Called where it happens, so it must not block.</summary>
    public Action<ListenerEvent>? OnEvent { get; init; }

    /// <summary>How to get to the relay.</summary>
    public RelayClientOptions Client { get; init; } = new();

    /// <summary>
    /// After which part of a token's life a longer one is shown, give or take a twentieth. Default 0.8: a fifth is left
    /// for attempts that fail.
    /// </summary>
    public double RenewAt { get; init; } = 0.8;

    /// <summary>
    /// How many senders and requests are served at a time; further ones are rejected with 503. Default 1000.
    /// </summary>
    public int MaxConcurrent { get; init; } = 1000;
}
