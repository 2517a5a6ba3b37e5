using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Attachments.Verification;

/// <summary>How a check came out.</summary>
internal enum CheckState
{
    /// <summary>It is as it should be.</summary>
    Passed,

    /// <summary>It isn't.</summary>
    Failed,

    /// <summary>It could not be tried, and the message says why; nothing is known.</summary>
    Skipped,
}

/// <summary>The hops from an interface to the fabric, nearest first: where the first one fails, the fault is.</summary>
internal enum CheckHop
{
    /// <summary>The interface is there.</summary>
    Interface,

    /// <summary>It is up.</summary>
    Up,

    /// <summary>It has a carrier.</summary>
    Carrier,

    /// <summary>It has the MTU it should have.</summary>
    Mtu,

    /// <summary>It has the addresses it should have.</summary>
    Addresses,

    /// <summary>Nobody else has them.</summary>
    Duplicate,

    /// <summary>The switch lets the VLAN through: something of it comes in.</summary>
    Vlan,

    /// <summary>The gateway answers.</summary>
    Gateway,

    /// <summary>A packet of full size gets to the gateway and back.</summary>
    PathMtu,

    /// <summary>A tag of the trunk passes.</summary>
    TagPasses,

    /// <summary>A tag outside of the trunk is dropped.</summary>
    TagDropped,
}

/// <summary>A check that was made.</summary>
/// <param name="Message">What was seen, with the value and what was wanted.</param>
/// <param name="Family"><c>IPv4</c> or <c>IPv6</c> where the check is of a family.</param>
internal sealed record Check(CheckHop Hop, CheckState State, string Message, string? Family = null)
{
    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="body">A member of <c>checks</c>.</param>
    /// <returns>The check, or null where it is of a kind that this version doesn't know.</returns>
    public static Check? Read(JsonElement body) =>
        Enum.TryParse<CheckHop>(body.Text("hop"), out var hop)
        && Enum.TryParse<CheckState>(body.Text("state"), out var state)
            ? new Check(hop, state, body.Text("message") ?? "", body.Text("family"))
            : null;

    /// <summary>The check on the wire.</summary>
    public JsonObject ToJson()
    {
        var body = new JsonObject
        {
            ["hop"] = Hop.ToString(),
            ["state"] = State.ToString(),
            ["message"] = Message,
        };
        if (Family is not null)
            body["family"] = Family;
        return body;
    }
}

/// <summary>What was found on an interface.</summary>
/// <param name="Network">The network's id; empty where the interface is of none.</param>
internal sealed record InterfaceReport(string Network, string Interface, ImmutableArray<Check> Checks)
{
    /// <summary>The nearest hop that fails: the place to look at. Null where none does.</summary>
    public Check? FirstFailure => Checks.Where(c => c.State == CheckState.Failed).MinBy(c => c.Hop);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="body">A member of <c>interfaces</c>.</param>
    public static InterfaceReport Read(JsonElement body) =>
        new(
            body.Text("network") ?? "",
            body.Text("interface") ?? "",
            [.. body.Elements("checks").Select(Check.Read).OfType<Check>()]
        );

    /// <summary>The report on the wire.</summary>
    public JsonObject ToJson() =>
        new()
        {
            ["network"] = Network,
            ["interface"] = Interface,
            ["checks"] = new JsonArray([.. Checks.Select(c => (JsonNode)c.ToJson())]),
        };
}
