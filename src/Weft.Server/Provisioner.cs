using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Identity;

namespace Weft.Server;

/// <summary>Ends operations as soon as they can end, and sweeps what has expired. One loop; what it has to do is read off the store.</summary>
internal sealed partial class Provisioner(Site site, ILogger<Provisioner> logger, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan KeepOperations = TimeSpan.FromHours(24);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var sweep = new PeriodicTimer(TimeSpan.FromHours(1), time);
        var next = sweep.WaitForNextTickAsync(stoppingToken).AsTask();
        var image = site.Store.Current;
        (long, long, long) seen = default;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                // Pods' leases come by the hundred a second and end no operation.
                if (Stamp(image) != seen)
                    await Commit(image, site.Settlement.Settle(image, site.Now), stoppingToken);
                seen = Stamp(image);
                if (next.IsCompleted)
                {
                    await Commit(image, Expired(image).ToList(), stoppingToken);
                    next = sweep.WaitForNextTickAsync(stoppingToken).AsTask();
                }

                var watch = site.Store.Watch(image.Revision, stoppingToken).AsTask();
                image = await Task.WhenAny(watch, next) == watch ? await watch : site.Store.Current;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // A full disk, or a fault of ours over one resource: neither may end the process that leases addresses.
                Log.CannotSettle(logger, e);
                await Task.Delay(TimeSpan.FromSeconds(1), time, stoppingToken);
                image = site.Store.Current;
                seen = default;
            }
        }
    }

    /// <summary>All that an operation's end can depend on: resources, agents' reports, operations.</summary>
    private static (long, long, long) Stamp(Image image) => (Site.RevisionOf(image), image.LastChange(AgentStatus.Partition), image.LastChange(Operation.Partition));

    private async Task Commit(Image image, IReadOnlyList<Change> changes, CancellationToken cancel)
    {
        // Losing is no loss: the next picture is looked at anyway.
        if (changes.Count > 0)
            _ = await site.Store.Commit(Seen.Of(image, changes), changes, cancel);
    }

    private IEnumerable<Change> Expired(Image image)
    {
        var old = site.Clock - KeepOperations;
        var operations = image.Range($"{Operation.Partition}|").Where(row => Operation.Of(row).Ended is { } ended && DateTimeOffset.Parse(ended, System.Globalization.CultureInfo.InvariantCulture) < old);
        var tokens = image.Range($"{Credentials.EnrollmentPartition}|").Where(row => !(DateTimeOffset.TryParse(row.Json.Text("expiresAt"), out var expires) && expires > site.Clock));
        return operations.Concat(tokens).Select(row => Change.Remove(row.Key));
    }

    private static partial class Log
    {
        [LoggerMessage(1001, LogLevel.Error, "Operations can't be ended; trying again")]
        public static partial void CannotSettle(ILogger logger, Exception error);
    }
}
