using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Compression;
using System.Threading.Channels;

namespace Weft.EndToEnd.Relay;

/// <summary>
/// The server's end of as much of SPDY/3.1 as kubectl speaks: frames, streams that it opens, their data and ends.
/// Header blocks aren't read, so a stream is known by its place in the order in which kubectl opens them. There is no
/// flow control: kubectl's library has none.
/// </summary>
/// <param name="read">Reads the frames' bytes; 0 at the end.</param>
/// <param name="write">Writes frames.</param>
internal sealed class SpdyConnection(Func<Memory<byte>, Task<int>> read, Func<byte[], Task> write) : IDisposable
{
    private const ushort SynStream = 1,
        SynReply = 2,
        Reset = 3,
        Ping = 6;
    private const byte Fin = 1;

    private readonly ConcurrentDictionary<int, SpdyStream> _streams = [];
    private readonly Channel<SpdyStream> _opened = Channel.CreateUnbounded<SpdyStream>();
    private readonly SemaphoreSlim _writing = new(1);
    private readonly MemoryStream _compressed = new();
    private ZLibStream? _headers;

    /// <summary>The streams in the order in which they are opened; it ends with the connection.</summary>
    public ChannelReader<SpdyStream> Opened => _opened.Reader;

    /// <summary>Serves until the other end goes.</summary>
    public async Task RunAsync()
    {
        try
        {
            var head = new byte[8];
            while (await Fill(head))
            {
                var payload = new byte[BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(4)) & 0xffffff];
                if (!await Fill(payload))
                    return;
                if ((head[0] & 0x80) != 0)
                    await Control(BinaryPrimitives.ReadUInt16BigEndian(head.AsSpan(2)), payload);
                else if (_streams.TryGetValue(BinaryPrimitives.ReadInt32BigEndian(head), out var stream))
                    stream.Enqueue(payload, (head[4] & Fin) != 0);
            }
        }
        finally
        {
            foreach (var stream in _streams.Values)
                stream.Enqueue([], ends: true);
            _opened.Writer.Complete();
        }
    }

    /// <summary>Writes a data frame.</summary>
    /// <param name="stream">The stream's number.</param>
    /// <param name="data">The bytes.</param>
    /// <param name="ends">Whether nothing comes behind them.</param>
    public Task Send(int stream, ReadOnlyMemory<byte> data, bool ends) =>
        Locked(() => [.. Number(stream), .. Number(((ends ? Fin : 0) << 24) | data.Length), .. data.Span]);

    public void Dispose()
    {
        _headers?.Dispose();
        _compressed.Dispose();
        _writing.Dispose();
    }

    private async Task Control(ushort type, byte[] payload)
    {
        var id = payload.Length < 4 ? 0 : BinaryPrimitives.ReadInt32BigEndian(payload) & 0x7fffffff;
        if (type == SynStream)
        {
            var stream = _streams[id] = new SpdyStream(this, id);
            await Locked(() => Frame(SynReply, [.. Number(id), .. NoHeaders()]));
            await _opened.Writer.WriteAsync(stream);
        }
        else if (type == Ping)
        {
            await Locked(() => Frame(Ping, payload));
        }
        else if (type == Reset && _streams.TryRemove(id, out var stream))
        {
            stream.Enqueue([], ends: true);
        }
    }

    /// <summary>
    /// A header block that names nothing. All blocks of a connection are one compressed stream; one that doesn't ask
    /// for the protocol's dictionary needs none.
    /// </summary>
    private byte[] NoHeaders()
    {
        _headers ??= new ZLibStream(_compressed, CompressionMode.Compress, leaveOpen: true);
        _compressed.SetLength(0);
        _headers.Write(new byte[4]);
        _headers.Flush();
        return _compressed.ToArray();
    }

    private async Task Locked(Func<byte[]> frame)
    {
        await _writing.WaitAsync();
        try
        {
            await write(frame());
        }
        finally
        {
            _writing.Release();
        }
    }

    private static byte[] Frame(ushort type, byte[] payload) =>
        [0x80, 3, (byte)(type >> 8), (byte)type, .. Number(payload.Length), .. payload];

    private static byte[] Number(int number)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, number);
        return bytes;
    }

    private async Task<bool> Fill(byte[] buffer)
    {
        for (var filled = 0; filled < buffer.Length; )
        {
            var count = await read(buffer.AsMemory(filled));
            if (count == 0)
                return false;
            filled += count;
        }

        return true;
    }
}

/// <summary>A stream of a connection.</summary>
/// <param name="connection">The connection.</param>
/// <param name="id">Its number.</param>
internal sealed class SpdyStream(SpdyConnection connection, int id)
{
    private readonly Channel<byte[]> _received = Channel.CreateUnbounded<byte[]>();

    /// <summary>What comes, until the other end ends it.</summary>
    public IAsyncEnumerable<byte[]> Received => _received.Reader.ReadAllAsync();

    /// <summary>Sends bytes.</summary>
    public Task Send(ReadOnlyMemory<byte> data) => connection.Send(id, data, ends: false);

    /// <summary>Sends no more.</summary>
    public Task End() => connection.Send(id, default, ends: true);

    /// <summary>Takes what has come.</summary>
    public void Enqueue(byte[] data, bool ends)
    {
        if (data.Length > 0)
            _received.Writer.TryWrite(data);
        if (ends)
            _received.Writer.TryComplete();
    }
}
