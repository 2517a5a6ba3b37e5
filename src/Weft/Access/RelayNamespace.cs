using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Access;

/// <summary>The providers of the relay: Microsoft's, and Weft's own.</summary>
public static class RelayVersions
{
    /// <summary>Azure Relay's provider.</summary>
    public const string Namespace = "Microsoft.Relay";

    /// <summary>Weft's own, for what Azure Relay lacks.</summary>
    public const string OwnNamespace = "Weft.Relay";

    /// <summary>The dates of Azure Relay's API; the resources here are the same in all of them.</summary>
    public static readonly ImmutableArray<string> All = ["2021-11-01", "2024-01-01", "2026-01-01"];
}

/// <summary>
/// The kind of relay namespaces. A namespace is the first segment of its hybrid connections' paths, so its name is unique in the whole site;
/// six characters are the least, and leave shorter words to Weft's own paths.
/// </summary>
public sealed class RelayNamespace : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(RelayVersions.Namespace, "namespaces");

    /// <summary>The authorization rule that each namespace begins with, as in Azure.</summary>
    public const string FirstRule = "RootManageSharedAccessKey";

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "relay namespace";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["rns"];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => RelayVersions.All;

    /// <inheritdoc/>
    public override string NamePattern => "^[a-zA-Z][a-zA-Z0-9-]{4,48}[a-zA-Z0-9]$";

    /// <inheritdoc/>
    public override bool EndsAtOnce => true;

    /// <inheritdoc/>
    public override Shape Shape { get; } = new(
    [
        .. Tracked(false,
            Member.Choice("publicNetworkAccess", "*Enabled|Disabled", "Disabled: nobody comes in, whatever the rules say"),
            Member.Text("provisioningState").Drawn(),
            Member.Text("status").Drawn(),
            Member.Text("createdAt").Drawn(),
            Member.Text("updatedAt").Drawn()).Members,
        (Member.Group("sku", Member.Choice("name", "Standard").Demanded(), Member.Choice("tier", "Standard")) with { Says = "kept; there is one" }),
    ]);

    /// <summary>Whether a namespace lets nobody in.</summary>
    public static bool IsShut(Stored row) => PropertiesOf(row).Text("publicNetworkAccess") == "Disabled";

    /// <inheritdoc/>
    public override void Check(Proposal proposal)
    {
        var taken = proposal.Seen.List(ResourceType).Select(IdOf).FirstOrDefault(other => !other.Equals(proposal.Id) && other.Name.Equals(proposal.Id.Name, StringComparison.OrdinalIgnoreCase));
        if (taken is not null)
            proposal.Find(RefusalCode.Overlap, "name", $"the name '{proposal.Id.Name}' is taken by {taken}: it is the first segment of a path, and paths are the whole site's", taken);
    }

    /// <inheritdoc/>
    public override IEnumerable<Change> Consequences(Proposal proposal, Image after)
    {
        if (proposal.Old is not null)
        {
            LockOut.Check(proposal, after, proposal.Id);
            return [];
        }

        var rule = proposal.Id.Child("authorizationRules", FirstRule);
        return
        [
            Change.Put(proposal.Id.Child("networkRuleSets", NetworkRuleSet.OnlyName), Made(proposal, proposal.Id.Child("networkRuleSets", NetworkRuleSet.OnlyName), NamespaceRuleSet.AtFirst())),
            Change.Put(rule, Made(proposal, rule, new JsonObject { ["rights"] = new JsonArray("Listen", "Manage", "Send") })),
            .. RelayKeys.Made(rule, proposal.Request),
        ];
    }

    /// <inheritdoc/>
    public override void Draw(Stored row, JsonObject properties, Image now)
    {
        properties["status"] = "Active";
        Stamp(row, properties);
    }

    /// <summary>Draws when a resource was made and last changed, as Microsoft.Relay shows it.</summary>
    internal static void Stamp(Stored row, JsonObject properties)
    {
        properties["createdAt"] = row.Json.Member("systemData").Text("createdAt");
        properties["updatedAt"] = row.Json.Member("systemData").Text("lastModifiedAt");
    }

    private static JsonObject Made(Proposal proposal, ResourceId id, JsonObject properties)
    {
        var document = new JsonObject { ["id"] = id.ToString(), ["properties"] = properties };
        if (proposal.Wanted.ToObject()["systemData"] is { } stamps)
            document["systemData"] = stamps.DeepClone();
        document[Provisioning.Member] = new JsonObject { ["state"] = Provisioning.Succeeded };
        return document;
    }
}
