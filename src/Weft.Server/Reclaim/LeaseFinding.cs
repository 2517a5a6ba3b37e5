using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Server.Reclaim;

/// <summary>What becomes of a lease that is looked at.</summary>
internal enum LeaseFindingState
{
    /// <summary>Its holder is gone; it is freed once that has been seen for long enough.</summary>
    Gone,

    /// <summary>Its holder was gone, and it has been freed.</summary>
    Freed,

    /// <summary>Its pod is gone, and nobody can say that nothing runs there any more: a person must decide.</summary>
    Unproven,

    /// <summary>Another pod says that it has the address too.</summary>
    HeldByTwo,
}

/// <summary>One thing that <c>weft ipam audit</c> tells of.</summary>
/// <param name="Reason">Why, a part of a sentence.</param>
internal sealed record LeaseFinding(
    ResourceId Network,
    ImmutableArray<Address> Addresses,
    Holder Holder,
    string Since,
    LeaseFindingState State,
    string Reason
)
{
    /// <summary>The finding as the API gives it.</summary>
    public JsonObject ToJson() =>
        new()
        {
            ["network"] = Network.ToString(),
            ["addresses"] = new JsonArray([.. Addresses.Select(address => JsonValue.Create(address.ToString()))]),
            ["holder"] = Holder.Text,
            ["node"] = Holder.Node,
            ["since"] = Since,
            ["state"] = State.ToString(),
            ["reason"] = Reason,
        };
}

/// <summary>What one look at leases has come to.</summary>
/// <param name="Checked">How many holders were looked at.</param>
internal sealed record LeaseAudit(int Checked, ImmutableArray<LeaseFinding> Findings)
{
    /// <summary>The answer to <c>POST /providers/Weft.Ipam/audit</c>.</summary>
    public JsonObject ToJson() =>
        new()
        {
            ["checked"] = Checked,
            ["findings"] = new JsonArray([.. Findings.Select(finding => (JsonNode)finding.ToJson())]),
        };
}
