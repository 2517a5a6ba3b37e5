using System.Text;
using Weft.Files;

namespace Weft.Cli.Primitives;

/// <summary>A file for its owner alone, replaced in one step.</summary>
internal static class PrivateFile
{
    /// <summary>Reading and writing, for the owner.</summary>
    public const UnixFileMode Mode = DurableFile.Private;

    /// <summary>
    /// Writes the file with mode 0600, in a directory that is made with mode 0700 where it isn't there.
    /// </summary>
    /// <exception cref="CliError">It cannot be written.</exception>
    public static void Write(string path, string text)
    {
        var full = Path.GetFullPath(path);
        var next = Path.Combine(Path.GetDirectoryName(full)!, $".{Path.GetFileName(full)}.{Environment.ProcessId}.new");
        try
        {
            CreateDirectoryOf(full);
            DurableFile.Write(full, Encoding.UTF8.GetBytes(text), Mode, next);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliError($"{path} cannot be written: {e.Message}");
        }
    }

    /// <summary>Makes the directory of a file, with mode 0700, where it isn't there.</summary>
    /// <exception cref="CliError">It cannot be made.</exception>
    public static void CreateDirectoryOf(string path)
    {
        var directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (Directory.Exists(directory))
            return;
        try
        {
            if (OperatingSystem.IsWindows())
                Directory.CreateDirectory(directory);
            else
                Directory.CreateDirectory(directory, Mode | UnixFileMode.UserExecute);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliError($"{path} cannot be written: {e.Message}");
        }
    }
}
