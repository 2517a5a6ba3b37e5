using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Weft.Addressing;
using Weft.Files;

namespace Weft.Agent.ControlPlane;

/// <summary>
/// Where the control plane, or the proxy before it, is on the network: the node's way there is not weftd's to change.
/// What was found last is kept on the disk, so that it is known also while names can't be resolved.
/// </summary>
/// <param name="server">The control plane; null for what was found before.</param>
/// <param name="path">Where it is kept.</param>
internal sealed class ControlPlaneAddresses(Uri? server, string path, TimeProvider clock, ILogger log)
{
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromMinutes(1),
        ResolveTimeout = TimeSpan.FromSeconds(2);

    private ImmutableArray<Address>? _known;
    private long _refreshAt;

    /// <summary>The addresses, as far as they are known.</summary>
    public async Task<ImmutableArray<Address>> Find(CancellationToken cancel)
    {
        if (_known is { } known && clock.GetTimestamp() < _refreshAt)
            return known;
        _refreshAt = clock.GetTimestamp(RefreshInterval);
        if (server is null)
            return (_known = ReadKept()).Value;
        var host = HostOf(server);
        if (Address.TryParse(host.Trim('[', ']'), out var literal))
            return (_known = [literal]).Value;
        var kept = _known ?? ReadKept();
        var found = await Resolve(host, cancel);
        _known = found.IsEmpty ? kept : found;
        if (!found.IsEmpty && !found.ToHashSet().SetEquals(kept))
            Keep(found);
        return _known.Value;
    }

    private static string HostOf(Uri server) =>
        !HttpClient.DefaultProxy.IsBypassed(server) && HttpClient.DefaultProxy.GetProxy(server) is { } proxy
            ? proxy.Host
            : server.Host;

    private async Task<ImmutableArray<Address>> Resolve(string host, CancellationToken cancel)
    {
        using var deadline = new CancellationTokenSource(ResolveTimeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, deadline.Token);
        try
        {
            var found = await Dns.GetHostAddressesAsync(host, either.Token);
            return
            [
                .. found
                    .Select(address => Address.TryParse(address.ToString(), out var parsed) ? parsed : (Address?)null)
                    .OfType<Address>(),
            ];
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException && !cancel.IsCancellationRequested)
        {
            log.ControlPlaneNotResolved(e, host);
            return [];
        }
    }

    private ImmutableArray<Address> ReadKept()
    {
        try
        {
            return File.Exists(path)
                ?
                [
                    .. File.ReadAllLines(path)
                        .Select(line => Address.TryParse(line, out var address) ? address : (Address?)null)
                        .OfType<Address>(),
                ]
                : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private void Keep(ImmutableArray<Address> addresses)
    {
        try
        {
            DurableFile.Write(
                path,
                Encoding.ASCII.GetBytes(string.Concat(addresses.Select(address => $"{address}\n"))),
                DurableFile.Private
            );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is known all the same, for as long as this process lives.
            log.ControlPlaneNotKept(e, path);
        }
    }
}
