using System.Globalization;
using System.Text.Json;
using System.Threading.Channels;
using Weft.Relay.Server.Authorization;
using Weft.Resources;

namespace Weft.Server.Relays;

/// <summary>
/// The relay's audit log: one JSON object a line, each connection, each refusal and each end. Writing never blocks the
/// data path: what the disk can't follow is dropped and counted, and the count is a line of its own. The file is turned
/// over by size, and what people without a token cause has a share of its own, so that they can't turn it over.
/// </summary>
internal sealed partial class RelayAuditLog : IRelayAudit, IHostedService, IAsyncDisposable
{
    /// <summary>How many lines may wait for the disk.</summary>
    private const int MaxQueuedLines = 16 * 1024;

    /// <summary>How much of a path is written that a stranger made up, in characters.</summary>
    private const int MaxStrangerPath = 128;

    /// <summary>The share of refused strangers, in bytes a day: with it alone, the history is that of a year.</summary>
    private const long RefusalBytesPerDay = 1024 * 1024;

    /// <summary>The share of senders that need no token, in bytes a day: a quarter of a file.</summary>
    private const long AnonymousBytesPerDay = 16 * 1024 * 1024;

    /// <summary>How often the refusals of strangers are summed up.</summary>
    public static readonly TimeSpan SumInterval = TimeSpan.FromMinutes(1);

    private readonly Channel<byte[]> _lines = Channel.CreateBounded<byte[]>(
        new BoundedChannelOptions(MaxQueuedLines) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait }
    );
    private readonly string _path;
    private readonly long _maxFileSize;
    private readonly TimeProvider _time;
    private readonly ILogger<RelayAuditLog> _logger;
    private readonly StrangerRefusals _strangers = new();
    private readonly DailyBudget _refusalBytes;
    private readonly DailyBudget _anonymousBytes;
    private ITimer? _timer;
    private long _anonymousUnwritten;
    private Task _writer = Task.CompletedTask;
    private long _dropped;
    private long _size;

    /// <summary>A log.</summary>
    /// <param name="path">The file; it is made with mode 0600.</param>
    /// <param name="largest">At how many bytes the file is turned over. Default 64 MiB.</param>
    public RelayAuditLog(string path, TimeProvider time, ILogger<RelayAuditLog> logger, long largest = 64 * 1024 * 1024)
    {
        (_path, _time, _logger, _maxFileSize) = (path, time, logger, largest);
        (_refusalBytes, _anonymousBytes) = (new(RefusalBytesPerDay, time), new(AnonymousBytesPerDay, time));
    }

    /// <summary>How many files that were turned over are kept: <c>.1</c> is the newest.</summary>
    public const int KeptFiles = 4;

    /// <inheritdoc/>
    public void Write(RelayEvent relayEvent)
    {
        if (StrangerRefusals.Includes(relayEvent))
        {
            _strangers.Add(relayEvent, _time.GetUtcNow());
            return;
        }

        var line = FormatLine(relayEvent.Kind.ToString(), json => WriteEvent(json, relayEvent));
        if (relayEvent is { Key: null, Role: ClientRole.Sender } && !_anonymousBytes.TrySpend(line.Length + 1))
            Interlocked.Increment(ref _anonymousUnwritten);
        else
            Enqueue(line);
    }

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
        _timer = _time.CreateTimer(_ => WriteSums(), null, SumInterval, SumInterval);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_timer is { } timer)
            await timer.DisposeAsync();
        WriteSums();
        _lines.Writer.TryComplete();
        await _writer.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync(CancellationToken.None);

    /// <summary>Writes a line for each source that was refused without a good token, while their share lasts.</summary>
    private void WriteSums()
    {
        foreach (var sum in _strangers.Take())
        {
            var line = FormatLine(nameof(RelayEventKind.Refused), json => WriteSum(json, sum));
            if (_refusalBytes.TrySpend(line.Length + 1))
                Enqueue(line);
            else
                _strangers.Return(sum);
        }

        if (Interlocked.Exchange(ref _anonymousUnwritten, 0) is > 0 and var unwritten)
            Enqueue(
                FormatLine(
                    "Dropped",
                    json =>
                    {
                        json.WriteNumber("lines", unwritten);
                        json.WriteString(
                            "reason",
                            "senders without a token have used up their share of this log today"
                        );
                    }
                )
            );
    }

    private void Enqueue(byte[] line)
    {
        if (!_lines.Writer.TryWrite(line))
            Interlocked.Increment(ref _dropped);
    }

    private byte[] FormatLine(string kind, Action<Utf8JsonWriter> members) =>
        Json.ToUtf8(json =>
        {
            json.WriteString("at", FormatTime(_time.GetUtcNow()));
            json.WriteString("event", kind);
            members(json);
        });

    private static void WriteSum(Utf8JsonWriter json, RefusalSum sum)
    {
        if (sum.First is { } first)
            WriteEvent(json, first with { Connection = Shorten(first.Connection) });

        json.WriteNumber("count", sum.Count);
        json.WriteString("since", FormatTime(sum.Since));
    }

    /// <summary>The beginning of a path; no character is cut in two.</summary>
    private static string Shorten(string path) =>
        path.Length <= MaxStrangerPath ? path
        : char.IsHighSurrogate(path[MaxStrangerPath - 1]) ? path[..(MaxStrangerPath - 1)]
        : path[..MaxStrangerPath];

    private static string FormatTime(DateTimeOffset at) =>
        at.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);

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
