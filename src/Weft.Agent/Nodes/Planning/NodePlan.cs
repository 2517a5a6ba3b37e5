using System.Collections.Immutable;
using Weft.Agent.Nodes.Operations;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Nodes.Planning;

/// <summary>What has to be done to a node, in order, and what can't be done.</summary>
/// <param name="Operations">The operations; none where nothing differs.</param>
/// <param name="Findings">What can't be done, a sentence each, with the object's name and the next step.</param>
/// <param name="Forgotten">Keys of owned things that are gone by another's hand and no longer desired.</param>
internal sealed record NodePlan(
    ImmutableArray<NodeOperation> Operations,
    ImmutableArray<string> Findings,
    ImmutableArray<string> Forgotten
)
{
    /// <summary>What stays although it is no longer desired, and why, by the name of the interface.</summary>
    public ImmutableArray<(string Link, string Why)> Held { get; init; } = [];

    /// <summary>
    /// The difference between a node as it is and as it should be. Neither looks at anything else nor changes anything.
    /// </summary>
    /// <param name="owned">What the agent has made: only that is taken away.</param>
    public static NodePlan Create(ObservedNode observed, DesiredNode desired, OwnedState owned)
    {
        var plan = new PlanBuilder(owned);
        var ports = new PortPlanner(observed, plan);
        var links = desired.Service is null ? DesiredLinks.FromLayout(NodeLayout.Arrange(desired.Configuration)) : [];
        ports.Plan(links.Where(link => link.Vlan is null));
        new VlanPlanner(observed, plan, ports).Plan(links.Where(link => link.Vlan is not null));
        new DevicePlanner(observed, plan, ports).Plan(desired.Configuration);
        GuardPlanner.Plan(observed, plan, desired.Guards);
        ServicePlanner.Plan(plan, desired.Service);
        GarbageCollection.Plan(observed, plan);
        return new NodePlan(
            [.. plan.Removals, .. plan.Renames, .. plan.MtuDecreases, .. plan.Links, .. plan.Devices, .. plan.Guards],
            [.. plan.Findings.Distinct(StringComparer.Ordinal)],
            [.. plan.Forgotten]
        )
        {
            Held = [.. plan.Held],
        };
    }
}

/// <summary>What a node should be, with the texts that others write for it.</summary>
/// <param name="Guards">The guards' rules for nft; empty for none.</param>
/// <param name="Service">The files of the node's own network service that has charge of interfaces, or null where the
/// agent has.</param>
internal sealed record DesiredNode(NodeConfiguration Configuration, string Guards, DesiredServiceFiles? Service = null);

/// <summary>Files for the node's own network service.</summary>
/// <param name="Service"><c>netplan</c> or <c>networkd</c>.</param>
/// <param name="Actual">What is there, of these and of those that were written before.</param>
/// <param name="IsStale">Whether the service must read them again although they are right: what is really there
/// differs.</param>
internal sealed record DesiredServiceFiles(
    string Service,
    ImmutableDictionary<string, string> Files,
    ImmutableDictionary<string, string> Actual,
    bool IsStale
);
