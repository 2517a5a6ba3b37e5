using Weft.Agent.ControlPlane;
using Weft.Agent.Linux.Netlink;
using Weft.Agent.Nodes.Operations;
using Weft.Agent.Nodes.Planning;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Nodes;

/// <summary>Holds what is desired of this node against the node's own policy, before anything else is made of it.</summary>
internal sealed class NodePolicyGate(
    Rtnetlink kernel,
    NodeReader reader,
    NodeStateStore store,
    string service,
    NodePolicyFile policy,
    ControlPlaneAddresses addresses,
    ILogger log
)
{
    private ManagementRecord? _known;
    private bool _hasFound;

    /// <summary>Why the file of the policy doesn't hold as it is now; null where it does.</summary>
    public string? Problem => policy.Problem;

    /// <summary>What of a configuration may be applied now.</summary>
    /// <param name="isPlan">Whether nothing is to be kept of it.</param>
    /// <exception cref="IOException">The node can't be read.</exception>
    public async Task<PolicyVerdict> Judge(NodeConfiguration configuration, bool isPlan, CancellationToken cancel)
    {
        policy.Refresh();
        var controlPlane = await addresses.Find(cancel);
        _known ??= store.ReadManagement();
        var search = new ManagementSearch(
            new ObservedNode(kernel.Links(), kernel.Addresses(), kernel.Routes()),
            store.ReadOwned().ForBoot(reader.Boot),
            controlPlane,
            policy.Current.Management,
            _known
        );
        var facts = search.Find(service is NetworkService.Netplan or NetworkService.Networkd);
        if (!isPlan)
            Remember(search.Found);
        return NodePolicyRules.Judge(configuration, policy.Current, facts);
    }

    private void Remember(ManagementRecord found)
    {
        if (found.Interfaces.IsEmpty)
            return;
        // What another run has found counts until a way is found: the node may have been wired anew since.
        var next = _hasFound ? _known!.With(found.Interfaces, found.Prefixes) : found;
        _hasFound = true;
        if (ReferenceEquals(next, _known))
            return;
        _known = next;
        try
        {
            store.Save(next);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.ManagementNotKept(e);
        }
    }
}
