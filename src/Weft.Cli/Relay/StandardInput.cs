namespace Weft.Cli.Relay;

/// <summary>
/// Stdin that can be left alone: a read of a pipe or a terminal can't be taken back, and a program that has nothing
/// more to do mustn't wait for one. What is read after <see cref="Complete"/> is nobody's.
/// </summary>
internal sealed class StandardInput(Stream inner) : Stream
{
    private readonly TaskCompletionSource<int> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Its own, as a read that is left alone may still write to it.
    private readonly byte[] _buffer = new byte[64 * 1024];

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Ends it: whoever reads, reads an end.</summary>
    public void Complete() => _end.TrySetResult(0);

    /// <summary>Breaks it: whoever reads gets an exception.</summary>
    public void Abort() => _end.TrySetException(new IOException("the input was left alone"));

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_end.Task.IsCompleted)
            return await _end.Task;
        // A thread of its own: a console read blocks whatever it is called.
        var read = Task.Run(
            () => inner.Read(_buffer, 0, Math.Min(_buffer.Length, buffer.Length)),
            CancellationToken.None
        );
        var first = await Task.WhenAny(read, _end.Task);
        var count = await first;
        if (first == read)
            _buffer.AsMemory(0, count).CopyTo(buffer);
        return count;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override void Flush()
    {
        // Nothing is written.
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
