using System.Threading.Channels;
using Weft.Contracts;

namespace Weft.Server.Audit;

/// <summary>
/// The record of who did what (docs/specs/audit.md): one writer appends the records of all who wait at once, and
/// answers when the file has them.
/// </summary>
internal sealed partial class AuditLog : IHostedService, IAsyncDisposable
{
    private const int MaxQueued = 16 * 1024;
    private const int MaxBatch = 1024;

    /// <summary>How many bytes wait for a disk that takes nothing, before records are counted instead of kept.</summary>
    private const int MaxBacklog = 4 << 20;

    /// <summary>How long a line may be on its way to the disk, and how often a disk that failed is tried again.</summary>
    private static readonly TimeSpan SyncInterval = TimeSpan.FromSeconds(1);

    private readonly Channel<PendingRecord> _queue = Channel.CreateBounded<PendingRecord>(
        new BoundedChannelOptions(MaxQueued) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait }
    );
    private readonly AuditFile _file;
    private readonly SyslogWriter? _syslog;
    private readonly TimeProvider _time;
    private readonly ILogger<AuditLog> _logger;
    private readonly List<(AuditRecord Record, byte[] Line)> _unwritten = [];
    private readonly List<TaskCompletionSource<bool>> _waiting = [];
    private Task _writer = Task.CompletedTask;
    private volatile string? _fault;
    private int _unwrittenBytes;
    private long _dropped;
    private long _lastNumber;
    private long _lastWritten;

    public AuditLog(AuditFile file, SyslogWriter? syslog, TimeProvider time, ILogger<AuditLog> logger) =>
        (_file, _syslog, _time, _logger) = (file, syslog, time, logger);

    /// <summary>Why nothing can be put on record now; null where it can.</summary>
    public string? Fault => _fault;

    /// <summary>The last record of the weftd before this one.</summary>
    public AuditRecord? LastBefore { get; private set; }

    /// <summary>The number of the newest record that readers find.</summary>
    public long LastWritten => Interlocked.Read(ref _lastWritten);

    /// <summary>Puts a request on record.</summary>
    /// <returns>Whether the file has it. Where it doesn't, it is kept and appended later.</returns>
    public async Task<bool> Append(AuditRecord record)
    {
        if (_fault is not null)
        {
            Enqueue(record);
            return false;
        }

        var done = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            await _queue.Writer.WriteAsync(new PendingRecord(record, done));
        }
        catch (ChannelClosedException)
        {
            return false;
        }

        return await done.Task;
    }

    /// <summary>Puts on record what nobody waits for; where too much waits, it is counted.</summary>
    public void Enqueue(AuditRecord record)
    {
        if (!_queue.Writer.TryWrite(new PendingRecord(record, null)))
            Interlocked.Increment(ref _dropped);
    }

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        LastBefore = _file.Open();
        _lastNumber = LastBefore?.Number ?? 0;
        _writer = Task.Run(RunWriter, CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _queue.Writer.TryComplete();
        await _writer.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(CancellationToken.None);
        _file.Dispose();
        _syslog?.Dispose();
    }

    private async Task RunWriter()
    {
        Task<bool>? more = null;
        Task? tick = null;
        for (var isOpen = true; isOpen; )
        {
            more ??= _queue.Reader.WaitToReadAsync().AsTask();
            if (_file.IsSynced && _unwritten.Count == 0 && _fault is null)
                await more;
            else
                await Task.WhenAny(more, tick ??= Task.Delay(SyncInterval, _time));
            if (more.IsCompleted)
            {
                isOpen = await more;
                more = null;
            }

            var isDue = tick?.IsCompleted == true || !isOpen;
            TakeQueued();
            if (_fault is null || isDue)
                WriteTaken();
            if (isDue)
            {
                tick = null;
                SyncFile();
            }
        }
    }

    private void TakeQueued()
    {
        for (var taken = 0; taken < MaxBatch && _queue.Reader.TryRead(out var pending); taken++)
        {
            if (pending.Done is not null)
                _waiting.Add(pending.Done);
            else if (_unwrittenBytes > MaxBacklog)
            {
                Interlocked.Increment(ref _dropped);
                continue;
            }

            Format(pending.Record);
        }

        if (_fault is not null)
            Answer(false);
    }

    private void Format(AuditRecord record)
    {
        var numbered = record with { Number = ++_lastNumber };
        byte[] line = [.. numbered.ToBytes(), (byte)'\n'];
        _unwritten.Add((numbered, line));
        _unwrittenBytes += line.Length;
    }

    private void WriteTaken()
    {
        // Only behind a disk that takes lines again: else they would be counted as written.
        if (_fault is null && Interlocked.Exchange(ref _dropped, 0) is > 0 and var dropped)
            Format(Own("Drop") with { Count = dropped });
        if (_unwritten.Count == 0)
            return;
        try
        {
            _file.Append(Concat(), _time.GetUtcNow());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Fail(e);
            return;
        }

        Interlocked.Exchange(ref _lastWritten, _unwritten[^1].Record.Number);
        Answer(true);
        foreach (var (record, line) in _unwritten)
            _syslog?.Send(record, line.AsSpan(0, line.Length - 1));
        _unwritten.Clear();
        _unwrittenBytes = 0;
    }

    private void SyncFile()
    {
        try
        {
            _file.Sync();
            if (_unwritten.Count == 0 && _fault is not null)
            {
                Log.Writable(_logger);
                _fault = null;
                WriteTaken();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Fail(e);
        }
    }

    private void Fail(Exception error)
    {
        if (_fault is null)
            Log.CannotWrite(_logger, error);
        _fault = error.Message;
        Answer(false);
    }

    private void Answer(bool isWritten)
    {
        foreach (var done in _waiting)
            done.SetResult(isWritten);
        _waiting.Clear();
    }

    private byte[] Concat()
    {
        var all = new byte[_unwrittenBytes];
        var at = 0;
        foreach (var (_, line) in _unwritten)
        {
            line.CopyTo(all, at);
            at += line.Length;
        }

        return all;
    }

    private AuditRecord Own(string verb) =>
        new(AuditRecord.Format(_time.GetUtcNow()), 0, verb, "weftd", AuditCallerType.System);

    private sealed record PendingRecord(AuditRecord Record, TaskCompletionSource<bool>? Done);

    private static partial class Log
    {
        [LoggerMessage(1601, LogLevel.Error, "")]
        public static partial void CannotWrite(ILogger logger, Exception error);

        [LoggerMessage(1602, LogLevel.Warning, "")]
        public static partial void Writable(ILogger logger);
    }
}
