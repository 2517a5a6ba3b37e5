using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Weft.Relay.Frames;

/// <summary>The masking of payloads (RFC 6455, section 5.3), done while they are copied.</summary>
internal static class Masking
{
    /// <summary>
    /// Copies and masks, which is also unmasking. The target may be the source, or overlap it from before: what is
    /// written never runs ahead of what is read.
    /// </summary>
    /// <param name="key">The key, the byte for the first of <paramref name="source"/> lowest.</param>
    /// <returns>The key for the byte after the last.</returns>
    public static uint CopyMasked(ReadOnlySpan<byte> source, Span<byte> target, uint key)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(target.Length, source.Length);
        ref var from = ref MemoryMarshal.GetReference(source);
        ref var to = ref MemoryMarshal.GetReference(target);
        var mask = Vector.AsVectorByte(new Vector<uint>(key));
        var step = (nuint)Vector<byte>.Count;
        nuint at = 0,
            length = (nuint)source.Length;
        for (; length - at >= 4 * step; at += 4 * step)
        {
            var a = Vector.LoadUnsafe(ref from, at);
            var b = Vector.LoadUnsafe(ref from, at + step);
            var c = Vector.LoadUnsafe(ref from, at + (2 * step));
            var d = Vector.LoadUnsafe(ref from, at + (3 * step));
            (a ^ mask).StoreUnsafe(ref to, at);
            (b ^ mask).StoreUnsafe(ref to, at + step);
            (c ^ mask).StoreUnsafe(ref to, at + (2 * step));
            (d ^ mask).StoreUnsafe(ref to, at + (3 * step));
        }

        for (; length - at >= step; at += step)
            (Vector.LoadUnsafe(ref from, at) ^ mask).StoreUnsafe(ref to, at);
        for (; length - at >= 4; at += 4)
            Unsafe.WriteUnaligned(
                ref Unsafe.Add(ref to, at),
                Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref from, at)) ^ key
            );
        for (; at < length; at++)
        {
            Unsafe.Add(ref to, at) = (byte)(Unsafe.Add(ref from, at) ^ key);
            key = BitOperations.RotateRight(key, 8);
        }

        return key;
    }
}
