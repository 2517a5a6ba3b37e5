namespace Weft.Cli.Output;

/// <summary>A file for its owner alone, replaced in one step.</summary>
internal static class PrivateFile
{
    private const UnixFileMode FileMode600 = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Writes the file with mode 0600, in a directory that is made with mode 0700 where it isn't there.</summary>
    /// <param name="path">Where.</param>
    /// <param name="text">What.</param>
    /// <exception cref="Complaint">It cannot be written.</exception>
    public static void Write(string path, string text)
    {
        var full = Path.GetFullPath(path);
        var directory = Path.GetDirectoryName(full)!;
        var next = Path.Combine(directory, $".{Path.GetFileName(full)}.{Environment.ProcessId}.new");
        try
        {
            MakeDirectory(directory);
            WriteNew(next, text);
            File.Move(next, full, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(next);
            throw new Complaint($"{path} cannot be written: {e.Message}");
        }
    }

    // The mode is given at creation: a file made first and closed to others later is open for a moment.
    private static void WriteNew(string path, string text)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = FileMode600;
        using var writer = new StreamWriter(path, options);
        writer.Write(text);
    }

    private static void MakeDirectory(string path)
    {
        if (Directory.Exists(path))
            return;
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, FileMode600 | UnixFileMode.UserExecute);
    }
}
