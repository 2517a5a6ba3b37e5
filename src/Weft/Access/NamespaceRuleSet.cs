using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Access;

/// <summary>The kind of a relay namespace's network rules, in Azure Relay's own shape: addresses and prefixes that are let in. There is one in each namespace, from the first.</summary>
public sealed class NamespaceRuleSet : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(RelayVersions.Namespace, "namespaces/networkRuleSets");

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "namespace's network rule set";

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => RelayVersions.All;

    /// <inheritdoc/>
    public override string NamePattern => "^default$";

    /// <inheritdoc/>
    public override bool EndsAtOnce => true;

    /// <inheritdoc/>
    public override bool IsPermanent => true;

    /// <inheritdoc/>
    public override Shape Shape { get; } = Proxy(
        Member.Choice("defaultAction", "Allow|*Deny", "what becomes of those that no rule is about"),
        Member.List("ipRules", Member.Group("",
            Member.Text("ipMask", "an address or a prefix, IPv4 or IPv6").Demanded().Within(1, 64),
            Member.Choice("action", "*Allow")), "the networks that are let in").Within(0, NetworkRuleSet.MostRules),
        Member.Choice("publicNetworkAccess", "*Enabled|Disabled", "Disabled: nobody comes in, whatever the rules say"),
        Member.Boolean("trustedServiceAccessEnabled", false, "kept; there are no trusted services here"),
        Member.Text("provisioningState").Drawn());

    /// <summary>The rules of a namespace that nobody has written any for.</summary>
    /// <returns>The properties: everybody may come who has a token.</returns>
    internal static JsonObject AtFirst() => new()
    {
        ["defaultAction"] = "Allow",
        ["ipRules"] = new JsonArray(),
        ["publicNetworkAccess"] = "Enabled",
        ["trustedServiceAccessEnabled"] = false,
    };

    /// <inheritdoc/>
    public override void Check(Proposal proposal)
    {
        NetworkRuleSet.CheckMasks(proposal);
    }

    /// <inheritdoc/>
    public override IEnumerable<Change> Consequences(Proposal proposal, Image after)
    {
        LockOut.Check(proposal, after, proposal?.Id.Parent!);
        return [];
    }
}
