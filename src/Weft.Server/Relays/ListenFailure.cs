using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Weft.Server.Relays;

/// <summary>An address that can't be listened on.</summary>
internal static class ListenFailure
{
    /// <summary>Whether an exception is about the address that a server was to listen on.</summary>
    public static bool IsOne(Exception e) => e is SocketException || e.InnerException is AddressInUseException;

    /// <summary>Says which address it was, by the option that named it, and what to do.</summary>
    public static IOException At(string option, IPEndPoint endpoint, Exception e) =>
        e is SocketException socket && socket.SocketErrorCode != SocketError.AddressAlreadyInUse
            ? new($"{option} {endpoint}: {socket.Message}", e)
            : new($"{option} {endpoint}: another program listens there; stop it, or name another port", e);
}
