using System.Net.Sockets;
using Weft.Agent.Linux.Netlink;

namespace Weft.Agent.Nodes;

/// <summary>Hears of changes of a node's network, whoever makes them.</summary>
/// <remarks>
/// Source: <c>linux/rtnetlink.h</c>, <c>RTNLGRP_*</c>; <c>linux/netfilter/nfnetlink.h</c>, <c>NFNLGRP_NFTABLES</c>.
/// </remarks>
internal sealed class NetworkMonitor : IDisposable
{
    // Interfaces, addresses and routes of both families.
    private static readonly int[] RouteGroups = [1, 5, 7, 9, 11];
    private const int Rules = 7;

    // Changes come in swarms (a pod that starts makes a dozen): one pass serves them all.
    private static readonly TimeSpan CoalescingWindow = TimeSpan.FromMilliseconds(500);

    private readonly List<Socket> _sockets = [NetlinkSocket.Listen(NetlinkSocket.Route, RouteGroups)];
    private readonly TimeProvider _clock;

    /// <summary>Listens from now on.</summary>
    public NetworkMonitor(TimeProvider clock, ILogger log)
    {
        _clock = clock;
        try
        {
            _sockets.Add(NetlinkSocket.Listen(NetlinkSocket.Netfilter, Rules));
        }
        catch (NetlinkException e)
        {
            // A kernel without nftables has no rules that could change.
            log.RulesNotWatched(e);
        }
    }

    /// <summary>Completes after a change.</summary>
    public async Task WaitForChange(CancellationToken cancel)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var first = await Task.WhenAny(_sockets.Select(socket => Receive(socket, over.Token)));
        await first;
        await Task.Delay(CoalescingWindow, _clock, cancel);
        await over.CancelAsync();
        foreach (var socket in _sockets)
            Drain(socket);
    }

    /// <inheritdoc/>
    public void Dispose() => _sockets.ForEach(socket => socket.Dispose());

    private static async Task Receive(Socket socket, CancellationToken cancel)
    {
        try
        {
            await socket.ReceiveAsync(new byte[16 << 10], cancel);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.NoBufferSpaceAvailable)
        {
            // More has changed than the kernel would keep for us: all the more a reason to look.
        }
    }

    private static void Drain(Socket socket)
    {
        var buffer = new byte[16 << 10];
        try
        {
            while (socket.Available > 0)
                socket.Receive(buffer);
        }
        catch (SocketException)
        {
            // What is left rings once more.
        }
    }
}
