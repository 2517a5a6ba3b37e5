using System.Text.Json.Nodes;

namespace Weft.Agent.Kubernetes;

/// <summary>How a wanted object stands in the cluster.</summary>
internal enum Standing
{
    /// <summary>It is as it should be.</summary>
    Right,

    /// <summary>It isn't there.</summary>
    Missing,

    /// <summary>It was applied from another manifest: the picture has changed, or it was handed over.</summary>
    Outdated,

    /// <summary>It was applied from this very manifest, and another hand has changed it.</summary>
    Drifted,

    /// <summary>Its values are right, but not all of them are the agent's to remove again, or some are that are no longer wanted.</summary>
    Disowned,

    /// <summary>Somebody else's object has its name.</summary>
    Foreign,

    /// <summary>It is being deleted.</summary>
    Dying,
}

/// <summary>What is decided of one object by looking at it. No request is made for it.</summary>
/// <param name="Why">For people: what differs, whose it is.</param>
internal sealed record Verdict(Standing Standing, string Why = "")
{
    /// <summary>Whether applying it would change something that may be changed.</summary>
    public bool AsksForWrite => Standing is Standing.Missing or Standing.Outdated or Standing.Drifted or Standing.Disowned;

    /// <summary>Compares.</summary>
    /// <param name="live">What is there, or null.</param>
    public static Verdict Of(WantedObject wanted, LiveObject? live, string cluster)
    {
        if (live is null)
            return new Verdict(Standing.Missing, "missing");
        // Whoever made the namespace, it is there: more isn't wanted of it. Most often the installation has.
        if (wanted.Key.Kind == ObjectKind.Namespace)
            return new Verdict(Standing.Right);
        if (live.IsDying)
            return new Verdict(Standing.Dying, "it is being deleted; it is made anew once its finalizers are gone");
        if (!live.IsOf(cluster))
            return new Verdict(Standing.Foreign, ForeignOwner(wanted.Key, live, cluster));

        var wrong = wanted.Leaves.Keys.Where(field => !Has(live.Body, field, wanted.Leaves[field])).Order(StringComparer.Ordinal).ToList();
        if (live.Digest is { } applied ? applied != wanted.Digest : live.Owned is null)
            return new Verdict(Standing.Outdated, live.Digest is null ? "handed over" : "the picture has changed");
        if (wrong.Count > 0)
            return new Verdict(Standing.Drifted, string.Join(", ", wrong.Select(field => Difference(live, field))));
        var owned = live.Owned;
        return owned is not null && owned.SetEquals(wanted.Leaves.Keys) ? new Verdict(Standing.Right) : new Verdict(Standing.Disowned, "not all of its fields are Weft's");
    }

    private static bool Has(JsonObject live, string field, JsonNode? value) =>
        FieldSet.TryGet(live, field, out var found) && JsonNode.DeepEquals(found, value);

    private static string Difference(LiveObject live, string field)
    {
        var how = FieldSet.TryGet(live.Body, field, out _) ? "changed" : "removed";
        return $"{FieldSet.Title(field)} {how}{(live.OwnerOf(field) is { } who ? $" by {who}" : "")}";
    }

    private static string ForeignOwner(ObjectKey key, LiveObject live, string cluster)
    {
        var owner = live.Cluster is { } other ? $"Weft cluster {other}" : live.Others.FirstOrDefault() is { } manager ? $"'{manager}'" : "somebody";
        var at = key.Namespace is null ? "" : $" -n {key.Namespace}";
        return $"{key} is there and belongs to {owner}: it is left as it is. Rename or delete it, "
            + $"or hand it over by: kubectl annotate{at} {key.Kind.Plural} {key.Name} --overwrite {WantedObject.ClusterMark}={cluster}";
    }
}
