using System.IO.Pipelines;
using CsCheck;
using Weft.Relay.Client;
using Weft.Relay.Frames;

namespace Weft.Relay.Tests.Client;

public sealed class FrameReaderTests
{
    private static readonly int[] Opcodes = [2, 2, 9, 10];
    private static readonly int[] Lengths = [0, 1, 125, 126, 500, 65_535, 65_536, 70_000];
    private static readonly Gen<(int Opcode, int Length, bool IsFinal)[]> Script = Gen.Select(
        Gen.Int[0, 3].Select(i => Opcodes[i]),
        Gen.Int[0, 7].Select(i => Lengths[i]),
        Gen.Bool
    ).Array[1, 6];

    [Fact]
    public Task Reads_TheSameHoweverItIsCut() =>
        Gen.Select(Script, Gen.Int[1, 100_000].Array[1, 5], Gen.Int[1, 100_000]).SampleAsync(ReadAll, iter: 300);

    [Theory]
    [InlineData(new byte[] { 0x82, 0x81, 0, 0, 0, 0, 1 })]
    [InlineData(new byte[] { 0xC2, 0x01, 1 })]
    [InlineData(new byte[] { 0x83, 0x01, 1 })]
    [InlineData(new byte[] { 0x8B, 0x00 })]
    [InlineData(new byte[] { 0x80, 0x01, 1 })]
    [InlineData(new byte[] { 0x09, 0x00 })]
    [InlineData(new byte[] { 0x89, 0x7E, 0, 126 })]
    [InlineData(new byte[] { 0x02, 0x01, 1, 0x82, 0x01, 1 })]
    [InlineData(new byte[] { 0x82, 0x7F, 0xFF, 0, 0, 0, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 0x82 })]
    [InlineData(new byte[] { 0x82, 0x05, 1 })]
    [InlineData(new byte[] { })]
    public async Task Throws_AtWhatNoServerMaySend(byte[] bytes)
    {
        using var reader = new FrameReader(new MemoryStream(bytes), 4096, TimeProvider.System, (_, _) => { });
        await Assert.ThrowsAsync<IOException>(async () =>
        {
            for (var i = 0; i < 5; i++)
                await reader.ReadAsync(new byte[100], TestContext.Current.CancellationToken);
        });
    }

    private static async Task ReadAll(((int Opcode, int Length, bool IsFinal)[] Script, int[] Cuts, int Room) test)
    {
        var (wire, payload) = Write(test.Script);
        var pipe = new Pipe();
        var write = Task.Run(async () =>
        {
            for (int at = 0, i = 0; at < wire.Length; i++)
            {
                var part = Math.Min(test.Cuts[i % test.Cuts.Length], wire.Length - at);
                await pipe.Writer.WriteAsync(wire.AsMemory(at, part));
                at += part;
            }
        });
        using var reader = new FrameReader(pipe.Reader.AsStream(), 4096, TimeProvider.System, (_, _) => { });
        var got = new MemoryStream();
        var buffer = new byte[test.Room];
        while (
            (await reader.ReadAsync(buffer, TestContext.Current.CancellationToken))
                is { Kind: not Opcode.Close } received
        )
        {
            var more = reader.ReadBuffered(buffer.AsSpan(received.Count));
            got.Write(buffer, 0, received.Count + more);
        }

        await write;
        Assert.Equal(payload, got.ToArray());
    }

    /// <summary>
    /// Frames as a server sends them: data frames become fragments of one message where they aren't final, and controls
    /// stand between.
    /// </summary>
    private static (byte[] Wire, byte[] Payload) Write((int Opcode, int Length, bool IsFinal)[] script)
    {
        var (wire, payload, isOpen) = (new MemoryStream(), new MemoryStream(), false);
        var head = new byte[10];
        foreach (var (opcode, length, isFinal) in script.Append((2, 3, true)))
        {
            var isControl = opcode >= 8;
            var body = new byte[isControl ? Math.Min(length, 125) : length];
            Random.Shared.NextBytes(body);
            var kind =
                isControl ? (Opcode)opcode
                : isOpen ? Opcode.Continuation
                : Opcode.Binary;
            wire.Write(head, 0, FrameHeader.Write(head, isControl || isFinal, kind, body.Length));
            wire.Write(body);
            if (isControl)
                continue;
            payload.Write(body);
            isOpen = !isFinal;
        }

        wire.Write([0x88, 0x00]);
        return (wire.ToArray(), payload.ToArray());
    }
}
