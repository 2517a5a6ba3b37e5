using System.Buffers.Binary;
using System.Security.Cryptography;
using Weft.Relay.Frames;

namespace Weft.Relay.Tests.Frames;

/// <summary>A frame as it was sent or received.</summary>
internal sealed record Frame(bool IsFinal, int Opcode, byte[] Payload)
{
    public bool Equals(Frame? other) =>
        other is not null
        && IsFinal == other.IsFinal
        && Opcode == other.Opcode
        && Payload.AsSpan().SequenceEqual(other.Payload);

    public override int GetHashCode() => HashCode.Combine(IsFinal, Opcode, Payload.Length);

    public override string ToString() => $"{(IsFinal ? "" : "…")}{Opcode:x}[{Payload.Length}]";
}

/// <summary>Frames written and read the plain way, byte for byte: what the translator is held against.</summary>
internal static class FrameBytes
{
    public static byte[] Masked(Frame frame, uint key)
    {
        var mask = BitConverter.GetBytes(key);
        return [.. Header(frame, 0x80), .. mask, .. frame.Payload.Select((b, i) => (byte)(b ^ mask[i % 4]))];
    }

    public static byte[] Plain(Frame frame) => [.. Header(frame, 0), .. frame.Payload];

    public static byte[] Close(int code, string reason = "") =>
        [(byte)(code >> 8), (byte)code, .. System.Text.Encoding.UTF8.GetBytes(reason)];

    public static byte[] Content(int length) => RandomNumberGenerator.GetBytes(length);

    private static byte[] Header(Frame frame, byte masked)
    {
        var first = (byte)((frame.IsFinal ? 0x80 : 0) | frame.Opcode);
        var length = frame.Payload.Length;
        if (length <= 125)
            return [first, (byte)(masked | length)];
        return length <= 0xFFFF
            ? [first, (byte)(masked | 126), (byte)(length >> 8), (byte)length]
            :
            [
                first,
                (byte)(masked | 127),
                0,
                0,
                0,
                0,
                (byte)(length >> 24),
                (byte)(length >> 16),
                (byte)(length >> 8),
                (byte)length,
            ];
    }

    /// <summary>Reads a server's frame; null where the connection ends.</summary>
    public static async Task<Frame?> Read(Stream stream, CancellationToken cancel)
    {
        var head = new byte[2];
        if (await stream.ReadAtLeastAsync(head, 2, false, cancel) < 2)
            return null;
        Assert.True((head[1] & 0x80) == 0, "a server's frame must not be masked");
        long length = head[1];
        if (length >= 126)
        {
            var more = new byte[length == 126 ? 2 : 8];
            await stream.ReadExactlyAsync(more, cancel);
            length =
                more.Length == 2
                    ? BinaryPrimitives.ReadUInt16BigEndian(more)
                    : BinaryPrimitives.ReadInt64BigEndian(more);
        }

        var payload = new byte[length];
        await stream.ReadExactlyAsync(payload, cancel);
        return new Frame((head[0] & 0x80) != 0, head[0] & 0x7F, payload);
    }
}

/// <summary>A translator with its buffer, fed in pieces.</summary>
internal sealed class TranslatorFeed
{
    private readonly byte[] _buffer = new byte[FrameTranslator.Headroom + (64 * 1024)];

    public FrameTranslator Translator { get; } = new();

    public List<byte> Written { get; } = [];

    public List<(TranslationResult Stop, byte[] Payload)> Results { get; } = [];

    public bool HasEnded { get; private set; }

    /// <summary>Translates a piece, and checks what holds for any.</summary>
    public void Feed(ReadOnlySpan<byte> piece)
    {
        if (HasEnded)
            return;
        piece.CopyTo(_buffer.AsSpan(FrameTranslator.Headroom));
        var cursor = new FrameCursor(FrameTranslator.Headroom, FrameTranslator.Headroom + piece.Length);
        TranslationResult stop;
        while (
            (stop = Translator.TranslateNext(_buffer, ref cursor)) is TranslationResult.Ping or TranslationResult.Pong
        )
            Results.Add((stop, Translator.Control.ToArray()));
        Assert.True(cursor.Written <= cursor.Read, "what is written may never run ahead of what is read");
        Assert.InRange(cursor.Boundary, -1, cursor.Written);
        Written.AddRange(_buffer.AsSpan(0, cursor.Written));
        if (stop == TranslationResult.NeedMoreData)
            return;
        HasEnded = true;
        Results.Add((stop, stop == TranslationResult.Close ? Translator.Control.ToArray() : []));
    }
}
