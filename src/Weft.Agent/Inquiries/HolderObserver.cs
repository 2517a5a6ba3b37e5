using Weft.Agent.Leases;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Agent.Inquiries;

/// <summary>What the node's journal and its container runtime know of holders, and their release where that is asked for.</summary>
internal sealed class HolderObserver(LeaseTable table, LeaseService leases, SandboxDirectory sandboxes, ILogger log)
{
    /// <summary>Looks, and releases what is to be.</summary>
    /// <returns>One for each, in the same order.</returns>
    public async Task<IReadOnlyList<HolderObservation>> Observe(
        IReadOnlyList<InquiredHolder> asked,
        InquiryRelease release
    )
    {
        var known = sandboxes.Read();
        var found = new List<HolderObservation>();
        foreach (var one in asked)
            found.Add(await Find(one, known, release));
        return found;
    }

    private async Task<HolderObservation> Find(InquiredHolder asked, SandboxSet known, InquiryRelease release)
    {
        if (!ResourceId.TryParse(asked.Network, out var network))
            return HolderObservation.Unknown;
        var holder = new LeaseHolder(network, asked.ContainerId, asked.Interface);
        var sandbox = known.StateOf(asked.ContainerId);
        if (release == InquiryRelease.Always || (release == InquiryRelease.IfGone && sandbox != SandboxState.Present))
        {
            try
            {
                // By the same way as a DEL: it is noted first, and comes behind whatever is under way for this holder.
                await leases.Release(holder, null);
                log.HolderReclaimed(holder, sandbox);
                return new HolderObservation(HolderState.Releasing, sandbox);
            }
            catch (IOException)
            {
                // The journal has said why it takes nothing; whoever asks will ask again.
            }
        }

        return new HolderObservation(
            table.TryGet(holder, out _) ? HolderState.Held
                : table.ReleaseNumberOf(holder) is null ? HolderState.NotHeld
                : HolderState.Releasing,
            sandbox
        );
    }
}
