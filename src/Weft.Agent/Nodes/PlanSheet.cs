using Weft.Agent.Netlink;

namespace Weft.Agent.Nodes;

/// <summary>A plan while it is written: steps by the phase they belong to, and what of the made things is still wanted.</summary>
internal sealed class PlanSheet(Made made)
{
    private readonly HashSet<string> _kept = new(StringComparer.Ordinal);

    /// <summary>What the agent has made.</summary>
    public Made Made => made;

    /// <summary>First: what is no longer wanted.</summary>
    public List<NodeStep> TakenAway { get; } = [];

    /// <summary>Then names, so that every later step knows interfaces by the names they are to have.</summary>
    public List<NodeStep> Names { get; } = [];

    /// <summary>Then children's MTUs that shrink, before their parents' do.</summary>
    public List<NodeStep> Lowered { get; } = [];

    /// <summary>Then interfaces, parents first.</summary>
    public List<NodeStep> Links { get; } = [];

    /// <summary>Then functions and drivers, which want their port up.</summary>
    public List<NodeStep> Devices { get; } = [];

    /// <summary>Last, the guards: their interfaces are there by then.</summary>
    public List<NodeStep> Guards { get; } = [];

    /// <summary>What can't be done, a sentence each.</summary>
    public List<string> Findings { get; } = [];

    /// <summary>Keys of made things that are gone by another's hand and no longer wanted.</summary>
    public List<string> Forgotten { get; } = [];

    /// <summary>Steps that were made and are no longer wanted, the last one first.</summary>
    public IEnumerable<NodeStep> Unwanted => made.Steps.Where(step => !_kept.Contains(step.Key!)).Reverse();

    /// <summary>Says that what has a key is wanted.</summary>
    public void Keep(string key) => _kept.Add(key);

    /// <summary>Says that a step's effect is wanted, whether the step is needed or not.</summary>
    public NodeStep Keep(NodeStep step)
    {
        if (step.Key is { } key)
            Keep(key);
        return step;
    }

    /// <summary>Leaves all that was made on an interface as it is, because it can't be told whether it should go.</summary>
    public void KeepAll(string link)
    {
        foreach (var step in made.Steps.Where(step => step.Subject == link || (step is RenameLink rename && rename.To == link)))
            Keep(step);
    }

    /// <summary>Whether the agent made an interface that is there.</summary>
    public bool IsMade(KernelLink link) => link.Kind == "vlan" && made.Of($"link {link.Name}") is AddVlan vlan && (vlan.Index == 0 || vlan.Index == link.Index);

    /// <summary>Whether the agent gave an interface an address.</summary>
    public bool IsMade(KernelLink link, KernelAddress address) => made.Of($"address {link.Name} {address.Address}/{address.Length}") is not null;
}
