namespace Weft.Testing;

/// <summary>Single bits of a file that are in use, as a failing disk or memory flips them.</summary>
internal static class BitFlips
{
    /// <summary>A run of zeros of this length is space that nothing is written to yet.</summary>
    private const int EmptyRun = 64;

    /// <summary>Draws flips.</summary>
    /// <param name="seed">The same seed draws the same ones.</param>
    /// <returns>The byte and the bit of each; the same one may come twice.</returns>
    public static IEnumerable<(int Offset, int Bit)> Draw(byte[] content, int count, int seed)
    {
        var used = UsedBytes(content);
        var random = new Random(seed);
        for (var i = 0; i < count; i++)
            yield return (used[random.Next(used.Count)], random.Next(8));
    }

    /// <summary>The content with one bit flipped.</summary>
    public static byte[] Flip(byte[] content, int offset, int bit)
    {
        var flipped = content.ToArray();
        flipped[offset] ^= (byte)(1 << bit);
        return flipped;
    }

    private static List<int> UsedBytes(byte[] content)
    {
        var used = new List<int>();
        for (var at = 0; at < content.Length; )
        {
            var zeros = 0;
            while (at + zeros < content.Length && content[at + zeros] == 0)
                zeros++;
            var length = zeros is 0 ? 1 : zeros;
            if (length < EmptyRun)
                used.AddRange(Enumerable.Range(at, length));
            at += length;
        }

        return used;
    }
}
