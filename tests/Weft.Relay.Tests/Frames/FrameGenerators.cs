using CsCheck;

namespace Weft.Relay.Tests.Frames;

/// <summary>What one side may say, frame by frame.</summary>
internal static class FrameGenerators
{
    /// <summary>Messages of one to four fragments, with control frames anywhere between.</summary>
    public static Gen<Frame[]> Any =>
        Gen.Select(
            Gen.Select(Gen.Bool, Payload, Payload.Array[0, 3]).Array[1, 8],
            Gen.Select(Gen.Int[0, 20], Gen.Bool, Gen.Byte.Array[0, 125]).Array[0, 4],
            (messages, controls) =>
            {
                var frames = messages.SelectMany((m, _) => Message(m.Item1, m.Item2, m.Item3)).ToList();
                foreach (var (place, isPing, payload) in controls)
                    frames.Insert(Math.Min(place, frames.Count), new Frame(true, isPing ? 9 : 10, payload));
                return frames.ToArray();
            }
        );

    private static Gen<byte[]> Payload =>
        Gen.OneOf(Gen.Byte.Array[0, 20], Gen.Byte.Array[120, 130], Gen.Byte.Array[0, 700]);

    private static IEnumerable<Frame> Message(bool isText, byte[] first, byte[][] rest)
    {
        yield return new Frame(rest.Length == 0, isText ? 1 : 2, first);
        for (var i = 0; i < rest.Length; i++)
            yield return new Frame(i == rest.Length - 1, 0, rest[i]);
    }

    /// <summary>
    /// The same in a client's bytes, with wrong frames among them, or wrong bytes: what is wrong is likely to come
    /// late.
    /// </summary>
    public static Gen<byte[]> Damaged =>
        Gen.Select(
            Any,
            Gen.UInt,
            Gen.Select(Gen.Int[0, 50], Gen.Bool, Gen.Int[0, 15]).Array[0, 2],
            Gen.Select(Gen.Int[0, 2000], Gen.Byte).Array[0, 2],
            (frames, key, wrong, damage) =>
            {
                foreach (var (place, isFinal, opcode) in wrong)
                    frames[place % frames.Length] = frames[place % frames.Length] with
                    {
                        IsFinal = isFinal,
                        Opcode = opcode,
                    };
                var bytes = frames.SelectMany(f => FrameBytes.Masked(f, key)).ToArray();
                foreach (var (place, value) in damage)
                    bytes[place % bytes.Length] = value;
                return bytes;
            }
        );
}
