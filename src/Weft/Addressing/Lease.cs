using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Addressing;

/// <summary>How a holder came to its address.</summary>
internal enum LeaseMethod
{
    /// <summary>The pool picked it.</summary>
    Dynamic,

    /// <summary>The holder asked for it.</summary>
    Static,
}

/// <summary>Who holds an address.</summary>
/// <param name="Id">
/// The identity: a holder with the same id gets the same address. A pod's is made of its container and interface, which
/// are never used twice, so that a late release can't free the address of the next pod of the same name.
/// </param>
/// <param name="Text">What a person calls it: <c>pod core/upf-0 net1 on core-east</c>.</param>
internal sealed record Holder(string Id, string Text)
{
    /// <summary>The resource that it is, or is of, in lower case: a machine, a node, a pod's cluster.</summary>
    /// <returns>The identity itself where it names none.</returns>
    public string Owner =>
        Id.IndexOf(':', StringComparison.Ordinal) is >= 0 and var colon && Id.IndexOf('#', colon) is >= 0 and var hash
            ? Id[(colon + 1)..hash]
            : Id;

    /// <summary>The cluster it belongs to, as an id, or null for a standalone machine.</summary>
    public string? Cluster { get; init; }

    /// <summary>The node it runs on, or null where that isn't known.</summary>
    public string? Node { get; init; }

    /// <summary>The UID of the pod that it is of, or null where that isn't known, or it is of none.</summary>
    public string? PodUid { get; init; }

    /// <summary>
    /// Who the owner is across lives, as namespace and name: what the pod or its pool says; null where nobody does, and then it
    /// is the pod itself.
    /// </summary>
    public string? Claim { get; init; }

    /// <summary>Who holds the same by the same claim: the other pod of a live migration. Most have nobody.</summary>
    public ImmutableArray<Holder> With { get; init; } = [];

    /// <summary>Since when it holds with another, RFC 3339; null where it was the first.</summary>
    public string? Joined { get; init; }

    /// <summary>What people call all that hold it.</summary>
    public string TextOfAll =>
        With.IsEmpty ? Text : string.Join(" and ", With.Select(holder => holder.Text).Prepend(Text));

    /// <summary>The pod, as namespace and name; null for another, and where the runtime didn't say.</summary>
    public string? Pod =>
        Text.Split(' ') is [PodWord, var pod, ..] && pod.Contains('/', StringComparison.Ordinal) ? pod : null;

    /// <summary>What the text of a pod's interface begins with; namespace and name come behind it.</summary>
    public const string PodWord = "pod";
}

/// <summary>One address and who holds it.</summary>
/// <param name="Since">Since when, RFC 3339.</param>
internal sealed record Lease(Address Address, Holder Holder, LeaseMethod Method, string Since)
{
    /// <summary>The lease as somebody may see it: of a holder that they may not read, only that there is one.</summary>
    public Lease VisibleTo(Func<string, bool> mayRead) =>
        Holder.With.Prepend(Holder).All(holder => mayRead(holder.Owner))
            ? this
            : this with
            {
                Holder = new Holder("", "something that you may not see"),
            };

    /// <summary>The lease as each of those has it who hold it.</summary>
    public IEnumerable<Lease> ByHolder =>
        Holder.With.IsEmpty
            ? [this]
            : Holder
                .With.Select(other => this with { Holder = other, Since = other.Joined ?? Since })
                .Prepend(this with { Holder = Holder with { With = [] } });

    /// <summary>The row's document.</summary>
    public JsonObject ToJson()
    {
        var document = new JsonObject
        {
            ["address"] = Address.ToString(),
            ["holderId"] = Holder.Id,
            ["holder"] = Holder.Text,
            ["cluster"] = Holder.Cluster,
            ["node"] = Holder.Node,
            ["method"] = Method.ToString(),
            ["since"] = Since,
        };
        if (Holder.PodUid is { } uid)
            document["podUid"] = uid;
        if (Holder.Claim is { } claim)
            document["claim"] = claim;
        if (!Holder.With.IsEmpty)
            document["with"] = new JsonArray([
                .. Holder.With.Select(other =>
                    (JsonNode)(this with { Holder = other, Since = other.Joined ?? Since }).ToJson()
                ),
            ]);
        return document;
    }

    /// <summary>Reads a row's document.</summary>
    /// <exception cref="FormatException">It is none: the store holds something that Weft did not write.</exception>
    public static Lease FromJson(JsonElement json)
    {
        string? Text(string name) =>
            json.ValueKind == JsonValueKind.Object
            && json.TryGetProperty(name, out var value)
            && value.ValueKind == JsonValueKind.String
                ? value.GetString()
                : null;
        if (
            !Address.TryParse(Text("address"), out var address)
            || Text("holderId") is not { } id
            || !Enum.TryParse<LeaseMethod>(Text("method"), out var method)
        )
            throw new FormatException($"a stored lease can't be read: {json}");
        return new Lease(
            address,
            new Holder(id, Text("holder") ?? id)
            {
                Cluster = Text("cluster"),
                Node = Text("node"),
                PodUid = Text("podUid"),
                Claim = Text("claim"),
                With = json.TryGetProperty("with", out var with) ? [.. with.EnumerateArray().Select(ReadOther)] : [],
            },
            method,
            Text("since") ?? ""
        );
    }

    private static Holder ReadOther(JsonElement json)
    {
        var lease = FromJson(json);
        return lease.Holder with { Joined = lease.Since };
    }
}
