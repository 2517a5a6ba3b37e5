namespace Weft.Cli.Primitives;

/// <summary>A file for its owner alone, replaced in one step.</summary>
internal static class PrivateFile
{
    /// <summary>Reading and writing, for the owner.</summary>
    public const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

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
            WriteNew(next, text);
            File.Move(next, full, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(next);
            throw new CliError($"{path} cannot be written: {e.Message}");
        }
    }

    // The mode is given at creation: a file made first and closed to others later is open for a moment.
    private static void WriteNew(string path, string text)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = Mode;
        using var file = new FileStream(path, options);
        using (var writer = new StreamWriter(file, leaveOpen: true))
            writer.Write(text);
        // A rename may reach the disk before the bytes do: then a power cut leaves an empty file.
        file.Flush(flushToDisk: true);
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
