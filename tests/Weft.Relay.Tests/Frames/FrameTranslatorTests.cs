using CsCheck;
using Weft.Relay.Frames;

namespace Weft.Relay.Tests.Frames;

public sealed class FrameTranslatorTests
{
    private const uint Key = 0xA1B2C3D4;

    private static readonly Frame[] Conversation =
    [
        new(true, 2, Wire.Content(5)), new(true, 1, []), new(true, 9, Wire.Content(3)), new(false, 2, Wire.Content(126)), new(true, 9, []),
        new(true, 10, Wire.Content(125)), new(false, 0, Wire.Content(7)), new(true, 0, Wire.Content(300)), new(true, 2, Wire.Content(1)), new(true, 8, Wire.Close(1000, "done")),
    ];

    [Fact]
    public void Translates_SplitAtEveryByte()
    {
        var bytes = Conversation.SelectMany(f => Wire.Masked(f, Key)).ToArray();
        var expected = Conversation.Where(f => f.Opcode < 8).SelectMany(Wire.Plain).ToArray();
        for (var at = 0; at <= bytes.Length; at++)
        {
            var feed = new Feed();
            feed.Take(bytes.AsSpan(0, at));
            feed.Take(bytes.AsSpan(at));
            Assert.Equal(expected, feed.Written);
            Assert.Equal([FrameStop.Ping, FrameStop.Ping, FrameStop.Pong, FrameStop.Close], feed.Stops.Select(s => s.Stop));
            Assert.Equal(Conversation[^1].Payload, feed.Stops[^1].Payload);
        }
    }

    [Fact]
    public void Translates_ByteByByte()
    {
        var feed = new Feed();
        foreach (var b in Conversation.SelectMany(f => Wire.Masked(f, Key)))
            feed.Take([b]);
        Assert.Equal(Conversation.Where(f => f.Opcode < 8).SelectMany(Wire.Plain), feed.Written);
        Assert.Equal(Conversation[2].Payload, feed.Stops[0].Payload);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(125)]
    [InlineData(126)]
    [InlineData(65535)]
    [InlineData(65536)]
    [InlineData(200_000)]
    public void Translates_LengthAtItsBounds(int length)
    {
        var frame = new Frame(true, 2, Wire.Content(length));
        var feed = new Feed();
        foreach (var piece in Wire.Masked(frame, Key).Chunk(10_007))
            feed.Take(piece);
        Assert.Equal(Wire.Plain(frame), feed.Written);
        Assert.False(feed.Translator.IsMidFrame);
    }

    [Fact]
    public void Streams_FrameLongerThanMemory()
    {
        var feed = new Feed();
        feed.Take([0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 1, 2, 3]);
        Assert.Equal([0x82, 0x7F, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3], feed.Written);
        Assert.True(feed.Translator.IsMidFrame);
    }

    [Fact]
    public void Agrees_WithPlainOracle() =>
        Gen.Select(Conversations.Any, Gen.Int[1, 400].Array[1, 60], Gen.UInt).Sample((frames, cuts, key) =>
        {
            var bytes = frames.SelectMany(f => Wire.Masked(f, key)).ToArray();
            var feed = new Feed();
            for (int at = 0, i = 0; at < bytes.Length; i++)
            {
                var count = Math.Min(cuts[i % cuts.Length], bytes.Length - at);
                feed.Take(bytes.AsSpan(at, count));
                at += count;
            }

            Assert.Equal(frames.Where(f => f.Opcode < 8).SelectMany(Wire.Plain), feed.Written);
            Assert.Equal(frames.Where(f => f.Opcode >= 8).Select(f => f.Payload), feed.Stops.Select(s => s.Payload));
        });

    [Fact]
    public void Survives_Garbage() =>
        Gen.Byte.Array[0, 200].Sample(bytes =>
        {
            Feed whole = new(), single = new();
            whole.Take(bytes);
            foreach (var b in bytes)
                single.Take([b]);
            // However it is cut, the same comes of it, to the fault itself.
            Assert.Equal(whole.Written, single.Written);
            Assert.Equal(whole.Translator.Fault, single.Translator.Fault);
        });

    [Theory]
    [InlineData("C2 80 00 00 00 00", "reserved bit")]
    [InlineData("A2 80 00 00 00 00", "reserved bit")]
    [InlineData("92 80 00 00 00 00", "reserved bit")]
    [InlineData("83 80 00 00 00 00", "opcode")]
    [InlineData("8B 80 00 00 00 00", "opcode")]
    [InlineData("82 01 61", "masked")]
    [InlineData("09 80 00 00 00 00", "fragmented")]
    [InlineData("08 80 00 00 00 00", "fragmented")]
    [InlineData("89 FE 00 7E 00 00 00 00", "125")]
    [InlineData("82 FF 80 00 00 00 00 00 00 00 00 00 00 00", "highest bit")]
    [InlineData("82 FE 00 7D 00 00 00 00", "fewest")]
    [InlineData("82 FF 00 00 00 00 00 00 FF FF 00 00 00 00", "fewest")]
    [InlineData("80 80 00 00 00 00", "continue")]
    [InlineData("02 80 00 00 00 00 82 80 00 00 00 00", "inside another")]
    [InlineData("88 81 00 00 00 00 03", "two bytes")]
    [InlineData("88 82 00 00 00 00 03 ED", "may not be sent")]
    [InlineData("88 82 00 00 00 00 03 EE", "may not be sent")]
    [InlineData("88 82 00 00 00 00 00 00", "may not be sent")]
    [InlineData("88 82 00 00 00 00 07 D0", "may not be sent")]
    [InlineData("88 82 00 00 00 00 13 88", "may not be sent")]
    [InlineData("88 83 00 00 00 00 03 E8 FF", "UTF-8")]
    public void Finds_Fault(string hex, string reason)
    {
        var feed = new Feed();
        feed.Take(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)));
        Assert.Equal(FrameStop.Fault, feed.Stops.Single().Stop);
        Assert.Contains(reason, feed.Translator.Fault!.Reason, StringComparison.Ordinal);
        Assert.True(System.Text.Encoding.UTF8.GetByteCount(feed.Translator.Fault.Reason) <= 123);
    }

    [Theory]
    [InlineData("C2 80")]
    [InlineData("82 01")]
    [InlineData("89 FE")]
    public void Finds_FaultInFirstTwoBytes(string hex)
    {
        var feed = new Feed();
        feed.Take(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)));
        Assert.NotNull(feed.Translator.Fault);
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(1001)]
    [InlineData(1011)]
    [InlineData(1014)]
    [InlineData(3000)]
    [InlineData(4999)]
    public void Passes_CloseCode(int code)
    {
        var feed = new Feed();
        feed.Take(Wire.Masked(new Frame(true, 8, Wire.Close(code, "grüß")), Key));
        Assert.Equal(FrameStop.Close, feed.Stops.Single().Stop);
        Assert.Equal("grüß", CloseCodes.Reason(feed.Stops[0].Payload));
    }

    [Fact]
    public void Unmasks_AnyLengthAtAnyOverlap() =>
        Gen.Select(Gen.Byte.Array[0, 700], Gen.Int[0, 200], Gen.UInt).Sample((bytes, shift, key) =>
        {
            var buffer = new byte[shift + bytes.Length];
            bytes.CopyTo(buffer, shift);
            var next = Masking.Copy(buffer.AsSpan(shift), buffer, key);
            var mask = BitConverter.GetBytes(key);
            Assert.Equal(bytes.Select((b, i) => (byte)(b ^ mask[i % 4])), buffer.Take(bytes.Length));
            Assert.Equal(mask[bytes.Length % 4], (byte)next);
        });
}
