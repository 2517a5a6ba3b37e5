using System.Buffers;
using System.Net.Sockets;

namespace Weft.Relay.Transport;

/// <summary>
/// A socket's bytes. Under TLS, whose records are read and written one by one, it gathers: several records a system
/// call, which cost more than the copying. It holds no buffer while it waits.
/// </summary>
/// <param name="place">The connection's place, which is free when the socket is closed; null for none.</param>
internal sealed class SocketStream(Socket socket, IDisposable? place = null) : Stream
{
    private const int BufferSize = 128 * 1024;

    private byte[]? _receiveBuffer;
    private int _receiveStart;
    private int _receiveEnd;
    private bool _mayHaveMoreData;
    private byte[]? _sendBuffer;
    private int _sendCount;
    private int _disposed;

    /// <summary>
    /// Whether what is written waits for <see cref="FlushAsync"/>, and what is read is read ahead: for a TLS stream
    /// over this one whose writer flushes.
    /// </summary>
    public bool IsBuffered { get; set; }

    /// <summary>Whether bytes wait that were read ahead.</summary>
    public bool HasBufferedData => _receiveBuffer is not null;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Reads. Into nothing: waits until there is something to read.</summary>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_receiveBuffer is not null)
            return ValueTask.FromResult(buffer.IsEmpty ? 0 : CopyReceived(buffer.Span));
        // A read that filled its buffer has most likely left something: waiting for it would be a call for nothing.
        if (buffer.IsEmpty && _mayHaveMoreData)
            return ValueTask.FromResult(0);
        return buffer.IsEmpty || !IsBuffered
            ? Receive(buffer, cancellationToken)
            : ReadAhead(buffer, cancellationToken);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!IsBuffered)
            return Send(buffer, cancellationToken);
        _sendBuffer ??= ArrayPool<byte>.Shared.Rent(BufferSize);
        if (buffer.Length > _sendBuffer.Length - _sendCount)
            return SendBuffered(buffer, cancellationToken);
        buffer.Span.CopyTo(_sendBuffer.AsSpan(_sendCount));
        _sendCount += buffer.Length;
        return ValueTask.CompletedTask;
    }

    public override Task FlushAsync(CancellationToken cancellationToken) =>
        _sendBuffer is null ? Task.CompletedTask : SendBuffered(ReadOnlyMemory<byte>.Empty, cancellationToken).AsTask();

    private async ValueTask<int> Receive(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            var count = await socket.ReceiveAsync(buffer, SocketFlags.None, cancellationToken).ConfigureAwait(false);
            _mayHaveMoreData = !buffer.IsEmpty && count == buffer.Length;
            return count;
        }
        catch (SocketException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    private async ValueTask<int> ReadAhead(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var ahead = ArrayPool<byte>.Shared.Rent(BufferSize);
        var count = 0;
        try
        {
            count = await Receive(ahead, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (count == 0)
                ArrayPool<byte>.Shared.Return(ahead);
        }

        if (count == 0)
            return 0;
        (_receiveBuffer, _receiveStart, _receiveEnd) = (ahead, 0, count);
        return CopyReceived(buffer.Span);
    }

    private int CopyReceived(Span<byte> buffer)
    {
        var count = Math.Min(buffer.Length, _receiveEnd - _receiveStart);
        _receiveBuffer.AsSpan(_receiveStart, count).CopyTo(buffer);
        _receiveStart += count;
        if (_receiveStart == _receiveEnd)
        {
            ArrayPool<byte>.Shared.Return(_receiveBuffer!);
            _receiveBuffer = null;
        }

        return count;
    }

    private async ValueTask SendBuffered(ReadOnlyMemory<byte> rest, CancellationToken cancellationToken)
    {
        var unsent = _sendBuffer!;
        var count = _sendCount;
        (_sendBuffer, _sendCount) = (null, 0);
        try
        {
            await Send(unsent.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(unsent);
        }

        await Send(rest, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask Send(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            while (!buffer.IsEmpty)
                buffer = buffer[
                    await socket.SendAsync(buffer, SocketFlags.None, cancellationToken).ConfigureAwait(false)..
                ];
        }
        catch (SocketException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Ends the sending half: a FIN behind what was written.</summary>
    public void Shutdown()
    {
        try
        {
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    /// <summary>
    /// Ends the connection at once: a RST, and nothing more is sent. Whoever reads or writes finds it disposed of.
    /// </summary>
    public void Abort()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        socket.Close(0);
        place?.Dispose();
    }

    public override void Flush() { }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            socket.Dispose();
            place?.Dispose();
        }

        base.Dispose(disposing);
    }
}
