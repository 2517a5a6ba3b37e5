using System.Globalization;
using Weft.Files;

namespace Weft.Server.Storage;

/// <summary>How often weftd copies its store by itself.</summary>
/// <param name="Every">The time from one copy to the next.</param>
/// <param name="Keep">How many copies are kept, the newest ones.</param>
internal sealed record BackupOptions(TimeSpan Every, int Keep)
{
    /// <summary>How many are kept unless <c>--keep</c> says otherwise: a week of daily ones.</summary>
    public const int DefaultKeep = 7;
}

/// <summary>
/// Copies the store into <c>DATA/backups</c> again and again, and removes the oldest copies. The time counts from the
/// newest copy there is, so that a restart neither postpones one nor adds one.
/// </summary>
internal sealed partial class BackupSchedule(
    string store,
    BackupOptions options,
    TimeProvider time,
    ILogger<BackupSchedule> logger
) : BackgroundService
{
    private const string Prefix = "weft-";
    private const string TimeFormat = "yyyyMMdd'T'HHmmss'Z'";

    // A disk that is full for a while shouldn't cost the whole period.
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMinutes(1);

    /// <summary>Where the copies are.</summary>
    public string Folder { get; } = Path.Combine(Path.GetDirectoryName(store)!, "backups");

    /// <summary>Makes one copy, and removes those that are too many.</summary>
    /// <returns>Its file.</returns>
    /// <exception cref="IOException">It can't be made; none was removed.</exception>
    public string MakeCopy()
    {
        Directory.CreateDirectory(Folder, DurableFile.Private | UnixFileMode.UserExecute);
        var name = $"{Prefix}{time.GetUtcNow().ToString(TimeFormat, CultureInfo.InvariantCulture)}.db";
        var file = Path.Combine(Folder, name);
        StoreBackup.Write(store, file, overwrite: true);
        foreach (var (old, _) in Copies().SkipLast(options.Keep))
            File.Delete(old);
        return file;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await KeepCopying(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // weftd stops, or couldn't start.
        }
    }

    private async Task KeepCopying(CancellationToken stoppingToken)
    {
        while (true)
        {
            var due = Copies().Select(copy => copy.At + options.Every).LastOrDefault(time.GetUtcNow());
            var wait = due - time.GetUtcNow();
            if (wait > TimeSpan.Zero)
                await Task.Delay(wait < options.Every ? wait : options.Every, time, stoppingToken);
            try
            {
                Log.BackupWritten(logger, await Task.Run(MakeCopy, stoppingToken));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Log.BackupFailed(logger, Folder, e);
                await Task.Delay(options.Every < RetryAfter ? options.Every : RetryAfter, time, stoppingToken);
            }
        }
    }

    /// <summary>The copies that it made, the oldest first.</summary>
    private IEnumerable<(string File, DateTimeOffset At)> Copies()
    {
        if (!Directory.Exists(Folder))
            return [];
        var copies = new List<(string File, DateTimeOffset At)>();
        foreach (var file in Directory.GetFiles(Folder, $"{Prefix}*.db"))
        {
            if (
                DateTimeOffset.TryParseExact(
                    Path.GetFileNameWithoutExtension(file)[Prefix.Length..],
                    TimeFormat,
                    CultureInfo.InvariantCulture,
                    DateTimeStyles.AssumeUniversal,
                    out var at
                )
            )
                copies.Add((file, at));
        }

        return copies.OrderBy(copy => copy.At);
    }

    private static partial class Log
    {
        [LoggerMessage(1511, LogLevel.Information, "The store was copied to {File}")]
        public static partial void BackupWritten(ILogger logger, string file);

        [LoggerMessage(1512, LogLevel.Error, "The store can't be copied to {Folder}")]
        public static partial void BackupFailed(ILogger logger, string folder, Exception error);
    }
}
