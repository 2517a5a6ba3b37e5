using Weft.Relay.Frames;

namespace Weft.Relay.Client;

/// <summary>
/// The bytes between a sender and a listener. Each direction ends by itself: <see cref="CompleteWritesAsync"/> ends
/// this one, and reading goes on until the other end has done so too. A connection that is lost is never taken for an
/// end: reading throws <see cref="IOException"/>. One reader and one writer at a time. Cancelling a read or a write
/// ends the connection. Disposing of it delivers what was written, and its end where <see cref="CompleteWritesAsync"/>
/// was called; where it wasn't, it is <see cref="Abort"/>, so that what an exception cut short is never taken for
/// whole.
/// </summary>
internal sealed class HybridConnectionStream : Stream
{
    /// <summary>
    /// Codes of a peer that had sent everything (RFC 6455 §7.4): 1000, none at all, and those of applications.
    /// </summary>
    private static bool IsNormalClose(int code) => code is 1000 or 1005 or (>= 3000 and <= 4999);

    private readonly WebSocketConnection _connection;
    private long _bytesRead;
    private long _bytesWritten;

    internal HybridConnectionStream(WebSocketConnection connection, string? subProtocol) =>
        (_connection, SubProtocol) = (connection, subProtocol);

    /// <summary>The sub-protocol that both ends agreed on; null for none.</summary>
    public string? SubProtocol { get; }

    /// <summary>How many bytes have been read.</summary>
    public long BytesRead => Interlocked.Read(ref _bytesRead);

    /// <summary>How many bytes have been written.</summary>
    public long BytesWritten => Interlocked.Read(ref _bytesWritten);

    /// <summary>
    /// Why the other end ended, as RFC 6455 §7.4 numbers it; null while it hasn't, 1005 where it gave no code.
    /// </summary>
    public int? CloseCode => _connection.CloseCode;

    /// <summary>Why the other end ended, in its words; empty for none.</summary>
    public string CloseReason => _connection.CloseReason;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => !_connection.IsCloseSent;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Reads some bytes.</summary>
    /// <param name="cancellationToken">Ends it, and the connection with it.</param>
    /// <returns>How many; 0 once the other end has ended its direction, and never for anything else.</returns>
    /// <exception cref="IOException">The connection was lost, aborted, or closed with an error.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
            return 0;
        while (true)
        {
            var received = await _connection.ReceiveAsync(buffer, cancellationToken).ConfigureAwait(false);
            if (received.Kind == Opcode.Close)
                return IsNormalClose(_connection.CloseCode ?? 1005)
                    ? 0
                    : throw new IOException(
                        $"The connection was closed with {_connection.CloseCode}: {_connection.CloseReason}"
                    );
            // An empty message is no end, but 0 would mean the end to a reader of streams.
            if (received.Count == 0)
                continue;
            var count = received.Count + _connection.ReceiveBuffered(buffer.Span[received.Count..]);
            Interlocked.Add(ref _bytesRead, count);
            return count;
        }
    }

    /// <summary>
    /// Writes bytes: binary messages of 64 KiB at most. Returns when the last has been handed to the system, which
    /// holds back where the other end doesn't read.
    /// </summary>
    /// <param name="buffer">The bytes; none are sent for none.</param>
    /// <param name="cancellationToken">Ends it, and the connection with it.</param>
    /// <exception cref="IOException">The connection was lost or aborted, or this direction has ended.</exception>
    public override async ValueTask WriteAsync(
        ReadOnlyMemory<byte> buffer,
        CancellationToken cancellationToken = default
    )
    {
        while (!buffer.IsEmpty)
        {
            var part = buffer[..Math.Min(buffer.Length, WebSocketConnection.MaxFramePayload)];
            await _connection.SendAsync(Opcode.Binary, part, true, cancellationToken).ConfigureAwait(false);
            Interlocked.Add(ref _bytesWritten, part.Length);
            buffer = buffer[part.Length..];
        }
    }

    /// <summary>
    /// Ends this direction: the other end reads to the last byte, and then an end. Reading here goes on. Does nothing
    /// the second time.
    /// </summary>
    /// <param name="cancel">Ends it, and the connection with it.</param>
    /// <exception cref="IOException">The connection was lost or aborted.</exception>
    public ValueTask CompleteWritesAsync(CancellationToken cancel = default) =>
        _connection.CloseAsync(1000, "Shutdown", cancel);

    /// <summary>
    /// Ends both directions at once: the other end gets an exception, not an end. What was written may be lost.
    /// </summary>
    public void Abort() => _connection.Abort("The connection was aborted.");

    /// <inheritdoc/>
    public override void Flush()
    {
        // What was written has been handed on.
    }

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) =>
        WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _connection.Abort("The connection has been let go of.");
        base.Dispose(disposing);
    }
}
