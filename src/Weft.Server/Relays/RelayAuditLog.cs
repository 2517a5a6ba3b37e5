using System.Globalization;
using System.Text.Json;
using System.Threading.Channels;
using Weft.Relay.Server.Authorization;
using Weft.Resources;

namespace Weft.Server.Relays;

/// <summary>
/// The relay's audit log: one JSON object a line, each connection, each refusal and each end. Writing never blocks the
/// data path: what the disk can't follow is dropped and counted, and the count is a line of its own. The file is turned
/// over by size.
/// </summary>
internal sealed partial class RelayAuditLog : IRelayAudit, IHostedService, IAsyncDisposable
{
    /// <summary>How many lines may wait for the disk.</summary>
    private const int MaxQueuedLines = 16 * 1024;

    private readonly Channel<byte[]> _lines = Channel.CreateBounded<byte[]>(
        new BoundedChannelOptions(MaxQueuedLines) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait }
    );
    private readonly string _path;
    private readonly long _maxFileSize;
    private readonly TimeProvider _time;
    private readonly ILogger<RelayAuditLog> _logger;
    private Task _writer = Task.CompletedTask;
    private long _dropped;
    private long _size;

    /// <summary>A log.</summary>
    /// <param name="path">The file; it is made with mode 0600.</param>
    /// <param name="largest">At how many bytes the file is turned over. Default 64 MiB.</param>
    public RelayAuditLog(
        string path,
        TimeProvider time,
        ILogger<RelayAuditLog> logger,
        long largest = 64 * 1024 * 1024
    ) => (_path, _time, _logger, _maxFileSize) = (path, time, logger, largest);

    /// <summary>How many files that were turned over are kept: <c>.1</c> is the newest.</summary>
    public const int KeptFiles = 4;

    /// <inheritdoc/>
    public void Write(RelayEvent relayEvent) =>
        Enqueue(FormatLine(relayEvent.Kind.ToString(), json => WriteEvent(json, relayEvent)));

    /// <summary>Notes that somebody was given a token; never the token.</summary>
    /// <param name="source">Whence; null where unknown.</param>
    public void WriteIssued(
        string connection,
        ClientRole role,
        string principal,
        string? source,
        DateTimeOffset expires
    ) =>
        Enqueue(
            FormatLine(
                "CredentialsIssued",
                json =>
                {
                    json.WriteString("connection", connection);
                    json.WriteString("role", role.ToString());
                    json.WriteString("principal", principal);
                    json.WriteString("source", source);
                    json.WriteString("expiresAt", expires);
                }
            )
        );

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _writer = Task.Run(RunWriter, CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _lines.Writer.TryComplete();
        await _writer.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync(CancellationToken.None);

    private void Enqueue(byte[] line)
    {
        if (!_lines.Writer.TryWrite(line))
            Interlocked.Increment(ref _dropped);
    }

    private byte[] FormatLine(string kind, Action<Utf8JsonWriter> members) =>
        Json.ToUtf8(json =>
        {
            json.WriteString(
                "at",
                _time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture)
            );
            json.WriteString("event", kind);
            members(json);
        });

    private static void WriteEvent(Utf8JsonWriter json, RelayEvent e)
    {
        json.WriteString("connection", e.Connection);
        json.WriteString("role", e.Role.ToString());
        if (e.Service.Length > 0)
            json.WriteString("service", e.Service);
        json.WriteString("source", $"{SourceAddress.From(e.Source.Address)}");
        json.WriteNumber("port", e.Source.Port);
        json.WriteString("tracking", e.TrackingId);
        if (e.Key is not null)
            json.WriteString("key", e.Key);
        if (e.Rule is not null)
            json.WriteString("rule", e.Rule);
        if (e.Status != 0)
            json.WriteNumber("status", e.Status);
        if (e.Reason is not null)
            json.WriteString("reason", e.Reason);
        if (e.Kind is RelayEventKind.SessionClosed or RelayEventKind.RequestEnded)
        {
            json.WriteNumber("bytesUp", e.BytesUp);
            json.WriteNumber("bytesDown", e.BytesDown);
        }

        if (e.Duration > TimeSpan.Zero)
            json.WriteNumber("milliseconds", (long)e.Duration.TotalMilliseconds);
    }

    private async Task RunWriter()
    {
        FileStream? file = null;
        try
        {
            while (await _lines.Reader.WaitToReadAsync())
            {
                try
                {
                    file = await WriteQueued(file ?? Open());
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    Log.CannotWrite(_logger, _path, e);
                    Interlocked.Increment(ref _dropped);
                    file = null;
                    await Task.Delay(TimeSpan.FromSeconds(1), _time);
                }
            }
        }
        finally
        {
            if (file is not null)
                await file.DisposeAsync();
        }
    }

    /// <summary>Writes what waits, and turns the file over where it has grown too large.</summary>
    private async Task<FileStream> WriteQueued(FileStream file)
    {
        while (_lines.Reader.TryRead(out var line))
        {
            if (Interlocked.Exchange(ref _dropped, 0) is > 0 and var dropped)
                await WriteLine(file, FormatLine("Dropped", json => json.WriteNumber("lines", dropped)));
            await WriteLine(file, line);
            if (_size < _maxFileSize)
                continue;
            await file.DisposeAsync();
            for (var i = KeptFiles; i > 0; i--)
            {
                var from = i == 1 ? _path : $"{_path}.{i - 1}";
                if (File.Exists(from))
                    File.Move(from, $"{_path}.{i}", overwrite: true);
            }

            file = Open();
        }

        await file.FlushAsync();
        return file;
    }

    private async Task WriteLine(FileStream file, byte[] line)
    {
        await file.WriteAsync(line);
        file.WriteByte((byte)'\n');
        _size += line.Length + 1;
    }

    private FileStream Open()
    {
        var file = new FileStream(
            _path,
            new FileStreamOptions
            {
                Mode = FileMode.Append,
                Access = FileAccess.Write,
                Share = FileShare.ReadWrite | FileShare.Delete,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }
        );
        _size = file.Length;
        return file;
    }

    private static partial class Log
    {
        [LoggerMessage(1401, LogLevel.Error, "{Path}: the audit log can't be written; trying again")]
        public static partial void CannotWrite(ILogger logger, string path, Exception error);
    }
}
