using System.Diagnostics;
using Weft.Server.Storage;

namespace Weft.Tests.Server;

public sealed class DataDirectoryTests : IDisposable
{
    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Refuses_Second_AndNamesTheFirst()
    {
        using var first = DataDirectory.Lock(_folder.Path);

        AssertRefused();
    }

    [Theory]
    [InlineData("weftd.lock")]
    [InlineData("weft.db")]
    public void Refuses_Second_WhenFilesWereRemoved(string file)
    {
        using var first = DataDirectory.Lock(_folder.Path);
        File.Delete(_folder.File(file));

        AssertRefused();
    }

    [Fact]
    public void Refuses_Second_ByAnotherPath()
    {
        using var first = DataDirectory.Lock(_folder.Path);
        var link = $"{_folder.Path}-link";
        Directory.CreateSymbolicLink(link, _folder.Path);
        try
        {
            Assert.Contains(
                $"process {Environment.ProcessId}",
                Assert.Throws<IOException>(() => DataDirectory.Lock(link)).Message,
                StringComparison.Ordinal
            );
        }
        finally
        {
            Directory.Delete(link);
        }
    }

    /// <summary>The lock of versions that know no other.</summary>
    [Fact]
    public async Task Refuses_WhenTheLockFileIsHeld()
    {
        using var held = new Process
        {
            StartInfo = new ProcessStartInfo(
                "flock",
                [_folder.File("weftd.lock"), "sh", "-c", "echo held; read -r line"]
            )
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            },
        };
        held.Start();
        Assert.Equal("held", await held.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));

        var refused = Assert.Throws<IOException>(() => DataDirectory.Lock(_folder.Path));

        Assert.Contains("another weftd works on", refused.Message, StringComparison.Ordinal);
        held.StandardInput.Close();
        await held.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public void Gives_WayAtItsEnd()
    {
        using (DataDirectory.Lock(_folder.Path))
            Assert.Throws<IOException>(() => DataDirectory.Lock(_folder.Path));

        using var next = DataDirectory.Lock(_folder.Path);
        Assert.Equal($"{Environment.ProcessId}\n", ReadShared(_folder.File("weftd.lock")));
    }

    private void AssertRefused()
    {
        var refused = Assert.Throws<IOException>(() => DataDirectory.Lock(_folder.Path));
        Assert.Equal(
            $"another weftd works on {_folder.Path} (process {Environment.ProcessId}); stop it (kill {Environment.ProcessId}), "
                + "or name another --data",
            refused.Message
        );
    }

    private static string ReadShared(string path)
    {
        // As "cat" does, which asks for no lock.
        using var cat = Process.Start(new ProcessStartInfo("cat", [path]) { RedirectStandardOutput = true })!;
        return cat.StandardOutput.ReadToEnd();
    }
}
