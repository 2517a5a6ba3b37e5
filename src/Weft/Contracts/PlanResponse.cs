using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Weft.Resources;

namespace Weft.Contracts;

/// <summary>The answer to <c>POST /providers/Weft.Fleet/plan</c>: what an apply would do.</summary>
/// <param name="Revision">The store's revision that it was made at.</param>
/// <param name="Changes">The steps, in the order in which to apply.</param>
/// <param name="Addresses">Addresses that change hands.</param>
/// <param name="Vlans">VLANs that a machine's switch port carries from then on, or no more.</param>
/// <param name="Manifests">Rendered objects and files that differ.</param>
/// <param name="Disruptions">What running pods and machines notice.</param>
/// <param name="Warnings">What isn't refused, and will not be as meant.</param>
/// <remarks>Source: docs/specs/resource-api.md, "Questions".</remarks>
internal sealed record PlanResponse(
    long Revision,
    IReadOnlyList<PlannedChange> Changes,
    IReadOnlyList<PlannedAddress> Addresses,
    IReadOnlyList<PlannedVlan> Vlans,
    IReadOnlyList<PlannedManifest> Manifests,
    IReadOnlyList<PlanNotice> Disruptions,
    PlannedCapacity Capacity,
    IReadOnlyList<PlanNotice> Warnings
)
{
    /// <summary>The body as weftd answers it.</summary>
    public JsonObject ToJson() => JsonSerializer.SerializeToNode(this, ServerJson.Default.PlanResponse)!.AsObject();

    /// <summary>Reads the body.</summary>
    /// <returns>The plan; null where it is none.</returns>
    public static PlanResponse? Read(JsonObject body) => body.ReadAs(ContractJson.Default.PlanResponse);
}

/// <summary>What a step of a plan does.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PlanAction>))]
internal enum PlanAction
{
    /// <summary>Makes a resource.</summary>
    Create,

    /// <summary>Changes a resource.</summary>
    Update,

    /// <summary>Leaves a resource as it is.</summary>
    Unchanged,

    /// <summary>Enables an isolation domain.</summary>
    Enable,

    /// <summary>Is not allowed.</summary>
    Refused,
}

/// <summary>A step of a plan.</summary>
/// <param name="Members">The members that differ; null where the resource stays or is refused.</param>
/// <param name="Error">Why it is refused, as ARM says it; null where it isn't.</param>
internal sealed record PlannedChange(
    string Id,
    PlanAction Action,
    IReadOnlyList<MemberChange>? Members = null,
    JsonNode? Error = null
);

/// <summary>A member that differs.</summary>
/// <param name="Path">Such as <c>properties.mtu</c>.</param>
/// <param name="Before">Its value; null where it has none, and where it is a secret.</param>
internal sealed record MemberChange(string Path, JsonNode? Before = null, JsonNode? After = null);

/// <summary>Whether something is taken or given back.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<AddressAction>))]
internal enum AddressAction
{
    /// <summary>It is free, and is held then.</summary>
    Take,

    /// <summary>It is held, and is free then.</summary>
    Give,
}

/// <summary>An address that changes hands.</summary>
/// <param name="Network">The network's id.</param>
internal sealed record PlannedAddress(AddressAction Action, string Network, string Address, string Holder);

/// <summary>Whether a switch port carries a VLAN.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<VlanAction>))]
internal enum VlanAction
{
    /// <summary>It does then.</summary>
    Open,

    /// <summary>It doesn't any more.</summary>
    Close,
}

/// <summary>A VLAN of a machine's switch port.</summary>
/// <param name="Vlan">1 to 4094.</param>
/// <param name="Network">The network's id.</param>
internal sealed record PlannedVlan(VlanAction Action, int Vlan, string Machine, string Network);

/// <summary>What becomes of a rendered object or file.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ManifestAction>))]
internal enum ManifestAction
{
    /// <summary>It is new.</summary>
    Add,

    /// <summary>It differs.</summary>
    Change,

    /// <summary>It goes.</summary>
    Remove,
}

/// <summary>A rendered object or file that differs.</summary>
/// <param name="Scope">The id of the cluster or virtual machine.</param>
/// <param name="Before">Its text; null where it is new.</param>
/// <param name="After">Its text; null where it goes.</param>
internal sealed record PlannedManifest(
    ManifestAction Action,
    string Scope,
    string Name,
    string? Before = null,
    string? After = null
);

/// <summary>What somebody should know before they apply.</summary>
/// <param name="Id">The resource that it is about.</param>
/// <param name="What">A sentence, for people.</param>
internal sealed record PlanNotice(string Id, string What)
{
    /// <summary>A notice about a resource.</summary>
    public static PlanNotice For(ResourceId id, string what) => new(id.ToString(), what);
}
