using System.Collections.Immutable;
using Weft.Attachments;

namespace Weft.Agent.Nodes;

/// <summary>What has to be done to a node, in order, and what can't be done.</summary>
/// <param name="Steps">The steps; none where the node is right.</param>
/// <param name="Findings">What can't be done, a sentence each, with the object's name and the next step.</param>
/// <param name="Forgotten">Keys of made things that are gone by another's hand and no longer wanted.</param>
internal sealed record NodePlan(ImmutableArray<NodeStep> Steps, ImmutableArray<string> Findings, ImmutableArray<string> Forgotten)
{
    /// <summary>The difference between a node as it is and as it should be. Neither looks at anything else nor changes anything.</summary>
    /// <param name="made">What the agent has made: only that is taken away.</param>
    public static NodePlan Of(NodeState state, NodeWish wanted, Made made)
    {
        var sheet = new PlanSheet(made);
        var ports = new PortPlan(state, sheet);
        var links = wanted.Service is null ? LinkWish.Of(wanted.Configuration) : [];
        ports.Write(links.Where(link => link.Vlan is null));
        new VlanPlan(state, sheet, ports).Write(links.Where(link => link.Vlan is not null));
        new DevicePlan(state, sheet, ports).Write(wanted.Configuration);
        GuardPlan.Write(state, sheet, wanted.Guards);
        ServicePlan.Write(sheet, wanted.Service);
        LeftoverPlan.Write(state, sheet);
        return new NodePlan(
            [.. sheet.TakenAway, .. sheet.Names, .. sheet.Lowered, .. sheet.Links, .. sheet.Devices, .. sheet.Guards],
            [.. sheet.Findings.Distinct(StringComparer.Ordinal)],
            [.. sheet.Forgotten]);
    }
}

/// <summary>What a node should be, with the texts that others write for it.</summary>
/// <param name="Guards">The guards' rules for nft; empty for none.</param>
/// <param name="Service">The files of the node's own network service that has charge of interfaces, or null where the agent has.</param>
internal sealed record NodeWish(NodeConfiguration Configuration, string Guards, ServiceWish? Service = null);

/// <summary>Files for the node's own network service.</summary>
/// <param name="Service"><c>netplan</c> or <c>networkd</c>.</param>
/// <param name="Actual">What is there, of these and of those that were written before.</param>
/// <param name="IsStale">Whether the service must read them again although they are right: what is really there differs.</param>
internal sealed record ServiceWish(string Service, ImmutableDictionary<string, string> Files, ImmutableDictionary<string, string> Actual, bool IsStale);
