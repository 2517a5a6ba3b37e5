using System.Globalization;

namespace Weft.Agent.Linux;

/// <summary>What the kernel shows and takes as files.</summary>
/// <param name="root">Where <c>/sys</c>, <c>/proc</c>, <c>/dev</c> and <c>/var/lib/cni</c> are: empty for the machine's
/// own.</param>
internal sealed class Sysfs(string root = "")
{
    /// <summary>A file's text without its newline.</summary>
    /// <returns>The text, or null where it can't be read.</returns>
    public string? Read(string path)
    {
        try
        {
            return File.ReadAllText(root + path).TrimEnd('\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>A file's number.</summary>
    /// <returns>The number, or null where there is none.</returns>
    public int? ReadNumber(string path) =>
        int.TryParse(Read(path), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;

    /// <summary>Writes a file that is there.</summary>
    /// <exception cref="IOException">The kernel refused it.</exception>
    public void Write(string path, string text)
    {
        try
        {
            // In one write and never made anew: each write is a request to a driver.
            using var file = new FileStream(root + path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 0);
            file.Write(System.Text.Encoding.ASCII.GetBytes(text));
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"writing '{text.TrimEnd('\n')}' to {path}: {e.Message}", e);
        }
        catch (IOException e)
        {
            throw new IOException($"writing '{text.TrimEnd('\n')}' to {path}: {e.Message}", e);
        }
    }

    /// <summary>The last part of what a link leads to.</summary>
    /// <returns>The name, or null where there is no link.</returns>
    public string? ReadLinkName(string path)
    {
        try
        {
            return new FileInfo(root + path).LinkTarget is { } target ? Path.GetFileName(target.TrimEnd('/')) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Whether a link leads to a file.</summary>
    public bool IsLinkTo(string path, string file)
    {
        try
        {
            return new FileInfo(root + path).LinkTarget == file;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>The names in a directory.</summary>
    /// <returns>The names in order; none where it isn't there.</returns>
    public IReadOnlyList<string> Names(string path)
    {
        try
        {
            return
            [
                .. Directory
                    .EnumerateFileSystemEntries(root + path)
                    .Select(each => Path.GetFileName(each)!)
                    .Order(StringComparer.Ordinal),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Whether something is there.</summary>
    public bool Exists(string path) => Path.Exists(root + path);
}
