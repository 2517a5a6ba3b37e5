using System.Net.Sockets;

namespace Weft.Relay.Transport;

/// <summary>
/// Aborts a connection whose peer takes too long over its handshake. Bytes that have come and weren't read yet are the
/// relay's own slowness: when ten thousand peers come back at once, none of them is refused that has sent its part.
/// </summary>
internal sealed class HandshakeDeadline : IDisposable
{
    private readonly Socket _socket;
    private readonly SocketStream _raw;
    private readonly ITimer _timer;

    public HandshakeDeadline(Socket socket, SocketStream raw, TimeSpan timeout, TimeProvider time)
    {
        (_socket, _raw) = (socket, raw);
        _timer = time.CreateTimer(static s => ((HandshakeDeadline)s!).OnTimeout(), this, timeout, timeout);
    }

    public void Dispose() => _timer.Dispose();

    private void OnTimeout()
    {
        try
        {
            if (_socket.Available == 0)
                _raw.Abort();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It has ended meanwhile.
        }
    }
}
