using Microsoft.Extensions.Time.Testing;
using Weft.Relay.Frames;

namespace Weft.Relay.Tests.Frames;

public sealed class FrameRelayTests
{
    private static readonly byte[] Ended = FrameBytes.Close(1000, "done");

    private static CancellationToken Cancel => Wait.Token;

    [Fact]
    public async Task Passes_FramesBothWays()
    {
        using var session = await TestSession.Start();
        byte[] small = FrameBytes.Content(1),
            large = FrameBytes.Content(300_000);
        await session.Sender.Send(2, small);
        await session.Listener.Expect(2, small);
        var sending = session.Listener.Send(1, large);
        await session.Sender.Expect(1, large);
        await sending;
        Assert.Equal((1, 300_000), (session.Relay.BytesUp, session.Relay.BytesDown));
    }

    [Fact]
    public async Task Keeps_BoundariesOfFramesThatComeTogether()
    {
        using var session = await TestSession.Start();
        Frame[] frames =
        [
            new(true, 2, [1]),
            new(false, 1, [2, 3]),
            new(true, 0, []),
            new(true, 2, []),
            new(true, 2, FrameBytes.Content(126)),
        ];
        await session.Sender.SendBytes(frames.SelectMany(f => FrameBytes.Masked(f, 7)).ToArray());
        foreach (var frame in frames)
            Assert.Equal(frame, await session.Listener.Receive());
    }

    [Fact]
    public async Task Passes_WhatCameWithTheHandshake()
    {
        var payload = FrameBytes.Content(100_000);
        using var session = await TestSession.Start(early: FrameBytes.Masked(new Frame(true, 2, payload), 9));
        await session.Listener.Expect(2, payload);
    }

    [Fact]
    public async Task Passes_HalfOfAFrame_BeforeTheRestComes()
    {
        using var session = await TestSession.Start();
        var bytes = FrameBytes.Masked(new Frame(true, 2, [1, 2, 3, 4]), 0);
        await session.Sender.SendBytes(bytes[..8]);
        var begun = new byte[4];
        await session.Listener.Stream.ReadExactlyAsync(begun, Cancel);
        Assert.Equal([0x82, 4, 1, 2], begun);
    }

    [Fact]
    public async Task Closes_OneWayOnly_UntilTheOtherCloses()
    {
        using var session = await TestSession.Start();
        await session.Sender.Send(2, [1]);
        await session.Sender.Send(8, Ended);
        await session.Listener.Expect(2, [1]);
        await session.Listener.Expect(8, Ended);
        for (byte i = 0; i < 3; i++)
        {
            await session.Listener.Send(2, [i]);
            await session.Sender.Expect(2, [i]);
        }

        await session.Listener.Send(8, FrameBytes.Close(3000));
        await session.Sender.Expect(8, FrameBytes.Close(3000));
        await session.Sender.ExpectAbort();
        session.Sender.End();
        session.Listener.End();
        var end = await session.WhenEnded();
        Assert.Equal((EndReason.Closed, (ushort?)1000, 1L, 3L), (end.Reason, end.Code, end.BytesUp, end.BytesDown));
    }

    [Fact]
    public async Task Closes_WithoutACode()
    {
        using var session = await TestSession.Start();
        await session.Listener.Send(8, []);
        await session.Sender.Expect(8, []);
        await session.Sender.Send(8, []);
        await session.Listener.Expect(8, []);
        await session.Listener.ExpectAbort();
        session.Sender.End();
        session.Listener.End();
        Assert.Equal(EndReason.Closed, (await session.WhenEnded()).Reason);
    }

    [Fact]
    public async Task Aborts_PeerThatDoesntEndItsConnection_AfterBothClosed()
    {
        using var session = await TestSession.Start(
            FrameRelayOptions.Default with
            {
                CloseTimeout = TimeSpan.FromMilliseconds(200),
            }
        );
        await session.Sender.Send(8, Ended);
        await session.Listener.Send(8, Ended);
        Assert.Equal(EndReason.Closed, (await session.WhenEnded()).Reason);
    }

    public static TheoryData<bool, string, string> Aborts()
    {
        var data = new TheoryData<bool, string, string>();
        foreach (var bySender in new[] { true, false })
        {
            foreach (var how in new[] { "fin", "rst" })
            {
                foreach (var where in new[] { "idle", "mid-message", "mid-frame", "mid-header", "after-close" })
                    data.Add(bySender, how, where);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Aborts))]
    public async Task Aborts_OtherSide_WhenOneGoesWithoutClose(bool bySender, string how, string where)
    {
        using var session = await TestSession.Start();
        var (goes, stays) = bySender ? (session.Sender, session.Listener) : (session.Listener, session.Sender);
        byte[] before = where switch
        {
            "mid-message" => FrameBytes.Masked(new Frame(false, 2, [1]), 1),
            "mid-frame" => FrameBytes.Masked(new Frame(true, 2, [1, 2]), 1)[..^1],
            "mid-header" => [0x82],
            "after-close" => FrameBytes.Masked(new Frame(true, 8, []), 1),
            _ => [],
        };
        await goes.SendBytes(before);
        if (where is "mid-message" or "after-close")
            Assert.NotNull(await stays.Receive());
        if (how == "fin")
            goes.End();
        else
            goes.Reset();
        try
        {
            await stays.ExpectAbort();
        }
        catch (EndOfStreamException)
        {
            // In the middle of a frame: no Close could be read there either.
        }

        stays.End();
        var end = await session.WhenEnded();
        Assert.Equal(EndReason.Gone, end.Reason);
        Assert.NotNull(end.FailedPeer);
    }

    [Fact]
    public async Task Closes_PeerThatBreaksTheProtocol_AndAbortsTheOther()
    {
        using var session = await TestSession.Start();
        await session.Sender.SendBytes([0x82, 0x01, 0x61]);
        var close = await session.Sender.Receive();
        Assert.Equal((8, (ushort)1002), (close!.Opcode & 0xF, CloseCodes.ReadCode(close.Payload)));
        await session.Listener.ExpectAbort();
        session.Sender.End();
        var end = await session.WhenEnded();
        Assert.Equal((EndReason.ProtocolError, (ushort?)1002), (end.Reason, end.Code));
    }

    [Fact]
    public async Task Answers_PingBetweenFragments_WithoutTellingThePeer()
    {
        using var session = await TestSession.Start();
        await session.Sender.Send(2, [1], isFinal: false);
        await session.Sender.Send(9, [7, 7]);
        await session.Sender.Send(10, [8]);
        await session.Sender.Send(0, [2]);
        await session.Sender.Expect(10, [7, 7]);
        await session.Listener.Expect(2, [1], isFinal: false);
        await session.Listener.Expect(0, [2]);
    }

    [Fact]
    public async Task Answers_PingOnlyWhereAFrameToThePingerEnds()
    {
        using var session = await TestSession.Start();
        var bytes = FrameBytes.Masked(new Frame(true, 2, [1, 2, 3, 4]), 0);
        await session.Listener.SendBytes(bytes[..8]);
        var begun = new byte[4];
        await session.Sender.Stream.ReadExactlyAsync(begun, Cancel);
        await session.Sender.Send(9, [5]);
        await session.Sender.Send(9, [6]);
        // The pings are read before what comes after them, so what they ask for waits by then.
        await session.Sender.Send(2, [0]);
        await session.Listener.Expect(2, [0]);
        await session.Listener.SendBytes([.. bytes[8..], .. FrameBytes.Masked(new Frame(true, 2, [9]), 3)]);
        var rest = new byte[2];
        await session.Sender.Stream.ReadExactlyAsync(rest, Cancel);
        Assert.Equal([3, 4], rest);
        await session.Sender.Expect(10, [6]);
        await session.Sender.Expect(2, [9]);
    }

    [Fact]
    public async Task Keeps_DataWhole_UnderPingsFromBothSides()
    {
        using var session = await TestSession.Start();
        await Task.WhenAll(
            Blast(session.Sender),
            Blast(session.Listener),
            Check(session.Sender),
            Check(session.Listener)
        );

        static async Task Blast(TestPeer peer)
        {
            for (var i = 0; i < 400; i++)
            {
                await peer.Send(9, BitConverter.GetBytes(i));
                await peer.Send(2, [.. BitConverter.GetBytes(i), .. new byte[i * 53 % 5000]], isFinal: false);
                await peer.Send(9, []);
                await peer.Send(0, BitConverter.GetBytes(~i));
            }
        }

        static async Task Check(TestPeer peer)
        {
            for (var i = 0; i < 400; i++)
            {
                var first = await NextData(peer);
                Assert.Equal((2, i), (first.Opcode, BitConverter.ToInt32(first.Payload)));
                var second = await NextData(peer);
                Assert.Equal((0, ~i), (second.Opcode, BitConverter.ToInt32(second.Payload)));
            }
        }

        static async Task<Frame> NextData(TestPeer peer)
        {
            Frame? frame;
            do frame = await peer.Receive();
            while (frame is { Opcode: 10 });
            return Assert.IsType<Frame>(frame);
        }
    }

    [Fact]
    public async Task Waits_ForAReaderThatStops()
    {
        using var session = await TestSession.Start();
        var payload = FrameBytes.Content(1 << 20);
        var sending = Task.Run(
            async () =>
            {
                for (var i = 0; i < 32; i++)
                    await session.Sender.Send(2, payload);
            },
            Cancel
        );
        await UntilHeldUp(session);
        Assert.False(sending.IsCompleted, "the sender must feel that nobody reads");
        for (var i = 0; i < 32; i++)
            await session.Listener.Expect(2, payload);
        await sending;
    }

    [Fact]
    public async Task Pings_IdlePeers_AndDropsWhoDoesntAnswer()
    {
        var time = new FakeTimeProvider();
        using var session = await TestSession.Start(time: time);
        for (byte i = 0; i < 2; i++)
        {
            Advance(time);
            await session.Sender.Expect(9, []);
            await session.Listener.Send(10, []);
            await session.Listener.Send(2, [i]);
            await session.Sender.Expect(2, [i]);
        }

        Assert.False(session.End.IsCompleted);
        Advance(time);
        var end = await session.WhenEnded();
        Assert.Equal(EndReason.Silent, end.Reason);
        await session.Listener.Expect(9, []);
        await session.Listener.ExpectAbort();
    }

    [Fact]
    public async Task Counts_AnyFrameAsAlive()
    {
        var time = new FakeTimeProvider();
        using var session = await TestSession.Start(time: time);
        for (byte i = 0; i < 10; i++)
        {
            await session.Sender.Send(10, []);
            await session.Listener.Send(10, []);
            // Pongs leave no trace, so one more frame shows that they were read.
            await session.Sender.Send(2, [i]);
            await session.Listener.Expect(2, [i]);
            await session.Listener.Send(2, [i]);
            await session.Sender.Expect(2, [i]);
            Advance(time);
        }

        Assert.False(session.End.IsCompleted);
    }

    [Fact]
    public async Task Ends_HalfThatIsIdleForTooLong()
    {
        var time = new FakeTimeProvider();
        using var session = await TestSession.Start(
            FrameRelayOptions.Default with
            {
                HalfClosedTimeout = TimeSpan.FromSeconds(50),
            },
            time
        );
        await session.Sender.Send(8, []);
        await session.Listener.Expect(8, []);
        // What comes after a Close is read and dropped; more than any buffer holds goes through once that has begun.
        await session.Sender.SendBytes(new byte[32 << 20]);
        await Eventually.Holds(
            () =>
            {
                Advance(time);
                return session.End.IsCompleted;
            },
            "the session ends"
        );
        Assert.Equal(EndReason.HalfClosedIdle, (await session.WhenEnded()).Reason);
        await session.Sender.ExpectAbort();
    }

    [Fact]
    public async Task Terminates_WithTheReason()
    {
        using var session = await TestSession.Start();
        session.Relay.Terminate(CloseCode.PolicyViolation, "the rules have changed");
        await session.Sender.Expect(8, FrameBytes.Close(1008, "the rules have changed"));
        await session.Listener.Expect(8, FrameBytes.Close(1008, "the rules have changed"));
        session.Sender.End();
        session.Listener.End();
        Assert.Equal(EndReason.Cut, (await session.WhenEnded()).Reason);
    }

    [Fact]
    public async Task Terminates_PeersThatNeitherReadNorEnd()
    {
        using var session = await TestSession.Start(
            FrameRelayOptions.Default with
            {
                TerminateTimeout = TimeSpan.FromMilliseconds(300),
            }
        );
        var sending = session.Sender.Send(2, new byte[64 << 20]);
        await UntilHeldUp(session);
        session.Relay.Terminate(CloseCode.PolicyViolation, "now");
        Assert.Equal(EndReason.Cut, (await session.WhenEnded()).Reason);
        await Assert.ThrowsAsync<IOException>(() => sending);
    }

    /// <summary>Waits until what the sender sends no longer gets on, as the listener doesn't read.</summary>
    private static Task UntilHeldUp(TestSession session) =>
        Eventually.Holds(
            async () =>
            {
                var before = session.Relay.BytesUp;
                await Task.Delay(500, Cancel);
                return before > 0 && before == session.Relay.BytesUp;
            },
            "the sender is held up"
        );

    private static void Advance(FakeTimeProvider time) => time.Advance(FrameRelayOptions.Default.PingInterval);
}
