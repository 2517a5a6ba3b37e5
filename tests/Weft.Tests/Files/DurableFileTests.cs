using System.IO.Pipes;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using Weft.Files;

namespace Weft.Tests.Files;

[SupportedOSPlatform("linux")]
public sealed class DurableFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-").FullName;

    private string Target => Path.Join(_folder, "file");

    [Theory]
    [InlineData(DurableFile.Private)]
    [InlineData(DurableFile.Private | UnixFileMode.GroupRead | UnixFileMode.OtherRead)]
    public void Writes_Content_AndMode(UnixFileMode mode)
    {
        File.WriteAllText(Target, "old and longer");
        DurableFile.Write(Target, "new"u8, mode);
        Assert.Equal("new", File.ReadAllText(Target));
        Assert.Equal(mode, File.GetUnixFileMode(Target));
        Assert.Equal([Target], Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void Leaves_TheOldFile_AndNoOther_WhereTheNewOneCantStand()
    {
        Directory.CreateDirectory(Target);
        File.WriteAllText(Path.Join(Target, "old"), "old");
        Assert.ThrowsAny<Exception>(() => DurableFile.Write(Target, "new"u8, DurableFile.Private));
        Assert.Equal("old", File.ReadAllText(Path.Join(Target, "old")));
        Assert.Equal([Target], Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void Writes_NothingThroughALinkInItsWay()
    {
        var other = Path.Join(_folder, "other");
        File.WriteAllText(other, "other");
        File.CreateSymbolicLink(DurableFile.TemporaryOf(Target), other);
        DurableFile.Write(Target, "new"u8, DurableFile.Private);
        Assert.Equal(("other", "new"), (File.ReadAllText(other), File.ReadAllText(Target)));
    }

    /// <summary>fsync(2) says EINVAL of a pipe: what it says is heard.</summary>
    [Fact]
    public void Says_WhatCantBeSynced()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        using var file = new SafeFileHandle(pipe.SafePipeHandle.DangerousGetHandle(), ownsHandle: false);
        var error = Assert.Throws<IOException>(() => DurableFile.Sync(file));
        Assert.Contains("Invalid argument", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Says_WhichDirectoryCantBeSynced()
    {
        var error = Assert.Throws<IOException>(() => DurableFile.SyncDirectory(Path.Join(_folder, "none")));
        Assert.Contains($"'{_folder}/none'", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
