using System.Collections.Immutable;
using Weft.Fabric;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Access;

/// <summary>The kind of network rule sets: which networks may reach a cluster, a node, a machine, a hybrid connection, or all that a Nexus Cluster hosts.</summary>
public sealed class NetworkRuleSet : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(RelayVersions.OwnNamespace, "networkRuleSets");

    /// <summary>The one name there is.</summary>
    public const string OnlyName = "default";

    /// <summary>The most rules of a set: Azure Relay's own quota.</summary>
    public const int MostRules = 128;

    /// <summary>Where a rule set can stand.</summary>
    public static readonly ImmutableArray<ResourceType> Places =
        [NexusCluster.ResourceType, KubernetesCluster.ResourceType, Node.ResourceType, VirtualMachine.ResourceType, HybridConnection.ResourceType];

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "network rule set";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["nrs"];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => FleetVersions.All;

    /// <inheritdoc/>
    public override string NamePattern => "^default$";

    /// <inheritdoc/>
    public override ImmutableArray<ResourceType> Extends => Places;

    /// <inheritdoc/>
    public override bool EndsAtOnce => true;

    /// <inheritdoc/>
    public override Shape Shape { get; } = Proxy(
        Member.Choice("defaultAction", "Allow|*Deny", "what becomes of those that no rule is about"),
        Member.List("ipRules", Member.Group("",
            Member.Text("ipMask", "an address or a prefix, IPv4 or IPv6").Demanded().Within(1, 64),
            Member.Choice("action", "*Allow|Deny"),
            Member.Choice("appliesTo", "senders|listeners|*both", "whom it is about: those who ask, agents, or all"),
            Member.List("services", Member.Text("").Like("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"), "the services it is about (kubernetes, ssh); left out, all").Within(1, 16),
            Member.Text("description").Within(0, 256)), "the first rule that is about a caller decides").Within(0, MostRules),
        Member.Text("provisioningState").Drawn());

    /// <inheritdoc/>
    public override void Check(Proposal proposal)
    {
        CheckMasks(proposal);
        foreach (var (rule, i) in PropertiesOf(proposal.Wanted).Each("ipRules").Select((rule, i) => (rule, i)))
        {
            if (rule.Text("appliesTo") == "listeners" && rule.Texts("services").Any())
                proposal.Find(RefusalCode.InvalidMember, $"properties.ipRules[{i}].services", $"'properties.ipRules[{i}].services': a listener answers for all services of its connection, so a rule for listeners names none");
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<Change> Consequences(Proposal proposal, Image after)
    {
        LockOut.Check(proposal, after, proposal?.Id.Parent!);
        return [];
    }

    /// <summary>Checks the masks of a rule set.</summary>
    internal static void CheckMasks(Proposal proposal)
    {
        foreach (var (rule, i) in PropertiesOf(proposal.Wanted).Each("ipRules").Select((rule, i) => (rule, i)))
        {
            var path = $"properties.ipRules[{i}].ipMask";
            if (IpMask.Parse(rule.Text("ipMask")!, path).Refusal is { } refusal)
                proposal.Find(refusal with { Message = $"'{path}': {refusal.Message}" });
        }
    }
}
