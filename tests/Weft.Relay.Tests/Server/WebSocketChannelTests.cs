using CsCheck;
using Microsoft.Extensions.Time.Testing;
using Weft.Relay.Frames;
using Weft.Relay.Server.Http;
using Weft.Relay.Tests.Frames;
using FrameWire = Weft.Relay.Tests.Frames.FrameBytes;

namespace Weft.Relay.Tests.Server;

public sealed class WebSocketChannelTests
{
    private const int Limit = 64 * 1024;

    [Fact]
    public async Task Reads_MessagesAndAnswersPings_HoweverTheyAreCut() =>
        await Gen.Select(FrameGenerators.Any, Gen.Int[1, 400].Array[1, 60], Gen.UInt)
            .SampleAsync(
                async (frames, cuts, key) =>
                {
                    var heard = await Listen(
                        [
                            .. frames.SelectMany(f => FrameWire.Masked(f, key)),
                            .. FrameWire.Masked(new Frame(true, 8, FrameWire.Close(1000)), key),
                        ],
                        cuts
                    );
                    Assert.Equal(Messages(frames), heard.Messages, Same);
                    Assert.Equal(
                        frames.Where(f => f.Opcode == 9).SelectMany(f => FrameWire.Plain(f with { Opcode = 10 })),
                        heard.Written
                    );
                    Assert.Null(heard.Failure);
                }
            );

    /// <summary>
    /// The pump and the channel read the same frames by different ways; what is wrong must be the same to both.
    /// </summary>
    [Fact]
    public async Task Finds_TheFaultThatFramePumpFinds() =>
        await Gen.Select(Gen.OneOf(FrameGenerators.Damaged, Gen.Byte.Array[0, 200]), Gen.Int[1, 400].Array[1, 60])
            .SampleAsync(
                async (bytes, cuts) =>
                {
                    var feed = new TranslatorFeed();
                    feed.Feed(bytes);
                    var heard = await Listen(bytes, cuts);
                    if (feed.Translator.Fault is { } fault)
                        Assert.Equal(
                            ((ushort)fault.Code, fault.Reason),
                            heard.Failure is ProtocolViolationException violation
                                ? (violation.Code, violation.Message)
                                : (0, $"{heard.Failure}")
                        );
                    else if (feed.HasEnded)
                        Assert.Null(heard.Failure);
                    else
                        Assert.IsType<IOException>(heard.Failure);
                },
                iter: 2000
            );

    [Fact]
    public async Task Refuses_MessageThatIsTooLong_WhateverItsFragments() =>
        await Gen.Select(Gen.Int[1, 9000].Array[2, 30], Gen.UInt)
            .SampleAsync(
                async (sizes, key) =>
                {
                    Frame[] frames =
                    [
                        .. sizes.Select(
                            (size, i) => new Frame(i == sizes.Length - 1, i == 0 ? 1 : 0, FrameWire.Content(size))
                        ),
                        new(true, 8, []),
                    ];
                    var heard = await Listen([.. frames.SelectMany(f => FrameWire.Masked(f, key))], [5000]);
                    if (sizes.Sum() > Limit)
                        Assert.Equal(1009, Assert.IsType<ProtocolViolationException>(heard.Failure).Code);
                    else
                        Assert.Equal(sizes.Sum(), Assert.Single(heard.Messages).Length);
                }
            );

    private static IEnumerable<byte[]> Messages(Frame[] frames)
    {
        List<byte> message = [];
        foreach (var frame in frames.Where(f => f.Opcode < 8))
        {
            message.AddRange(frame.Payload);
            if (!frame.IsFinal)
                continue;
            yield return [.. message];
            message.Clear();
        }
    }

    private static bool Same(byte[] one, byte[] other) => one.AsSpan().SequenceEqual(other);

    private static async Task<(List<byte[]> Messages, byte[] Written, IOException? Failure)> Listen(
        byte[] bytes,
        int[] cuts
    )
    {
        var stream = new CutStream(bytes, cuts);
        using var channel = new WebSocketChannel(
            new SessionPeer(stream, ReadOnlyMemory<byte>.Empty, stream.Dispose),
            new FakeTimeProvider()
        );
        List<byte[]> messages = [];
        try
        {
            while (
                await channel.ReadMessage(Limit, TestContext.Current.CancellationToken)
                    is { Kind: not Opcode.Close } message
            )
                messages.Add(message.Bytes);
            return (messages, stream.Written, null);
        }
        catch (IOException e)
        {
            return (messages, stream.Written, e);
        }
    }

    /// <summary>Gives its bytes in pieces, as a network does, then ends; keeps what is written.</summary>
    private sealed class CutStream(byte[] bytes, int[] cuts) : MemoryStream
    {
        private int _at;
        private int _reads;

        public byte[] Written => ToArray();

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = buffer.IsEmpty
                ? 0
                : Math.Min(Math.Min(cuts[_reads++ % cuts.Length], bytes.Length - _at), buffer.Length);
            bytes.AsMemory(_at, count).CopyTo(buffer);
            _at += count;
            return ValueTask.FromResult(count);
        }
    }
}
