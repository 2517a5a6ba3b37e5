using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Fleet.Quotas;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Server.Leases;

/// <summary>The requests of one network that aren't decided yet, and what is known of it between them. For one thread.</summary>
/// <param name="gate">Who decides about the network's pool passes through it.</param>
internal sealed class NetworkQueue(ResourceId network, SemaphoreSlim gate)
{
    /// <summary>The network.</summary>
    public ResourceId Id => network;

    /// <summary>Who decides about the network's pool passes through it.</summary>
    public SemaphoreSlim Gate => gate;

    /// <summary>The requests, in the order in which they came.</summary>
    public List<PendingLease> Waiting { get; } = [];

    /// <summary>Who may lease of the network.</summary>
    public NetworkUsersCache Users { get; } = new(network);

    /// <summary>The addresses that were picked last; empty where none was.</summary>
    public ImmutableArray<Address> LastAssigned { get; set; } = [];

    /// <summary>Answers all that wait with a refusal.</summary>
    public void RefuseAll(Refusal refusal)
    {
        Waiting.ForEach(pending => pending.Complete(refusal));
        Waiting.Clear();
    }
}

/// <summary>
/// The batches of several networks on one store state, as one commit: what a commit costs is shared by all of them. Thrown
/// away whole if the commit is lost.
/// </summary>
/// <param name="most">How many changes a commit may hold; the first request is decided in any case.</param>
/// <param name="draw">Draws a number, for pools that choose at random.</param>
internal sealed class LeaseCommit(ReadTransaction transaction, LeaseQuota quota, int most, Func<ulong> draw)
{
    private readonly HeldCounts _before = NetworkPool.CountsOf(transaction.State);
    private readonly HeldCounts _everywhere = NetworkPool.CountsOf(transaction.State).Open(new object());
    private readonly List<(NetworkQueue Network, LeaseBatch Batch)> _batches = [];
    private int _count;

    /// <summary>Decides a network's requests until the commit holds as much as it may.</summary>
    public void Decide(NetworkQueue network, Limits limits, string now)
    {
        // What a call asks for together isn't cut for what others of the commit ask for.
        if (network.Waiting.Count == 0 || (_count > 0 && _count + network.Waiting.Count > most))
            return;
        var users = network.Users.Get(transaction.State);
        var batch = new LeaseBatch(network.Id, transaction, quota, users, network.LastAssigned, _everywhere, draw);
        if (transaction.Get(network.Id) is { } row)
            batch.Decide(row, network.Waiting, limits, now, most - _count);
        else
            batch.RefuseAll(
                network.Waiting,
                new Refusal(RefusalCode.ResourceNotFound, $"{network.Id} doesn't exist", network.Id.ToString())
            );
        _count += batch.CountChanges;
        _batches.Add((network, batch));
    }

    /// <summary>What is to be written; nothing may be decided any more.</summary>
    public IReadOnlyList<Mutation> ToMutations()
    {
        var mutations = new List<Mutation>();
        foreach (var (_, batch) in _batches)
            mutations.AddRange(batch.ToMutations());
        var after = _everywhere.Close();
        // Where what is committed is what was decided, it has been counted already: by the first, for all.
        if (_batches.TrueForAll(each => each.Batch.IsCommittedAsDecided))
            SayCounted(mutations, _before, after);
        return mutations;
    }

    private static void SayCounted(List<Mutation> mutations, HeldCounts before, HeldCounts after)
    {
        for (var i = 0; i < mutations.Count; i++)
        {
            if (mutations[i] is not LeaseChanges changes)
                continue;
            mutations[i] = changes with { Counts = (before, after) };
            before = after;
        }
    }

    /// <summary>Answers what was decided.</summary>
    public void CompleteRequests()
    {
        foreach (var (network, batch) in _batches)
        {
            batch.CompleteRequests();
            network.LastAssigned = batch.LastAssigned;
            network.Waiting.RemoveRange(0, batch.CountDecided);
        }
    }
}
