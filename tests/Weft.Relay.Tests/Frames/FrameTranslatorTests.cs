using CsCheck;
using Weft.Relay.Frames;

namespace Weft.Relay.Tests.Frames;

public sealed class FrameTranslatorTests
{
    private const uint Key = 0xA1B2C3D4;

    private static readonly Frame[] Conversation =
    [
        new(true, 2, FrameBytes.Content(5)),
        new(true, 1, []),
        new(true, 9, FrameBytes.Content(3)),
        new(false, 2, FrameBytes.Content(126)),
        new(true, 9, []),
        new(true, 10, FrameBytes.Content(125)),
        new(false, 0, FrameBytes.Content(7)),
        new(true, 0, FrameBytes.Content(300)),
        new(true, 2, FrameBytes.Content(1)),
        new(true, 8, FrameBytes.Close(1000, "done")),
    ];

    [Fact]
    public void Translates_SplitAtEveryByte()
    {
        var bytes = Conversation.SelectMany(f => FrameBytes.Masked(f, Key)).ToArray();
        var expected = Conversation.Where(f => f.Opcode < 8).SelectMany(FrameBytes.Plain).ToArray();
        for (var at = 0; at <= bytes.Length; at++)
        {
            var feed = new TranslatorFeed();
            feed.Feed(bytes.AsSpan(0, at));
            feed.Feed(bytes.AsSpan(at));
            Assert.Equal(expected, feed.Written);
            Assert.Equal(
                [TranslationResult.Ping, TranslationResult.Ping, TranslationResult.Pong, TranslationResult.Close],
                feed.Results.Select(s => s.Stop)
            );
            Assert.Equal(Conversation[^1].Payload, feed.Results[^1].Payload);
        }
    }

    [Fact]
    public void Translates_ByteByByte()
    {
        var feed = new TranslatorFeed();
        foreach (var b in Conversation.SelectMany(f => FrameBytes.Masked(f, Key)))
            feed.Feed([b]);
        Assert.Equal(Conversation.Where(f => f.Opcode < 8).SelectMany(FrameBytes.Plain), feed.Written);
        Assert.Equal(Conversation[2].Payload, feed.Results[0].Payload);
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
        var frame = new Frame(true, 2, FrameBytes.Content(length));
        var feed = new TranslatorFeed();
        foreach (var piece in FrameBytes.Masked(frame, Key).Chunk(10_007))
            feed.Feed(piece);
        Assert.Equal(FrameBytes.Plain(frame), feed.Written);
        Assert.False(feed.Translator.IsMidFrame);
    }

    [Fact]
    public void Streams_FrameLongerThanMemory()
    {
        var feed = new TranslatorFeed();
        feed.Feed([0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 1, 2, 3]);
        Assert.Equal([0x82, 0x7F, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3], feed.Written);
        Assert.True(feed.Translator.IsMidFrame);
    }

    [Fact]
    public void Agrees_WithPlainOracle() =>
        Gen.Select(FrameGenerators.Any, Gen.Int[1, 400].Array[1, 60], Gen.UInt)
            .Sample(
                (frames, cuts, key) =>
                {
                    var bytes = frames.SelectMany(f => FrameBytes.Masked(f, key)).ToArray();
                    var feed = new TranslatorFeed();
                    for (int at = 0, i = 0; at < bytes.Length; i++)
                    {
                        var count = Math.Min(cuts[i % cuts.Length], bytes.Length - at);
                        feed.Feed(bytes.AsSpan(at, count));
                        at += count;
                    }

                    Assert.Equal(frames.Where(f => f.Opcode < 8).SelectMany(FrameBytes.Plain), feed.Written);
                    Assert.Equal(
                        frames.Where(f => f.Opcode >= 8).Select(f => f.Payload),
                        feed.Results.Select(s => s.Payload)
                    );
                }
            );

    [Fact]
    public void Survives_Garbage() =>
        Gen
            .Byte.Array[0, 200]
            .Sample(bytes =>
            {
                TranslatorFeed whole = new(),
                    single = new();
                whole.Feed(bytes);
                foreach (var b in bytes)
                    single.Feed([b]);
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
        var feed = new TranslatorFeed();
        feed.Feed(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)));
        Assert.Equal(TranslationResult.Fault, feed.Results.Single().Stop);
        Assert.Contains(reason, feed.Translator.Fault!.Reason, StringComparison.Ordinal);
        Assert.True(System.Text.Encoding.UTF8.GetByteCount(feed.Translator.Fault.Reason) <= 123);
    }

    [Theory]
    [InlineData("C2 80")]
    [InlineData("82 01")]
    [InlineData("89 FE")]
    public void Finds_FaultInFirstTwoBytes(string hex)
    {
        var feed = new TranslatorFeed();
        feed.Feed(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)));
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
        var feed = new TranslatorFeed();
        feed.Feed(FrameBytes.Masked(new Frame(true, 8, FrameBytes.Close(code, "grüß")), Key));
        Assert.Equal(TranslationResult.Close, feed.Results.Single().Stop);
        Assert.Equal("grüß", CloseCodes.ReadReason(feed.Results[0].Payload));
    }

    [Fact]
    public void Unmasks_AnyLengthAtAnyOverlap() =>
        Gen.Select(Gen.Byte.Array[0, 700], Gen.Int[0, 200], Gen.UInt)
            .Sample(
                (bytes, shift, key) =>
                {
                    var buffer = new byte[shift + bytes.Length];
                    bytes.CopyTo(buffer, shift);
                    var next = Masking.CopyMasked(buffer.AsSpan(shift), buffer, key);
                    var mask = BitConverter.GetBytes(key);
                    Assert.Equal(bytes.Select((b, i) => (byte)(b ^ mask[i % 4])), buffer.Take(bytes.Length));
                    Assert.Equal(mask[bytes.Length % 4], (byte)next);
                }
            );
}
