using System.Buffers.Binary;
using System.IO.Compression;
using System.Net.Sockets;

namespace Weft.EndToEnd.Relay;

/// <summary>
/// As much of SPDY/3.1 as a kubelet needs for port-forward: streams in pairs, the first for errors and the second for data, which becomes a
/// TCP connection. Header blocks aren't read, so connections come one after the other: then kubectl opens each pair in this order.
/// </summary>
/// <param name="read">Reads the frames' bytes.</param>
/// <param name="write">Writes frames.</param>
/// <param name="port">Where data streams lead.</param>
internal sealed class SpdyStreams(Func<Memory<byte>, Task<int>> read, Func<byte[], Task> write, int port) : IDisposable
{
    private const ushort SynStream = 1, SynReply = 2, Reset = 3, Ping = 6, GoAway = 7;
    private const byte Fin = 1;

    private readonly Dictionary<int, NetworkStream?> _streams = [];
    private readonly SemaphoreSlim _writing = new(1);
    private readonly MemoryStream _compressed = new();
    private ZLibStream? _headers;
    private int _opened;
    private int _errors;

    /// <summary>Serves until the other end goes.</summary>
    public async Task RunAsync()
    {
        var head = new byte[8];
        while (await Fill(head))
        {
            var payload = new byte[BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(4)) & 0xffffff];
            if (!await Fill(payload))
                return;
            if ((head[0] & 0x80) == 0)
                await Data(BinaryPrimitives.ReadInt32BigEndian(head), head[4], payload);
            else
                await Control(BinaryPrimitives.ReadUInt16BigEndian(head.AsSpan(2)), payload);
        }
    }

    public void Dispose()
    {
        foreach (var stream in _streams.Values)
            stream?.Dispose();
        _headers?.Dispose();
        _compressed.Dispose();
        _writing.Dispose();
    }

    private async Task Control(ushort type, byte[] payload)
    {
        switch (type)
        {
            case SynStream:
                await Open(BinaryPrimitives.ReadInt32BigEndian(payload) & 0x7fffffff);
                break;
            case Ping:
                await Send(Frame(Ping, payload));
                break;
            case Reset when _streams.Remove(BinaryPrimitives.ReadInt32BigEndian(payload), out var stream):
                stream?.Dispose();
                break;
            case GoAway:
                break;
        }
    }

    private async Task Open(int id)
    {
        var isData = _opened++ % 2 == 1;
        _streams[id] = null;
        await _writing.WaitAsync();
        try
        {
            await write(Frame(SynReply, [.. Number(id), .. NoHeaders()]));
        }
        finally
        {
            _writing.Release();
        }

        if (!isData)
        {
            _errors = id;
            return;
        }

        var errors = _errors;
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", port);
        var stream = new NetworkStream(socket, ownsSocket: true);
        _streams[id] = stream;
        _ = Task.Run(async () =>
        {
            var buffer = new byte[32 * 1024];
            int count;
            while ((count = await stream.ReadAsync(buffer)) > 0)
                await Send(DataFrame(id, 0, buffer[..count]));
            await Send(DataFrame(id, Fin, []));
            await Send(DataFrame(errors, Fin, []));
        });
    }

    private async Task Data(int id, byte flags, byte[] payload)
    {
        if (_streams.GetValueOrDefault(id) is not { } stream)
            return;
        await stream.WriteAsync(payload);
        if ((flags & Fin) != 0)
            stream.Socket.Shutdown(SocketShutdown.Send);
    }

    /// <summary>A header block that names nothing. All blocks of a session are one compressed stream; one that doesn't ask for the protocol's dictionary needs none.</summary>
    private byte[] NoHeaders()
    {
        _headers ??= new ZLibStream(_compressed, CompressionMode.Compress, leaveOpen: true);
        _compressed.SetLength(0);
        _headers.Write(new byte[4]);
        _headers.Flush();
        return _compressed.ToArray();
    }

    private async Task Send(byte[] frame)
    {
        await _writing.WaitAsync();
        try
        {
            await write(frame);
        }
        finally
        {
            _writing.Release();
        }
    }

    private static byte[] Frame(ushort type, byte[] payload) => [0x80, 3, (byte)(type >> 8), (byte)type, .. Number(payload.Length), .. payload];

    private static byte[] DataFrame(int id, byte flags, byte[] payload) => [.. Number(id), .. Number((flags << 24) | payload.Length), .. payload];

    private static byte[] Number(int number)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, number);
        return bytes;
    }

    private async Task<bool> Fill(byte[] buffer)
    {
        for (var filled = 0; filled < buffer.Length;)
        {
            var count = await read(buffer.AsMemory(filled));
            if (count == 0)
                return false;
            filled += count;
        }

        return true;
    }
}
