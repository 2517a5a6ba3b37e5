using System.Security.Cryptography;
using System.Text;
using Weft.Access;
using Weft.Relay.Protocol;

namespace Weft.Server.Relays;

/// <summary>
/// The secret that the keys of automatic hybrid connections follow from: they are computed when they are needed and
/// stored nowhere. A key is good for one path, one right, and one making of the target, so that a cluster that is made
/// anew under an old name knows no old token.
/// </summary>
internal sealed class RelaySecret
{
    /// <summary>256 bits: as many as the HMAC-SHA256 that tokens are signed with can use.</summary>
    private const int Size = 32;

    private readonly byte[] _secret;

    private RelaySecret(byte[] secret) => _secret = secret;

    /// <summary>Reads the secret, or makes it where there is none.</summary>
    /// <param name="path">The file; it is made with mode 0600.</param>
    public static RelaySecret ReadOrCreate(string path)
    {
        SecretFile.CreateIfMissing(path, () => Convert.ToBase64String(RandomNumberGenerator.GetBytes(Size)));
        var secret = new byte[Size + 1];
        return Convert.TryFromBase64String(File.ReadAllText(path).Trim(), secret, out var length) && length == Size
            ? new RelaySecret(secret[..Size])
            : throw new IOException(
                $"{path} holds no key of {Size} bytes in base64; delete it, and the next start makes a new one"
            );
    }

    /// <summary>The key of one right at an automatic hybrid connection.</summary>
    public string DeriveKey(TargetConnection connection, RelayRights rights) =>
        Convert.ToBase64String(
            HKDF.DeriveKey(
                HashAlgorithmName.SHA256,
                _secret,
                Size,
                info: Encoding.UTF8.GetBytes($"weft relay key 1\n{connection.Path}\n{connection.CreatedAt}\n{rights}")
            )
        );
}
