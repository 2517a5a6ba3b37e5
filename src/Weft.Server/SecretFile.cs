using System.Text;
using Weft.Files;

namespace Weft.Server;

/// <summary>Files that hold a secret: mode 0600, whole or not there.</summary>
internal static class SecretFile
{
    /// <summary>Makes a file where there is none.</summary>
    /// <exception cref="IOException">The disk did not take it.</exception>
    public static void CreateIfMissing(string path, Func<string> secret)
    {
        if (!File.Exists(path))
            DurableFile.Write(path, Encoding.UTF8.GetBytes($"{secret()}\n"), DurableFile.Private);
    }
}
