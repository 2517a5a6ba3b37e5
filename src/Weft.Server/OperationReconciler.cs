using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Identity;

namespace Weft.Server;

/// <summary>
/// Ends operations as soon as they can end, and sweeps what has expired. One loop; what it has to do is read off the
/// store.
/// </summary>
internal sealed partial class OperationReconciler(
    ControlPlane controlPlane,
    ILogger<OperationReconciler> logger,
    TimeProvider time
) : BackgroundService
{
    private static readonly TimeSpan OperationRetention = TimeSpan.FromHours(24);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var sweep = new PeriodicTimer(TimeSpan.FromHours(1), time);
        var next = sweep.WaitForNextTickAsync(stoppingToken).AsTask();
        var state = controlPlane.Store.Current;
        (long, long, long) seen = default;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                // Pods' leases come by the hundred a second and end no operation.
                if (InputVersionsOf(state) != seen)
                    await Commit(
                        state,
                        [.. controlPlane.Operations.Complete(state, controlPlane.Now), .. Registration.Settle(state)],
                        stoppingToken
                    );
                seen = InputVersionsOf(state);
                if (next.IsCompleted)
                {
                    await Commit(state, ExpiredRows(state).ToList(), stoppingToken);
                    next = sweep.WaitForNextTickAsync(stoppingToken).AsTask();
                }

                var watch = controlPlane.Store.Watch(state.Revision, stoppingToken).AsTask();
                state = await Task.WhenAny(watch, next) == watch ? await watch : controlPlane.Store.Current;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // A full disk, or a bug that one resource meets: neither may end the process that leases addresses.
                Log.CannotComplete(logger, e);
                await Task.Delay(TimeSpan.FromSeconds(1), time, stoppingToken);
                state = controlPlane.Store.Current;
                seen = default;
            }
        }
    }

    /// <summary>All that an operation's end can depend on: resources, agents' reports, operations.</summary>
    private static (long, long, long) InputVersionsOf(StoreState state) =>
        (
            ControlPlane.ResourceRevisionOf(state),
            state.LastRevisionOf(AgentStatus.Partition),
            state.LastRevisionOf(Operation.Partition)
        );

    private async Task Commit(StoreState state, List<Mutation> changes, CancellationToken cancel)
    {
        // Losing is no loss: the next state is looked at anyway.
        if (changes.Count > 0)
            _ = await controlPlane.Store.Commit(ReadSet.FromMutations(state, changes), changes, cancel);
    }

    private IEnumerable<Mutation> ExpiredRows(StoreState state)
    {
        var old = controlPlane.UtcNow - OperationRetention;
        var operations = state
            .Range($"{Operation.Partition}|")
            .Where(row =>
                Operation.Read(row).EndTime is { } ended
                && DateTimeOffset.Parse(ended, System.Globalization.CultureInfo.InvariantCulture) < old
            );
        var tokens = state
            .Range($"{EnrolmentToken.Partition}|")
            .Where(row =>
                !(DateTimeOffset.TryParse(row.Json.Text("expiresAt"), out var expires) && expires > controlPlane.UtcNow)
            );
        return operations.Concat(tokens).Select(row => Mutation.Remove(row.Key));
    }

    private static partial class Log
    {
        [LoggerMessage(1001, LogLevel.Error, "Operations can't be ended; trying again")]
        public static partial void CannotComplete(ILogger logger, Exception error);
    }
}
