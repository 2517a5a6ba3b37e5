using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Weft.Relay.Transport;

/// <summary>
/// Accepts connections, takes them through PROXY header and TLS side by side, and gives Kestrel those that come out
/// well.
/// </summary>
internal sealed partial class RelayConnectionListener : IConnectionListener
{
    // How often connections that nobody reads from are checked for callers that have gone.
    private static readonly TimeSpan PeerCheckInterval = TimeSpan.FromSeconds(1);

    private readonly RelayTransportOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ServerCertificate? _certificate;
    private readonly ConnectionQuota _quota;
    private readonly Socket _socket;
    private readonly Channel<RelayTransportConnection> _ready = Channel.CreateUnbounded<RelayTransportConnection>();
    private readonly ConcurrentDictionary<RelayTransportConnection, bool> _connections = new();
    private readonly CancellationTokenSource _unbinding = new();
    private readonly ITimer _watch;
    private readonly Task _accepting;

    public RelayConnectionListener(RelayTransportOptions options, TimeProvider time, ILogger log)
    {
        (_options, _time, _log) = (options, time, log);
        if (options.CertificateFile is { } file)
        {
            TlsBuffers.EnableReleaseBuffers();
            _certificate = new ServerCertificate(file, options.KeyFile, options.CertificateInterval, time, log);
        }

        _quota = new("relay", options.Connections, time, log);
        _socket = Listen(options);
        EndPoint = _socket.LocalEndPoint!;
        _watch = time.CreateTimer(
            static s => ((RelayConnectionListener)s!).CheckPeersClosed(),
            this,
            PeerCheckInterval,
            PeerCheckInterval
        );
        _accepting = AcceptLoop();
    }

    public EndPoint EndPoint { get; }

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _ready.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (_ready.Reader.TryRead(out var connection))
                return connection;
        }

        return null;
    }

    public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        await _unbinding.CancelAsync().ConfigureAwait(false);
        _socket.Dispose();
        await _accepting.ConfigureAwait(false);
        _ready.Writer.TryComplete();
    }

    public async ValueTask DisposeAsync()
    {
        await UnbindAsync().ConfigureAwait(false);
        await _watch.DisposeAsync().ConfigureAwait(false);
        _certificate?.Dispose();
        _quota.Dispose();
        while (_ready.Reader.TryRead(out var connection))
            await connection.DisposeAsync().ConfigureAwait(false);
    }

    private static Socket Listen(RelayTransportOptions options)
    {
        var socket = new Socket(options.Listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (options.Listen.Address.Equals(IPAddress.IPv6Any))
                socket.DualMode = true;
            socket.Bind(options.Listen);
            socket.Listen(options.Backlog);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            if (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
                throw new AddressInUseException(e.Message, e);
            throw;
        }
    }

    private async Task AcceptLoop()
    {
        while (!_unbinding.IsCancellationRequested)
        {
            try
            {
                var socket = await _socket.AcceptAsync(_unbinding.Token).ConfigureAwait(false);
                if (_quota.Enter() is { } place)
                    _ = Task.Run(() => Establish(socket, place));
                else
                    socket.Close(0);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                // A caller that left before it was accepted doesn't matter. A lack of descriptors lasts until somebody
                // leaves.
                Unaccepted(_log, e.Message);
                if (e.SocketErrorCode is SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable)
                    await Task.Delay(TimeSpan.FromMilliseconds(100), _time).ConfigureAwait(false);
            }
        }
    }

    private async Task Establish(Socket socket, ConnectionPlace place)
    {
        var raw = new SocketStream(socket, place);
        SslStream? tls = null;
        IPEndPoint? remote = null;
        try
        {
            socket.NoDelay = true;
            remote = AddressNormalizer.Normalize((IPEndPoint)socket.RemoteEndPoint!);
            using (new HandshakeDeadline(socket, raw, _options.HandshakeTimeout, _time))
            {
                if (_options.ProxyProtocolFrom is { } trusted)
                    remote = await ReadProxyHeader(raw, remote, trusted).ConfigureAwait(false);
                if (!place.TryAssign(remote.Address))
                    throw new InvalidDataException("its source has as many connections as it may");
                if (_certificate is not null)
                {
                    tls = new SslStream(raw);
                    await tls.AuthenticateAsServerAsync(_certificate.Options, _unbinding.Token).ConfigureAwait(false);
                }
            }

            var connection = new RelayTransportConnection(
                socket,
                raw,
                tls,
                remote,
                left => _connections.TryRemove(left, out _)
            );
            _connections.TryAdd(connection, true);
            if (!_ready.Writer.TryWrite(connection))
                await connection.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e)
            when (e
                    is IOException
                        or SocketException
                        or ObjectDisposedException
                        or AuthenticationException
                        or OperationCanceledException
                        or InvalidDataException
            )
        {
            Refused(_log, remote, e.Message);
            if (tls is not null)
                await tls.DisposeAsync().ConfigureAwait(false);
            raw.Abort();
        }
    }

    private static async Task<IPEndPoint> ReadProxyHeader(
        SocketStream raw,
        IPEndPoint peer,
        Func<IPAddress, bool> trusted
    )
    {
        if (!trusted(peer.Address))
            throw new InvalidDataException($"{peer.Address} is not a listed proxy");
        var start = new byte[ProxyProtocolHeader.FixedSize];
        await raw.ReadExactlyAsync(start).ConfigureAwait(false);
        if (ProxyProtocolHeader.Check(start, out var length) is { } fault)
            throw new InvalidDataException(fault);
        var rest = new byte[length];
        await raw.ReadExactlyAsync(rest).ConfigureAwait(false);
        return ProxyProtocolHeader.ReadSource(start, rest, out var source) is { } flaw
            ? throw new InvalidDataException(flaw)
            : source ?? peer;
    }

    private void CheckPeersClosed()
    {
        foreach (var (connection, _) in _connections)
            connection.CheckPeerClosed();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "a connection couldn't be accepted: {Reason}")]
    private static partial void Unaccepted(ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Peer} was refused before a request: {Reason}")]
    private static partial void Refused(ILogger log, IPEndPoint? peer, string reason);
}
