using Weft.Relay.Protocol;

namespace Weft.Relay.Client;

/// <summary>Connects to whoever listens on a hybrid connection. Safe for many threads.</summary>
/// <param name="options">How to get there; null for the defaults.</param>
internal sealed class HybridConnectionSender(HybridConnectionAddress address, RelayClientOptions? options = null)
    : IDisposable
{
    private readonly RelayDialer _dialer = new(address, options ?? new());

    /// <summary>Connects.</summary>
    /// <param name="token">A token that gives the right to send; null where the connection wants none.</param>
    /// <param name="suffix">What follows the connection's path: the name of the service wanted; empty for none.</param>
    /// <param name="subProtocol">A sub-protocol to ask for; null for none.</param>
    /// <param name="headers">Headers for the listener; null for none.</param>
    /// <param name="query">A query for the listener, with its question mark; empty for none.</param>
    /// <returns>The bytes to and from the listener.</returns>
    /// <exception cref="RelayRefusedException">The relay or the listener said no; the message says why, in their
    /// words.</exception>
    /// <exception cref="RelayUnreachableException">There was no answer; the message says why.</exception>
    public async Task<HybridConnectionStream> ConnectAsync(
        string? token,
        string suffix = "",
        string? subProtocol = null,
        IEnumerable<HeaderField>? headers = null,
        string query = "",
        CancellationToken cancel = default
    )
    {
        if (suffix.Length > 0 && !RequestPath.IsPath(suffix))
            throw new ArgumentException($"'{suffix}' isn't a path of one or more segments.", nameof(suffix));
        var all = (headers ?? []).Concat(
            subProtocol is null ? [] : [new HeaderField("Sec-WebSocket-Protocol", subProtocol)]
        );
        var (connection, protocol) = await _dialer
            .OpenWebSocket(
                address.ConnectAddress(suffix, query, Guid.NewGuid().ToString()),
                token,
                all,
                WebSocketConnection.MaxFramePayload,
                cancel
            )
            .ConfigureAwait(false);
        return new(connection, protocol);
    }

    /// <summary>Forgets how to get there. Streams that are open stay.</summary>
    public void Dispose() => _dialer.Dispose();
}
