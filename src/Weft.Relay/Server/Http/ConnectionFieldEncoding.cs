using System.Text;

namespace Weft.Relay.Server.Http;

/// <summary>
/// Decodes <c>Connection</c> so that Kestrel leaves its words in place. Where it finds just one of <c>upgrade</c>,
/// <c>close</c> and <c>keep-alive</c> in all of a request's fields, it puts that word in the place of all others, and
/// which fields are of the hop would be lost. So it is never shown just one: <c>keep-alive</c>, which HTTP/1.1 doesn't
/// need, is left out, and stands behind one of the others, whose meaning it doesn't change.
/// </summary>
internal sealed class ConnectionFieldEncoding : Encoding
{
    /// <summary>The name of the field.</summary>
    public const string FieldName = "Connection";

    private const string KeepAlive = "keep-alive";

    /// <summary>The decoder of the field; null for Kestrel's own, of other fields.</summary>
    public static Encoding? Select(string field) =>
        field.Equals(FieldName, StringComparison.OrdinalIgnoreCase) ? Instance : null;

    private static readonly ConnectionFieldEncoding Instance = new();

    /// <summary>Decodes a value. What isn't printable becomes a question mark, which is in no name.</summary>
    internal static string Decode(ReadOnlySpan<byte> bytes)
    {
        var text = ReasonPhrase.Sanitize(Latin1.GetString(bytes), bytes.Length);
        var options = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Where(option => !Is(option, KeepAlive))
            .ToList();
        if (options.Any(option => Is(option, "upgrade") || Is(option, "close")))
            options.Add(KeepAlive);
        return string.Join(", ", options);
    }

    public override int GetCharCount(byte[] bytes, int index, int count) => Decode(bytes.AsSpan(index, count)).Length;

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
    {
        var text = Decode(bytes.AsSpan(byteIndex, byteCount));
        text.CopyTo(chars.AsSpan(charIndex));
        return text.Length;
    }

    public override int GetMaxCharCount(int byteCount) => (2 * byteCount) + KeepAlive.Length + 2;

    public override int GetByteCount(char[] chars, int index, int count) => throw new NotSupportedException();

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        throw new NotSupportedException();

    public override int GetMaxByteCount(int charCount) => throw new NotSupportedException();

    private static bool Is(string option, string name) => option.Equals(name, StringComparison.OrdinalIgnoreCase);
}
