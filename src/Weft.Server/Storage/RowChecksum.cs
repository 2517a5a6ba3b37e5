using System.Text;
using Weft.Files;
using Weft.Resources;

namespace Weft.Server.Storage;

/// <summary>
/// The checksum of a row: CRC-32C over its key, revision and body, so that a flipped bit never passes.
/// </summary>
internal static class RowChecksum
{
    /// <summary>The checksum of a row as it stands in the file.</summary>
    /// <param name="key">The key in UTF-8.</param>
    public static uint Of(ReadOnlySpan<byte> key, long revision, ReadOnlySpan<byte> body)
    {
        // The key's length stands before it: the end of a key can't pass for the beginning of a body.
        var crc = Crc32C.Append(Crc32C.Begin, key.Length);
        crc = Crc32C.Append(crc, key);
        crc = Crc32C.Append(crc, revision);
        return ~Crc32C.Append(crc, body);
    }

    /// <summary>The checksum of a row.</summary>
    public static uint Of(Row row) => Of(Encoding.UTF8.GetBytes(row.Key), row.Revision, row.Bytes.Span);

    /// <summary>The checksum of a record of leases.</summary>
    public static uint Of(int id, ReadOnlySpan<byte> body) => ~Crc32C.Append(Crc32C.Append(Crc32C.Begin, id), body);

    /// <summary>The checksum of a lease that has ended.</summary>
    public static uint OfEnded(long id, long clock, ReadOnlySpan<byte> body) =>
        ~Crc32C.Append(Crc32C.Append(Crc32C.Append(Crc32C.Begin, id), clock), body);

    /// <summary>The checksum of an id that stands in records as a number.</summary>
    public static uint OfName(int number, string name) => Of(~number, Encoding.UTF8.GetBytes(name));

    /// <summary>
    /// What a row adds to the sum over all rows, which doesn't depend on their order. Checksums alone are linear, and
    /// two lost rows could cancel each other out: they are mixed first (splitmix64).
    /// </summary>
    /// <param name="checksum">The row's checksum.</param>
    /// <param name="revision">Its revision; of a record of leases its number.</param>
    public static ulong Term(uint checksum, long revision)
    {
        var mixed = ((ulong)checksum << 32) + ((ulong)revision * 0x9E3779B97F4A7C15);
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>The checksum of numbers.</summary>
    public static uint Of(params ReadOnlySpan<long> numbers)
    {
        var crc = Crc32C.Begin;
        foreach (var number in numbers)
            crc = Crc32C.Append(crc, number);
        return ~crc;
    }
}
