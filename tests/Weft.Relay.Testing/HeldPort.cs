using System.Net;
using System.Net.Sockets;

namespace Weft.Relay.Testing;

/// <summary>
/// A TCP port that stays a test's own until its end, whether somebody listens on it or not. The kernel gives it out, and
/// a socket that is bound and never listens keeps it: nobody else is given the port meanwhile, whoever connects is
/// refused, and a server of the test can listen on it, go away and come back.
/// </summary>
internal sealed class HeldPort : IDisposable
{
    private readonly Socket _holder;

    public HeldPort(IPAddress? at = null)
    {
        at ??= IPAddress.Loopback;
        _holder = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        _holder.Bind(new IPEndPoint(at, 0));
        Number = ((IPEndPoint)_holder.LocalEndPoint!).Port;
    }

    public int Number { get; }

    public void Dispose() => _holder.Dispose();
}
