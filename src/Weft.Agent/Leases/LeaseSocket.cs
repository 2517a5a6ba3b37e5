using System.Net.Sockets;
using System.Text;
using Weft.Contracts;
using Weft.Files;

namespace Weft.Agent.Leases;

/// <summary>The unix socket that the plugin asks: one line in, one line out, a connection each.</summary>
/// <remarks>Contract: docs/specs/agent-socket.md.</remarks>
internal sealed class LeaseSocket : IDisposable
{
    private const int MaxPathLength = 107;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly string _path;
    private readonly Socket _listener;
    private readonly TimeProvider _clock;
    private readonly AgentTimings _timings;
    private readonly ILogger _log;

    private LeaseSocket(string path, Socket listener, AgentTimings timings, TimeProvider clock, ILogger log) =>
        (_path, _listener, _timings, _clock, _log) = (path, listener, timings, clock, log);

    /// <summary>Makes the socket: it appears under its name with mode 0600 and already listening.</summary>
    /// <returns>The socket; connections wait until <see cref="Serve"/>.</returns>
    /// <exception cref="StartupException">Another agent listens there, or it can't be made.</exception>
    public static async Task<LeaseSocket> Open(string path, AgentTimings timings, TimeProvider clock, ILogger log)
    {
        if (Math.Max(LengthOf(path), LengthOf(BirthplaceOf(path))) > MaxPathLength)
            throw new StartupException(
                $"the path '{path}' is longer than the {MaxPathLength} bytes of a socket's; give a shorter --socket"
            );
        await ThrowIfInUse(path);
        try
        {
            return new LeaseSocket(path, Listen(path), timings, clock, log);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SocketException)
        {
            throw new StartupException($"the socket '{path}' can't be made: {e.Message}", e);
        }
    }

    /// <summary>Answers until cancelled.</summary>
    /// <param name="answer">From a line to a line, both without their ends.</param>
    public async Task Serve(Func<ReadOnlyMemory<byte>, Task<byte[]>> answer, CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                var connection = await _listener.AcceptAsync(cancel);
                _ = HandleConnection(connection, answer, cancel);
            }
            catch (SocketException e)
            {
                // Such as no descriptor being free: those who hold them will be done in a moment.
                _log.AcceptFailed(e);
                await Task.Delay(_timings.InitialBackoff, _clock, cancel);
            }
        }
    }

    /// <summary>
    /// Takes the name away, then stops listening: a successor that finds no name never waits on a dead listener.
    /// </summary>
    public void Dispose()
    {
        try
        {
            File.Delete(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log.SocketNotRemoved(e, _path);
        }

        _listener.Dispose();
    }

    private async Task HandleConnection(
        Socket connection,
        Func<ReadOnlyMemory<byte>, Task<byte[]>> answer,
        CancellationToken cancel
    )
    {
        using var deadline = new CancellationTokenSource(_timings.SocketTimeout, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, deadline.Token);
        try
        {
            using (connection)
            {
                if (await ReadLine(connection, either.Token) is { } line)
                    await Send(connection, await answer(line).WaitAsync(either.Token), either.Token);
                else
                    await RejectLine(connection, either.Token);
            }
        }
        catch (OperationCanceledException)
        {
            if (!cancel.IsCancellationRequested)
                _log.ConnectionClosed("its time is over", _timings.SocketTimeout.TotalSeconds);
        }
        catch (SocketException e)
        {
            _log.ConnectionLost(e);
        }
        catch (Exception e)
        {
            _log.ConnectionFailed(e);
        }
    }

    private static async Task<ReadOnlyMemory<byte>?> ReadLine(Socket connection, CancellationToken cancel)
    {
        var buffer = new byte[1024];
        var length = 0;
        while (true)
        {
            var read = await connection.ReceiveAsync(buffer.AsMemory(length), cancel);
            var newline = buffer.AsSpan(length, read).IndexOf((byte)'\n');
            if (newline >= 0)
                return buffer.AsMemory(0, length + newline);
            length += read;
            if (read == 0 || length >= PluginSocket.MaxLineLength)
                return null;
            if (length == buffer.Length)
                Array.Resize(ref buffer, PluginSocket.MaxLineLength);
        }
    }

    /// <summary>Reads on until the other side is done: closing on bytes unread would take the answer from it.</summary>
    private static async Task RejectLine(Socket connection, CancellationToken cancel)
    {
        var why =
            $"the request must be one line of at most {PluginSocket.MaxLineLength} bytes that ends with a newline";
        await Send(connection, SocketResponse.Refuse(new Refusal(RefusalCode.RequestTooLarge, why)), cancel);
        connection.Shutdown(SocketShutdown.Send);
        var rest = new byte[4096];
        while (await connection.ReceiveAsync(rest, cancel) > 0)
        {
            // What comes is of a line that is refused already.
        }
    }

    private static async Task Send(Socket connection, byte[] said, CancellationToken cancel)
    {
        ReadOnlyMemory<byte> answer = (byte[])[.. said, (byte)'\n'];
        while (answer.Length > 0)
            answer = answer[await connection.SendAsync(answer, cancel)..];
    }

    /// <summary>
    /// Bound and listening in a directory that nobody else can enter, then moved: there is no moment with another mode.
    /// </summary>
    private static Socket Listen(string path)
    {
        var birthplace = BirthplaceOf(path);
        var closed = Path.GetDirectoryName(birthplace)!;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!, OwnerOnly);
        Directory.CreateDirectory(closed, OwnerOnly);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            File.Delete(birthplace);
            listener.Bind(new UnixDomainSocketEndPoint(birthplace));
            File.SetUnixFileMode(birthplace, DurableFile.Private);
            listener.Listen(512);
            File.Move(birthplace, path, overwrite: true);
            return listener;
        }
        catch
        {
            listener.Dispose();
            throw;
        }
        finally
        {
            Directory.Delete(closed, recursive: true);
        }
    }

    private static string BirthplaceOf(string path) =>
        Path.Join(Path.GetDirectoryName(path), $".{Environment.ProcessId:x}", "s");

    private static int LengthOf(string path) => Encoding.UTF8.GetByteCount(path);

    /// <summary>A name nobody listens behind is of a dead agent and may be replaced; anything else may not.</summary>
    private static async Task ThrowIfInUse(string path)
    {
        if (!Path.Exists(path))
            return;
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await probe.ConnectAsync(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e)
            when (e.SocketErrorCode == SocketError.ConnectionRefused && new FileInfo(path).Length == 0)
        {
            return;
        }
        catch (SocketException e)
        {
            throw new StartupException(
                $"'{path}' is there, and is no socket of an agent ({e.Message}): move it away, or give another --socket",
                e
            );
        }

        throw new StartupException(
            $"another weft-agent answers at '{path}': stop it, or give this one a --socket of its own"
        );
    }
}
