using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Weft.Files;

namespace Weft.Server.Storage;

/// <summary>
/// The revision of the last commit that was acknowledged, in a file beside the store. It is written behind each commit
/// and not synced, so it may be late after a power loss and is never ahead: a store that has less than it says has lost
/// commits, with its write-ahead log or with the whole file.
/// </summary>
internal sealed class RevisionFile : IDisposable
{
    private readonly SafeFileHandle _file;

    private RevisionFile(SafeFileHandle file) => _file = file;

    /// <summary>Its place beside a store.</summary>
    public static string PathOf(string store) => $"{store}-revision";

    /// <summary>Opens it for writing, and makes it where there is none.</summary>
    public static RevisionFile Open(string store)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.Write,
            Share = FileShare.ReadWrite,
            UnixCreateMode = DurableFile.Private,
        };
        using var made = new FileStream(PathOf(store), options);
        return new RevisionFile(File.OpenHandle(PathOf(store), FileMode.Open, FileAccess.Write, FileShare.ReadWrite));
    }

    /// <summary>What it says.</summary>
    /// <returns>Null where there is none, or it isn't whole: then it says nothing.</returns>
    public static long? Read(string store)
    {
        try
        {
            var words = File.ReadAllText(PathOf(store)).Split(' ', '\n');
            return
                words is [var number, var sum, ..]
                && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var revision)
                && sum == ChecksumOf(revision)
                ? revision
                : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Notes a commit that is durable.</summary>
    public void Write(long revision)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"{revision:d19} {ChecksumOf(revision)}\n");
        try
        {
            RandomAccess.Write(_file, Encoding.ASCII.GetBytes(line), 0);
        }
        catch (IOException)
        {
            // The commit is durable whatever becomes of this: it then only notices less.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static string ChecksumOf(long revision) =>
        RowChecksum.Of(revision).ToString("x8", CultureInfo.InvariantCulture);
}
