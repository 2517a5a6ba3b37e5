using System.Security.Cryptography;
using System.Text;
using Weft.Contracts;
using Weft.Files;

namespace Weft.Agent.ControlPlane;

/// <summary>
/// The credential that an agent has made and that the control plane may not know yet: a file beside the credential's,
/// mode 0600, until the agent is enrolled.
/// </summary>
internal static class PendingCredential
{
    /// <summary>Reads the one that an earlier try has kept, or makes one and keeps it.</summary>
    /// <param name="credentialPath">Where the credential will be.</param>
    /// <returns>The secret; it is on the disk.</returns>
    public static string ReadOrCreate(string credentialPath)
    {
        var path = PathOf(credentialPath);
        if (File.Exists(path) && File.ReadAllText(path).Trim() is { Length: > 0 } kept)
            return kept;
        var made = BearerToken.Create(BearerToken.AgentKind, RandomNumberGenerator.GetBytes(BearerToken.RandomLength));
        DurableFile.Write(path, Encoding.ASCII.GetBytes($"{made}\n"), DurableFile.Private);
        return made;
    }

    /// <summary>Removes it, once the agent is enrolled.</summary>
    public static void Remove(string credentialPath) => File.Delete(PathOf(credentialPath));

    private static string PathOf(string credentialPath) => credentialPath + ".pending";
}
