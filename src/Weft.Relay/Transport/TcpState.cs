using System.Net.Sockets;

namespace Weft.Relay.Transport;

/// <summary>What the kernel knows of a connection without anything being read from it.</summary>
internal static class TcpState
{
    // linux/tcp.h: TCP_INFO, whose first byte is the state; net/tcp_states.h: TCP_CLOSE, TCP_CLOSE_WAIT.
    private const int TcpLevel = 6;
    private const int TcpInformation = 11;
    private const byte Closed = 7;
    private const byte CloseWait = 8;

    /// <summary>Whether the peer has ended its sending half, or the connection is gone.</summary>
    public static bool HasPeerClosed(Socket socket)
    {
        Span<byte> state = stackalloc byte[1];
        try
        {
            return socket.GetRawSocketOption(TcpLevel, TcpInformation, state) == 1 && state[0] is Closed or CloseWait;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return true;
        }
    }
}
