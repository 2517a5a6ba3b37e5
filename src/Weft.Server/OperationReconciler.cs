using System.Collections.Immutable;
using Weft.Fleet;
using Weft.Fleet.Operations;
using Weft.Resources;
using Weft.Server.Identity;
using Weft.Storage;

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

    /// <summary>
    /// All that an end can depend on: resources, inventories, agents' reports and registrations, operations. Pods' leases
    /// come by the hundred a second and end none.
    /// </summary>
    private static readonly ImmutableArray<string> Inputs =
    [
        .. AllKinds
            .List.All.Select(kind => StoreKey.PartitionOf(kind.Type))
            .Append(InventoryRows.Partition)
            .Append(AgentStatus.Partition)
            .Append(Registration.Partition)
            .Append(Operation.Partition)
            .Select(partition => $"{partition}|"),
    ];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var sweep = new PeriodicTimer(TimeSpan.FromHours(1), time);
        var next = sweep.WaitForNextTickAsync(stoppingToken).AsTask();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var state = controlPlane.Store.Current;
                // Who loses to another commit decides again: nobody is woken by what was only leased or given back.
                if (
                    !await Commit(
                        state,
                        [.. controlPlane.Operations.Complete(state, controlPlane.Now), .. Registration.Settle(state)],
                        stoppingToken
                    )
                )
                    continue;
                if (next.IsCompleted)
                {
                    _ = await Commit(state, ExpiredRows(state).ToList(), stoppingToken);
                    next = sweep.WaitForNextTickAsync(stoppingToken).AsTask();
                }

                var watch = controlPlane
                    .Store.Watch(state.Revision, [.. Inputs, .. Draining.Topics(state)], stoppingToken)
                    .AsTask();
                await await Task.WhenAny(watch, next);
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
            }
        }
    }

    /// <returns>False where something that was read has changed meanwhile, and nothing was written.</returns>
    private async Task<bool> Commit(StoreState state, List<Mutation> changes, CancellationToken cancel) =>
        changes.Count == 0
        || await controlPlane.Store.Commit(ReadSet.FromMutations(state, changes), changes, cancel) is not null;

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
