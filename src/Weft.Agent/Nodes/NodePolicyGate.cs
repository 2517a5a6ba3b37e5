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
    ControlPlaneAddresses addresses
)
{
    /// <summary>Why the file of the policy doesn't hold as it is now; null where it does.</summary>
    public string? Problem => policy.Problem;

    /// <summary>What of a configuration may be applied now.</summary>
    /// <exception cref="IOException">The node can't be read.</exception>
    public async Task<PolicyVerdict> Judge(NodeConfiguration configuration, CancellationToken cancel)
    {
        policy.Refresh();
        var controlPlane = await addresses.Find(cancel);
        var search = new ManagementSearch(
            new ObservedNode(kernel.Links(), kernel.Addresses(), kernel.Routes()),
            store.ReadOwned().ForBoot(reader.Boot),
            controlPlane,
            policy.Current.Management
        );
        var facts = search.Find(service is NetworkService.Netplan or NetworkService.Networkd);
        return NodePolicyRules.Judge(configuration, policy.Current, facts);
    }
}
