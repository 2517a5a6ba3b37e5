using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Weft.Contracts;

/// <summary>
/// The secrets that callers show: 256 random bits each, so that a plain hash of one can't be turned back, and comparing
/// hashes says nothing about the token.
/// </summary>
internal static class BearerToken
{
    /// <summary>The kind of an agent's credential, which the agent makes itself.</summary>
    public const string AgentKind = "agt";

    /// <summary>The kind of a token that enrols one agent.</summary>
    public const string EnrolmentKind = "enr";

    private const int HashLength = 2 * SHA256.HashSizeInBytes;

    /// <summary>How many random bytes a token is made of.</summary>
    public const int RandomLength = 32;

    /// <summary>A token of random bytes.</summary>
    /// <param name="kind">Three letters that say what it is for.</param>
    /// <param name="random"><see cref="RandomLength"/> bytes, drawn for it.</param>
    public static string Create(string kind, ReadOnlySpan<byte> random) =>
        $"weft_{kind}_{Base64Url.EncodeToString(random)}";

    /// <summary>What is stored and sent of a token: its SHA-256, 64 lower-case hexadecimal digits.</summary>
    public static string HashOf(string token) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    /// <summary>Whether a text has the form of a hash.</summary>
    public static bool IsHash(string text) => text.Length == HashLength && text.All(char.IsAsciiHexDigitLower);
}
