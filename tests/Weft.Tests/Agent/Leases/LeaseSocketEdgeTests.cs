using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;
using Weft.Agent;
using Weft.Agent.Leases;
using Weft.Contracts;

namespace Weft.Tests.Agent.Leases;

/// <summary>
/// The socket alone, which answers every line with itself: what lies in its way, and where a line ends. No time passes
/// but what a test lets pass: a connection that isn't closed by what it should be is never closed.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class LeaseSocketEdgeTests : IDisposable
{
    private const int LongestPath = 107;

    private readonly string _folder = Directory.CreateTempSubdirectory("weft-").FullName;
    private readonly StringWriter _log = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<object> _seen = Channel.CreateUnbounded<object>();

    private string SocketPath => Path.Join(_folder, "run", "agent.sock");

    /// <summary>Where a socket is made before it gets its name.</summary>
    private string Birthplace => Path.Join(_folder, "run", $".{Environment.ProcessId:x}", "s");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Takes_ThePath_ThatASocketMayHave_AndNoneThatIsLonger()
    {
        var path = Path.Join(_folder, "x");
        path += new string('x', LongestPath - path.Length);
        await Serve(path);
        Assert.Equal("hi\n", await Ask(path, "hi\n"));
        await AssertRefused(path + "x", "is longer than");

        // Its name is short enough, but not that of the place where it is made.
        await AssertRefused(path[..(LongestPath - 2)] + "/x", "is longer than");
    }

    [Fact]
    public async Task Makes_AFolderThatNobodyElseEnters_AndLeavesOnlyTheSocketInIt()
    {
        // A process of the same number was killed while it made its own.
        Directory.CreateDirectory(Path.GetDirectoryName(Birthplace)!);
        File.WriteAllText(Birthplace, "left");
        await Serve(SocketPath);
        Assert.Equal([SocketPath], Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(SocketPath)!));
        Assert.Equal("hi\n", await Ask(SocketPath, "hi\n"));
        using var other = await Open(Path.Join(_folder, "new", "agent.sock"));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            File.GetUnixFileMode(Path.Join(_folder, "new"))
        );
    }

    [Fact]
    public async Task Refuses_WhatCantBeMade()
    {
        Directory.CreateDirectory(Birthplace);
        await AssertRefused(SocketPath, "can't be made");
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(SocketPath)!));
        await File.WriteAllTextAsync(Path.Join(_folder, "file"), "", Cancel);
        await AssertRefused(Path.Join(_folder, "file", "agent.sock"), "can't be made");
    }

    [Fact]
    public async Task Refuses_ASocketThatIsNoAgents()
    {
        using var other = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        var path = Path.Join(_folder, "log");
        other.Bind(new UnixDomainSocketEndPoint(path));
        await AssertRefused(path, "is no socket of an agent");
        Assert.True(Path.Exists(path));
    }

    [Fact]
    public async Task Refuses_ALine_ThatIsFull_BeforeItsEndComes()
    {
        await Serve(SocketPath);
        Assert.Contains(
            "RequestTooLarge",
            await Ask(SocketPath, new string('x', PluginSocket.MaxLineLength)),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Refuses_ALine_WithoutAnEnd()
    {
        await Serve(SocketPath);
        using var socket = await Connect(SocketPath);
        await socket.SendAsync("half"u8.ToArray());
        socket.Shutdown(SocketShutdown.Send);
        var answer = new byte[1000];
        var length = await socket.ReceiveAsync(answer, Cancel);
        Assert.Contains("RequestTooLarge", Encoding.UTF8.GetString(answer, 0, length), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hears_ALongLineOut_ThatItHasRefused_AndForgetsTheConnection()
    {
        await Serve(SocketPath);
        using (var socket = await Connect(SocketPath))
        {
            var sending = socket.SendAsync(new byte[1 << 20]);
            Assert.Contains("RequestTooLarge", await AgentHarness.ReadToEnd(socket), StringComparison.Ordinal);
            Assert.Equal(1 << 20, await sending);
        }

        // The listener, and a socket for each connection, go by the name they were made under.
        await AgentHarness.Eventually(
            () =>
                File.ReadLines("/proc/net/unix").Count(line => line.EndsWith(Birthplace, StringComparison.Ordinal))
                == 1,
            "the connection is closed"
        );
    }

    [Fact]
    public async Task Closes_AConnection_WhenItsTimeIsOver()
    {
        var clock = new SeenClock(_seen.Writer);
        var timings = new AgentTimings();
        await Serve(SocketPath, clock);
        using var socket = await Connect(SocketPath);
        Assert.Equal(timings.SocketTimeout, await _seen.Reader.ReadAsync(Cancel));
        clock.Advance(timings.SocketTimeout);
        Assert.Equal("", await AgentHarness.ReadToEnd(socket));
        await AgentHarness.Eventually(
            () => _log.ToString().Contains("connection-closed", StringComparison.Ordinal),
            "the log tells of it"
        );
    }

    [Fact]
    public async Task Listens_NoLonger_WhateverHasBecomeOfItsName()
    {
        var socket = await Open(SocketPath);
        File.Move(SocketPath, SocketPath + ".moved");
        using var waiting = await Connect(SocketPath + ".moved");
        Directory.CreateDirectory(SocketPath);
        socket.Dispose();
        Assert.Contains("socket-not-removed", _log.ToString(), StringComparison.Ordinal);
        // A process that another test starts has the listener, too, until it runs its program.
        await AgentHarness.Eventually(() => IsRefused(SocketPath + ".moved"), "nobody listens any more");
    }

    [Fact]
    public async Task Waits_BeforeItAcceptsAgain_WhatItCouldNot()
    {
        var clock = new SeenClock(_seen.Writer);
        var socket = await Open(SocketPath, clock);
        var serving = Serve(socket);
        socket.Dispose();
        var wait = Assert.IsType<TimeSpan>(await _seen.Reader.ReadAsync(Cancel));
        Assert.Equal(new AgentTimings().InitialBackoff, wait);
        Assert.False(serving.IsCompleted);
        clock.Advance(wait);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => serving);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task AssertRefused(string path, string why)
    {
        var refusal = await Assert.ThrowsAsync<StartupException>(() => Open(path));
        Assert.Contains(why, refusal.Message, StringComparison.Ordinal);
    }

    private Task<LeaseSocket> Open(string path, TimeProvider? clock = null) =>
        LeaseSocket.Open(
            path,
            new AgentTimings(),
            clock ?? new FakeTimeProvider(),
            AgentLog.Open(TextWriter.Synchronized(_log), TimeProvider.System)
        );

    private Task Serve(LeaseSocket socket) => socket.Serve(line => Task.FromResult(line.ToArray()), _stop.Token);

    private async Task Serve(string path, TimeProvider? clock = null) => _ = Serve(await Open(path, clock));

    private static async Task<Socket> Connect(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
        return socket;
    }

    private static async Task<bool> IsRefused(string path)
    {
        try
        {
            using var socket = await Connect(path);
            return false;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return true;
        }
    }

    /// <summary>Sends some text, and reads what is answered until the other side has no more to say.</summary>
    private static async Task<string> Ask(string path, string text)
    {
        using var socket = await Connect(path);
        await socket.SendAsync(Encoding.UTF8.GetBytes(text));
        return await AgentHarness.ReadToEnd(socket);
    }
}
