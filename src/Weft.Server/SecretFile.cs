using System.Text;

namespace Weft.Server;

/// <summary>Files that hold a secret: mode 0600, whole or not there.</summary>
internal static class SecretFile
{
    /// <summary>Makes a file where there is none.</summary>
    public static void CreateIfMissing(string path, Func<string> secret)
    {
        if (File.Exists(path))
            return;
        // What a start that was cut off left behind is in nobody's hands yet.
        File.Delete($"{path}.new");
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        };
        using (var file = new FileStream($"{path}.new", options))
        {
            file.Write(Encoding.UTF8.GetBytes($"{secret()}\n"));
            file.Flush(flushToDisk: true);
        }

        File.Move($"{path}.new", path);
    }
}
