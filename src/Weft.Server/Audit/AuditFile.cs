using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Weft.Contracts;
using Weft.Files;

namespace Weft.Server.Audit;

/// <summary>
/// The file that records are appended to. Lines are whole: what a disk took of a line and not to its end is taken back.
/// The file is turned over by size and by age.
/// </summary>
/// <param name="path">The file; it is made with mode 0600. <c>.1</c> is the newest that was turned over.</param>
internal sealed class AuditFile(string path, AuditServeOptions options) : IDisposable
{
    private SafeFileHandle? _handle;
    private long _length;
    private DateTimeOffset? _firstLine;
    private bool _isSynced = true;

    /// <summary>The last record of the newest file that has one; null where there is none.</summary>
    /// <exception cref="IOException">The file can't be opened, or not written.</exception>
    public AuditRecord? Open()
    {
        OpenHandle();
        return AuditFiles.LastRecordOf(path) ?? AuditFiles.LastRecordOf($"{path}.1");
    }

    /// <summary>Whether all that was appended is on the disk.</summary>
    public bool IsSynced => _isSynced;

    /// <summary>Appends lines, each with its end.</summary>
    /// <exception cref="IOException">The disk didn't take them; the file is as it was.</exception>
    public void Append(ReadOnlySpan<byte> lines, DateTimeOffset now)
    {
        if (_handle is null)
            OpenHandle();
        if (_length > 0 && (_length + lines.Length > options.MaxSize || now - _firstLine >= options.MaxAge))
            TurnOver();
        try
        {
            RandomAccess.Write(_handle!, lines, _length);
        }
        catch (IOException)
        {
            TakeBack();
            throw;
        }

        _firstLine ??= now;
        _length += lines.Length;
        _isSynced = false;
    }

    /// <summary>Returns once all that was appended is on the disk; a file that was moved away is made anew.</summary>
    /// <exception cref="IOException">The disk didn't take it.</exception>
    public void Sync()
    {
        if (!_isSynced)
            DurableFile.Sync(_handle!);
        _isSynced = true;
        if (File.Exists(path))
            return;
        Close();
        OpenHandle();
    }

    /// <inheritdoc/>
    public void Dispose() => Close();

    private void OpenHandle()
    {
        using (
            new FileStream(
                path,
                new FileStreamOptions
                {
                    Mode = FileMode.OpenOrCreate,
                    Access = FileAccess.Write,
                    Share = FileShare.ReadWrite | FileShare.Delete,
                    UnixCreateMode = DurableFile.Private,
                }
            )
        )
            File.SetUnixFileMode(path, DurableFile.Private);
        _handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        _length = RandomAccess.GetLength(_handle);
        EndCutLine();
        _firstLine =
            AuditFiles.FirstRecordOf(path) is { } first
            && DateTimeOffset.TryParse(first.Time, CultureInfo.InvariantCulture, out var time)
                ? time
                : null;
    }

    /// <summary>A crash may have cut the last line: the next one must not continue it.</summary>
    private void EndCutLine()
    {
        Span<byte> last = stackalloc byte[1];
        if (_length == 0 || RandomAccess.Read(_handle!, last, _length - 1) == 0 || last[0] == '\n')
            return;
        RandomAccess.Write(_handle!, "\n"u8, _length);
        _length++;
    }

    private void TakeBack()
    {
        try
        {
            RandomAccess.SetLength(_handle!, _length);
        }
        catch (IOException)
        {
            // Half a line stays; opened again, it is ended first.
            Close();
        }
    }

    private void TurnOver()
    {
        Sync();
        Close();
        for (var i = options.Keep; i > 0; i--)
        {
            var from = i == 1 ? path : AuditFiles.NameOf(path, i - 1);
            if (File.Exists(from))
                File.Move(from, AuditFiles.NameOf(path, i), overwrite: true);
        }

        OpenHandle();
    }

    private void Close()
    {
        _handle?.Dispose();
        (_handle, _length, _firstLine) = (null, 0, null);
    }
}
