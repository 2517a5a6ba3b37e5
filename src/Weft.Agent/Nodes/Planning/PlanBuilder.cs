using Weft.Agent.Linux.Netlink;
using Weft.Agent.Nodes.Operations;

namespace Weft.Agent.Nodes.Planning;

/// <summary>
/// A plan while it is written: operations by the phase they belong to, and what of the owned things is still desired.
/// </summary>
internal sealed class PlanBuilder(OwnedState owned)
{
    private readonly HashSet<string> _retained = new(StringComparer.Ordinal);

    /// <summary>What the agent has made.</summary>
    public OwnedState Owned => owned;

    /// <summary>First: what is no longer wanted.</summary>
    public List<NodeOperation> Removals { get; } = [];

    /// <summary>Then names, so that every later operation knows interfaces by the names they are to have.</summary>
    public List<NodeOperation> Renames { get; } = [];

    /// <summary>Then children's MTUs that shrink, before their parents' do.</summary>
    public List<NodeOperation> MtuDecreases { get; } = [];

    /// <summary>Then interfaces, parents first.</summary>
    public List<NodeOperation> Links { get; } = [];

    /// <summary>Then functions and drivers, which want their port up.</summary>
    public List<NodeOperation> Devices { get; } = [];

    /// <summary>Last, the guards: their interfaces are there by then.</summary>
    public List<NodeOperation> Guards { get; } = [];

    /// <summary>What can't be done, a sentence each.</summary>
    public List<string> Findings { get; } = [];

    /// <summary>What stays although it is no longer desired, and why, by the name of the interface.</summary>
    public List<(string Link, string Why)> Held { get; } = [];

    /// <summary>Keys of owned things that are gone by another's hand and no longer desired.</summary>
    public List<string> Forgotten { get; } = [];

    /// <summary>Operations that were executed and are no longer desired, the last one first.</summary>
    public IEnumerable<NodeOperation> Unretained =>
        owned.Steps.Where(operation => !_retained.Contains(operation.Key!)).Reverse();

    /// <summary>Marks what has a key as desired.</summary>
    public void Retain(string key) => _retained.Add(key);

    /// <summary>Marks that an operation's effect is desired, whether the operation is needed or not.</summary>
    public NodeOperation Retain(NodeOperation operation)
    {
        if (operation.Key is { } key)
            Retain(key);
        return operation;
    }

    /// <summary>
    /// Leaves all that was made on an interface as it is, because it can't be told whether it should go.
    /// </summary>
    public void RetainAll(string link)
    {
        foreach (
            var operation in owned.Steps.Where(operation =>
                operation.Subject == link || (operation is RenameLink rename && rename.To == link)
            )
        )
            Retain(operation);
    }

    /// <summary>Whether the agent made an interface that is there.</summary>
    public bool IsOwned(KernelLink link) =>
        link.Kind == "vlan"
        && owned.Find($"link {link.Name}") is AddVlan vlan
        && (vlan.Index == 0 || vlan.Index == link.Index);

    /// <summary>Whether the agent gave an interface an address.</summary>
    public bool IsOwned(KernelLink link, KernelAddress address) =>
        owned.Find($"address {link.Name} {address.Address}/{address.Length}") is not null;
}
