using Weft.Agent.Blocks;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Agent.Leases;

/// <summary>The journal's first line.</summary>
/// <param name="WeftJournal">The version of the format.</param>
/// <param name="File">Tells this file's lines from those of another; null in version 1.</param>
internal sealed record JournalHeader(int WeftJournal, string? File = null)
{
    /// <summary>The version whose lines stand each for itself: it is read, and written anew as the current one.</summary>
    public const int Unchained = 1;

    /// <summary>The version that knows grants and releases alone: it is read, and written anew as the current one.</summary>
    public const int WithoutRequests = 2;

    /// <summary>The version this agent writes.</summary>
    public const int Current = 3;
}

/// <summary>One fact about one holder. Format: docs/specs/agent.md.</summary>
/// <param name="Did">One of <see cref="Requested"/>, <see cref="Granted"/>, <see cref="Refused"/>,
/// <see cref="ReleaseWanted"/>, <see cref="Released"/>.</param>
/// <param name="At">When; for people, nothing is decided by it.</param>
/// <param name="Lease">What was granted; only with <see cref="Granted"/>.</param>
/// <param name="Want">The number of the request to release; only with the two about releases. It says which request has been
/// met.</param>
/// <param name="Pod">The pod as <c>namespace/name</c>, so that people see whose it is.</param>
/// <param name="Configuration">The name of the CNI network configuration that it was granted for; only with
/// <see cref="Requested"/> and <see cref="Granted"/>, and null where an agent of before has written it.</param>
/// <param name="Uid">The pod's UID; null where nobody says.</param>
/// <param name="IsOfBlock">True where the agent has given it of a block; null where weftd has.</param>
/// <param name="Block">Only with <see cref="BlockHeld"/>.</param>
/// <param name="Owner">Only with <see cref="BlocksOwned"/>.</param>
internal sealed record JournalEntry(
    string Did,
    string Network,
    string ContainerId,
    string Interface,
    DateTimeOffset At,
    PodLease? Lease = null,
    long? Want = null,
    string? Pod = null,
    string? Configuration = null,
    string? Uid = null,
    bool? IsOfBlock = null,
    JournaledBlock? Block = null,
    JournaledOwner? Owner = null
)
{
    /// <summary>The control plane is asked for a lease of the holder: it may have one, and which is for it to say.</summary>
    public const string Requested = "requested";

    /// <summary>What was requested came to nothing.</summary>
    public const string Refused = "refused";

    /// <summary>The holder has this lease.</summary>
    public const string Granted = "granted";

    /// <summary>The holder is gone: what it has, or is getting, is to be released at the control plane.</summary>
    public const string ReleaseWanted = "releaseWanted";

    /// <summary>The control plane has confirmed the release.</summary>
    public const string Released = "released";

    /// <summary>The agent has this of a block.</summary>
    public const string BlockHeld = "blockHeld";

    /// <summary>This is whose blocks they are.</summary>
    public const string BlocksOwned = "blocksOwned";

    /// <summary>An entry about a block.</summary>
    public static JournalEntry Create(ResourceId network, JournaledBlock block, DateTimeOffset at) =>
        new(BlockHeld, network.ToString(), "", "", at, Block: block);

    /// <summary>An entry about the blocks' owner.</summary>
    public static JournalEntry Create(JournaledOwner owner, DateTimeOffset at) =>
        new(BlocksOwned, "", "", "", at, Owner: owner);

    /// <summary>An entry about a holder.</summary>
    public static JournalEntry Create(
        string did,
        LeaseHolder holder,
        DateTimeOffset at,
        PodLease? lease = null,
        long? want = null,
        string? pod = null,
        string? configuration = null
    ) => new(did, holder.Network.ToString(), holder.ContainerId, holder.Interface, at, lease, want, pod, configuration);
}
