using System.Text.Json.Nodes;

namespace Weft.Agent.Kubernetes;

/// <summary>How a wanted object stands in the cluster.</summary>
internal enum SyncStatus
{
    /// <summary>It is as it should be.</summary>
    Synced,

    /// <summary>It isn't there.</summary>
    Missing,

    /// <summary>It was applied from another manifest: the desired state has changed, or it was handed over.</summary>
    Outdated,

    /// <summary>It was applied from this very manifest, and another hand has changed it.</summary>
    Drifted,

    /// <summary>
    /// Its values are right, but not all of them are the agent's to remove again, or some are that are no longer
    /// wanted.
    /// </summary>
    NotOwned,

    /// <summary>Somebody else's object has its name.</summary>
    Foreign,

    /// <summary>It is being deleted.</summary>
    Deleting,
}

/// <summary>What is decided of one object by looking at it. No request is made for it.</summary>
/// <param name="Reason">For people: what differs, whose it is.</param>
internal sealed record Comparison(SyncStatus Status, string Reason = "")
{
    /// <summary>Whether applying it would change something that may be changed.</summary>
    public bool NeedsWrite =>
        Status is SyncStatus.Missing or SyncStatus.Outdated or SyncStatus.Drifted or SyncStatus.NotOwned;

    /// <summary>Compares.</summary>
    /// <param name="observed">What is there, or null.</param>
    public static Comparison Compare(DesiredObject desired, ObservedObject? observed, string cluster)
    {
        if (observed is null)
            return new Comparison(SyncStatus.Missing, "missing");
        // A namespace only has to exist; the installation has usually created it.
        if (desired.Key.Kind == ObjectKind.Namespace)
            return new Comparison(SyncStatus.Synced);
        if (observed.IsDeleting)
            return new Comparison(
                SyncStatus.Deleting,
                "it is being deleted; it is made anew once its finalizers are gone"
            );
        if (!observed.BelongsTo(cluster))
            return new Comparison(SyncStatus.Foreign, ForeignOwner(desired.Key, observed, cluster));

        if (observed.Digest is { } applied ? applied != desired.Digest : observed.OwnedFields is null)
            return new Comparison(
                SyncStatus.Outdated,
                observed.Digest is null ? "handed over" : "the picture has changed"
            );
        return CompareFields(desired, observed);
    }

    /// <summary>Compares an object that was applied from this very manifest.</summary>
    private static Comparison CompareFields(DesiredObject desired, ObservedObject observed)
    {
        var wrong = desired
            .Leaves.Keys.Where(field => !Has(observed.Body, field, desired.Leaves[field]))
            .Order(StringComparer.Ordinal)
            .Select(field => Difference(observed, field))
            .ToList();
        if (wrong.Count > 0)
            return new Comparison(SyncStatus.Drifted, string.Join(", ", wrong));
        var owned = observed.OwnedFields;
        return owned is not null && owned.SetEquals(desired.Leaves.Keys)
            ? new Comparison(SyncStatus.Synced)
            : new Comparison(SyncStatus.NotOwned, "not all of its fields are Weft's");
    }

    private static bool Has(JsonObject live, string field, JsonNode? value) =>
        FieldSet.TryGet(live, field, out var found) && JsonNode.DeepEquals(found, value);

    private static string Difference(ObservedObject observed, string field)
    {
        var how = FieldSet.TryGet(observed.Body, field, out _) ? "changed" : "removed";
        return $"{FieldSet.Title(field)} {how}{(observed.ManagerOf(field) is { } who ? $" by {who}" : "")}";
    }

    private static string ForeignOwner(ObjectKey key, ObservedObject observed, string cluster)
    {
        var owner =
            observed.Cluster is { } other ? $"Weft cluster {other}"
            : observed.OtherManagers.FirstOrDefault() is { } manager ? $"'{manager}'"
            : "somebody";
        var at = key.Namespace is null ? "" : $" -n {key.Namespace}";
        var mark = $"{DesiredObject.ClusterAnnotation}={cluster}";
        return $"{key} is there and belongs to {owner}: it is left as it is. Rename or delete it, "
            + $"or hand it over by: kubectl annotate{at} {key.Kind.Plural} {key.Name} --overwrite {mark}";
    }
}
