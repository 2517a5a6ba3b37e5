using System.Collections.Immutable;
using System.Net;
using Weft.Relay.Protocol;

namespace Weft.Relay.Client;

/// <summary>A sender that waits to be let in, for 30 s at the most.</summary>
internal sealed class IncomingSender
{
    private readonly AcceptMessage _message;
    private readonly RelayDialer _dialer;
    private readonly CancellationToken _stopping;

    internal IncomingSender(
        AcceptMessage message,
        RelayDialer dialer,
        string suffix,
        string query,
        CancellationToken end
    ) => (_message, _dialer, Suffix, Query, _stopping) = (message, dialer, suffix, query, end);

    /// <summary>The sender's id, which the relay's log knows it by.</summary>
    public string Id => _message.Id;

    /// <summary>
    /// What it asked for after the connection's path, decoded: the name of a service; empty for nothing.
    /// </summary>
    public string Suffix { get; }

    /// <summary>Its own query with the question mark; empty for none.</summary>
    public string Query { get; }

    /// <summary>The headers that it came with, but for its token.</summary>
    public ImmutableArray<HeaderField> Headers => _message.ConnectHeaders;

    /// <summary>Where it came from, as the relay says; null where it doesn't.</summary>
    public IPEndPoint? RemoteEndpoint => _message.RemoteEndpoint;

    /// <summary>The sub-protocols that it offers, in its order: what a handler may accept it with.</summary>
    public IEnumerable<string> SubProtocols =>
        Headers
            .Where(h => h.Name.Equals("Sec-WebSocket-Protocol", StringComparison.OrdinalIgnoreCase))
            .SelectMany(h =>
                h.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            );

    /// <summary>The stream, once it was let in.</summary>
    internal HybridConnectionStream? Stream { get; private set; }

    /// <summary>What it was told, once it was turned away.</summary>
    internal (int Status, string Phrase)? Rejection { get; private set; }

    /// <summary>Whether it was let in or turned away.</summary>
    internal bool IsDecided { get; private set; }

    /// <summary>Is told once it was let in.</summary>
    internal Action? OnAccepted { get; set; }

    /// <summary>Lets it in.</summary>
    /// <param name="subProtocol">One of <see cref="SubProtocols"/>; null for none.</param>
    /// <returns>The bytes from and to the sender.</returns>
    /// <exception cref="RelayRefusedException">The sender has gone, or waited too long.</exception>
    /// <exception cref="RelayUnreachableException">The relay didn't answer.</exception>
    public async Task<HybridConnectionStream> AcceptAsync(
        string? subProtocol = null,
        CancellationToken cancel = default
    )
    {
        MarkDecided();
        IEnumerable<HeaderField> headers = subProtocol is null ? [] : [new("Sec-WebSocket-Protocol", subProtocol)];
        var (connection, protocol) = await _dialer
            .OpenWebSocket(new(_message.Address), null, headers, WebSocketConnection.MaxFramePayload, cancel)
            .ConfigureAwait(false);
        Stream = new(connection, protocol);
        OnAccepted?.Invoke();
        // If everything was cut meanwhile, this stream was not yet there to be cut.
        if (!_stopping.IsCancellationRequested)
            return Stream;
        Stream.Abort();
        throw new OperationCanceledException(_stopping);
    }

    /// <summary>Turns it away.</summary>
    /// <param name="status">The HTTP status that it gets, 400–599.</param>
    /// <param name="phrase">The phrase that it gets: ASCII, of which at most 256 characters are sent.</param>
    /// <exception cref="RelayUnreachableException">The relay didn't answer.</exception>
    public async Task RejectAsync(int status, string phrase, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(status, 400);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(status, 599);
        MarkDecided();
        Rejection = (status, phrase);
        try
        {
            var (connection, _) = await _dialer
                .OpenWebSocket(
                    new(HybridConnectionAddress.RejectAddress(_message.Address, status, phrase)),
                    null,
                    [],
                    ClientFrameHeader.MaxControlPayload,
                    cancel
                )
                .ConfigureAwait(false);
            await connection.DisposeAsync().ConfigureAwait(false);
        }
        catch (RelayRefusedException)
        {
            // A relay answers a rejection with 410; any other answer means that the sender has gone.
        }
    }

    private void MarkDecided()
    {
        if (IsDecided)
            throw new InvalidOperationException("The sender has been accepted or rejected already.");
        IsDecided = true;
    }
}
