using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Weft.Relay.Protocol;

/// <summary>
/// The path of a request: <c>/$hc/{path}</c> for WebSockets, <c>/{path}</c> for HTTP. It is decoded once, and what
/// could be read as another path by somebody who decodes again, or by a file system, is refused.
/// </summary>
/// <param name="Path">The path without <c>/$hc/</c>: segments separated by single slashes, no slash at either end;
/// empty for the root.</param>
/// <param name="IsHybrid">Whether it stood under <c>/$hc/</c>.</param>
internal sealed record RequestPath(string Path, bool IsHybrid)
{
    /// <summary>What a path under which WebSockets are relayed begins with.</summary>
    public const string Prefix = "$hc";

    /// <summary>The longest path, in characters as it is sent.</summary>
    public const int MaxLength = 2048;

    /// <summary>Reads a path as it stood in the request line.</summary>
    /// <param name="raw">The path, percent-encoded, with its slash and without its query.</param>
    /// <param name="fault">Why it is none, one line for the caller.</param>
    public static bool TryParse(
        ReadOnlySpan<char> raw,
        [NotNullWhen(true)] out RequestPath? path,
        [NotNullWhen(false)] out string? fault
    )
    {
        path = null;
        if (raw.Length is 0 or > MaxLength || raw[0] != '/')
            return Fail($"the path must begin with a slash and have at most {MaxLength} characters", out fault);
        var segments = raw[1..].ToString().Split('/').ToList();
        // One slash at the end is what the real clients leave there.
        if (segments[^1].Length == 0)
            segments.RemoveAt(segments.Count - 1);
        for (var i = 0; i < segments.Count; i++)
        {
            var segment = Unescape(segments[i]);
            fault = segment is null ? "the path isn't percent-encoded UTF-8" : FindFault(segment);
            if (fault is not null)
                return false;
            segments[i] = segment!;
        }

        var isHybrid = segments is [Prefix, ..];
        path = new(string.Join('/', isHybrid ? segments.Skip(1) : segments), isHybrid);
        fault = null;
        return true;
    }

    /// <summary>Writes a path as it is sent.</summary>
    /// <param name="path">The path, decoded, with slashes between its segments only.</param>
    /// <returns>The path with each segment percent-encoded and a slash in front.</returns>
    public static string Encode(string path)
    {
        return "/" + string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
    }

    /// <summary>
    /// Whether a decoded path is one: no empty or dotted segment, no control character, backslash or per cent sign.
    /// </summary>
    /// <param name="path">The path without a slash at either end.</param>
    public static bool IsPath(string path)
    {
        return path.Length is > 0 and <= MaxLength && path.Split('/').All(segment => FindFault(segment) is null);
    }

    private static string? FindFault(string segment) =>
        segment switch
        {
            "" => "the path has an empty segment",
            "." or ".." => "the path has a dotted segment",
            _ when segment.Any(c => c is '/' or '\\' or '%' || char.IsControl(c)) =>
                "the path has an encoded slash, a backslash, a per cent sign or a control character",
            _ => null,
        };

    /// <summary>
    /// Decodes once and strictly: <see cref="Uri.UnescapeDataString(string)"/> leaves alone what it doesn't understand.
    /// </summary>
    private static string? Unescape(string segment)
    {
        if (!segment.Contains('%', StringComparison.Ordinal))
            return segment;
        var bytes = new List<byte>(segment.Length);
        for (var i = 0; i < segment.Length; i++)
        {
            if (segment[i] != '%')
            {
                if (!char.IsAscii(segment[i]))
                    return null;
                bytes.Add((byte)segment[i]);
                continue;
            }

            if (
                i + 2 >= segment.Length
                || !char.IsAsciiHexDigit(segment[i + 1])
                || !char.IsAsciiHexDigit(segment[i + 2])
            )
                return null;
            bytes.Add(Convert.FromHexString(segment.AsSpan(i + 1, 2))[0]);
            i += 2;
        }

        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes.ToArray());
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private static bool Fail(string why, out string fault)
    {
        fault = why;
        return false;
    }
}
