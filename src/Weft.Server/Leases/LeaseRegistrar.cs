using Weft.Contracts;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Server.Leases;

/// <summary>Takes in what agents register after a restore (docs/specs/agent-api.md, "Registration").</summary>
internal sealed partial class LeaseRegistrar(ControlPlane controlPlane, ILogger<LeaseRegistrar> logger)
{
    private volatile Candidates? _candidates;

    /// <summary>Takes in one part.</summary>
    /// <param name="agent">The agent's row.</param>
    /// <returns>The answer once it is durable, or why the part isn't taken.</returns>
    public async Task<Outcome<LeaseRegistrationResponse>> Register(
        Row agent,
        LeaseRegistration part,
        CancellationToken cancel
    )
    {
        LeaseRegistrationResponse? response = null;
        var decided = await controlPlane.Decide(
            transaction =>
            {
                var adoption = new LeaseAdoption(
                    transaction,
                    agent,
                    () => CandidatesOf(transaction.State, ResourceKind.IdOf(agent).Parent!),
                    controlPlane.Now
                );
                if (!adoption.Decide(part).TryGet(out var result, out var refusal))
                    return refusal;
                response = result.Response;
                return new Decision(result.Mutations, null, transaction.State, false, null);
            },
            cancel
        );
        if (!decided.TryGet(out _, out var objection))
            return objection;
        foreach (var conflict in response!.Conflicts)
            Log.LeaseConflict(logger, conflict.Address, conflict.Network, conflict.Holder, conflict.HeldBy ?? "nobody");
        if (part.IsLast)
            Log.LeasesRegistered(logger, ResourceKind.IdOf(agent), response.Adopted);
        return response;
    }

    /// <summary>
    /// The keys of leases that pods of a cluster had at the restore. Read once in an epoch: there may be a million, and each
    /// agent asks.
    /// </summary>
    private IEnumerable<string> CandidatesOf(StoreState state, ResourceId cluster)
    {
        var epoch = Epoch.Find(state)!.Id;
        if (_candidates is not { } known || known.Epoch != epoch)
            _candidates = known = new Candidates(
                epoch,
                NetworkPool
                    .AllHoldings(state)
                    .SelectMany(item => item.Holding.Leases, (item, lease) => (item.NetworkKey, Lease: lease))
                    .ToLookup(
                        item => item.Lease.Holder.Cluster ?? "",
                        item => NetworkPool.KeyOf(item.NetworkKey, item.Lease.Address),
                        StringComparer.OrdinalIgnoreCase
                    )
            );
        return known.Keys[cluster.ToString()];
    }

    private static partial class Log
    {
        [LoggerMessage(
            1211,
            LogLevel.Warning,
            "{Address} of {Network} is held by {Holder}, and by {Other} as the store has it; it is given to nobody else"
        )]
        public static partial void LeaseConflict(
            ILogger logger,
            string address,
            string network,
            string holder,
            string other
        );

        [LoggerMessage(1212, LogLevel.Information, "{Agent} has registered its leases, {Adopted} of them new")]
        public static partial void LeasesRegistered(ILogger logger, ResourceId agent, int adopted);
    }

    private sealed record Candidates(string Epoch, ILookup<string, string> Keys);
}
