using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Weft.Relay.Frames;

namespace Weft.Relay.Transport;

/// <summary>
/// A connection as Kestrel sees it: pipes that read when they are asked and hold no buffer while they wait. When a
/// WebSocket comes of it, the raw stream is handed over and the pipes are gone.
/// </summary>
internal sealed class RelayTransportConnection
    : ConnectionContext,
        IRelayTransportFeature,
        ITlsConnectionFeature,
        IDuplexPipe
{
    // Four reads of the pipes' smallest are one record of TLS, which is what a body comes in.
    private static readonly StreamPipeReaderOptions ReaderOptions = new(
        bufferSize: 16 * 1024,
        leaveOpen: true,
        useZeroByteReads: true
    );
    private static readonly StreamPipeWriterOptions WriterOptions = new(minimumBufferSize: 4 * 1024, leaveOpen: true);
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(1);
    private static long s_lastId;

    private readonly Socket _socket;
    private readonly SocketStream _raw;
    private readonly Stream _stream;
    private readonly CancellationTokenSource _closed = new();
    private readonly Action<RelayTransportConnection> _onDetached;
    private int _isTakenOver;
    private int _isDetached;

    /// <summary>Makes one of a connection whose handshakes are done.</summary>
    /// <param name="tls">TLS over it; null for none.</param>
    /// <param name="left">Is told once when it is no longer Kestrel's.</param>
    public RelayTransportConnection(
        Socket socket,
        SocketStream raw,
        SslStream? tls,
        IPEndPoint remote,
        Action<RelayTransportConnection> left
    )
    {
        (_socket, _raw, _stream, _onDetached) = (socket, raw, tls is null ? raw : tls, left);
        RemoteEndPoint = remote;
        LocalEndPoint = AddressNormalizer.Normalize((IPEndPoint)socket.LocalEndPoint!);
        ConnectionClosed = _closed.Token;
        Input = PipeReader.Create(_stream, ReaderOptions);
        Output = PipeWriter.Create(_stream, WriterOptions);
        Features.Set<IRelayTransportFeature>(this);
        // Kestrel tells https from http by this feature.
        if (tls is not null)
            Features.Set<ITlsConnectionFeature>(this);
    }

    public override string ConnectionId { get; set; } =
        Interlocked.Increment(ref s_lastId).ToString("x", System.Globalization.CultureInfo.InvariantCulture);

    public override IFeatureCollection Features { get; } = new FeatureCollection(2);

    public override IDictionary<object, object?> Items
    {
        get => field ??= new ConnectionItems();
        set;
    }

    public override IDuplexPipe Transport
    {
        get => this;
        set => throw new NotSupportedException();
    }

    public PipeReader Input { get; }

    public PipeWriter Output { get; }

    X509Certificate2? ITlsConnectionFeature.ClientCertificate
    {
        get => null;
        set => throw new NotSupportedException();
    }

    Task<X509Certificate2?> ITlsConnectionFeature.GetClientCertificateAsync(CancellationToken cancellationToken) =>
        Task.FromResult<X509Certificate2?>(null);

    public SessionPeer TakeOver()
    {
        if (Interlocked.Exchange(ref _isTakenOver, 1) != 0)
            throw new InvalidOperationException("the connection was taken over before");
        byte[] early = [];
        if (Input.TryRead(out var rest))
        {
            early = rest.Buffer.ToArray();
            Input.AdvanceTo(rest.Buffer.End);
        }

        Input.Complete();
        Output.Complete();
        Detach();
        _raw.IsBuffered = _stream is SslStream;
        // What outlives the request holds the streams only, and no object of Kestrel's.
        var (stream, raw) = (_stream, _raw);
        return new SessionPeer(stream, early, raw.Abort, () => Shutdown(stream, raw), () => raw.HasBufferedData);
    }

    public override void Abort(ConnectionAbortedException abortReason)
    {
        if (_isTakenOver == 0)
            _raw.Abort();
        SignalClosed();
    }

    public override async ValueTask DisposeAsync()
    {
        Detach();
        if (_isTakenOver == 0)
        {
            await Input.CompleteAsync().ConfigureAwait(false);
            await Output.CompleteAsync().ConfigureAwait(false);
            await EndGracefully().ConfigureAwait(false);
        }

        _closed.Dispose();
        await base.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>
    /// Checks whether the caller has ended its side while nobody reads, and tells Kestrel, so that a request is given
    /// up whose asker has gone.
    /// </summary>
    public void CheckPeerClosed()
    {
        if (TcpState.HasPeerClosed(_socket))
            SignalClosed();
    }

    private static async ValueTask Shutdown(Stream stream, SocketStream raw)
    {
        if (stream is SslStream tls)
        {
            await tls.ShutdownAsync().ConfigureAwait(false);
            await raw.FlushAsync().ConfigureAwait(false);
        }

        raw.Shutdown();
    }

    private async Task EndGracefully()
    {
        try
        {
            await Shutdown(_stream, _raw).AsTask().WaitAsync(ShutdownTimeout).ConfigureAwait(false);
        }
        catch (Exception e)
            when (e is IOException or ObjectDisposedException or TimeoutException or InvalidOperationException)
        {
            _raw.Abort();
        }

        await _stream.DisposeAsync().ConfigureAwait(false);
    }

    private void SignalClosed()
    {
        try
        {
            _closed.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has ended meanwhile.
        }
    }

    private void Detach()
    {
        if (Interlocked.Exchange(ref _isDetached, 1) == 0)
            _onDetached(this);
    }
}
