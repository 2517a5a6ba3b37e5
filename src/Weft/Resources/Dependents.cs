namespace Weft.Resources;

/// <summary>Who stands in the way of a deletion.</summary>
internal static class Dependents
{
    /// <summary>Everybody outside of the resource and what goes with it who uses any of that.</summary>
    public static List<Refusal> FindBlockers(Kinds kinds, ResourceKind kind, Row row, ReadTransaction transaction)
    {
        var root = ResourceKind.IdOf(row);
        var findings = new List<Refusal>();
        if (root.Type == ResourceId.ResourceGroupType)
        {
            foreach (
                var inside in kinds
                    .All.Where(k => k.Type != root.Type)
                    .SelectMany(k => transaction.List(k.Type, root))
                    .Take(20)
            )
                findings.Add(InUse(root, kind, ResourceKind.IdOf(inside), "stands in it"));
            return findings;
        }

        foreach (var (gone, goneKind) in WithDescendants(kinds, kind, row, transaction))
        {
            var id = ResourceKind.IdOf(gone);
            foreach (
                var user in DependentsOf(kinds, goneKind, gone, transaction)
                    .Where(user => !user.Equals(root) && !user.IsUnder(root))
                    .DistinctBy(user => user.Key)
            )
                findings.Add(
                    InUse(id, goneKind, user, "uses it") with
                    {
                        Discloses = id.Equals(root) ? [] : [id.ToString()],
                    }
                );
        }

        return findings;
    }

    /// <summary>A resource and everything that goes with it, parents first.</summary>
    public static IEnumerable<(Row Row, ResourceKind Kind)> WithDescendants(
        Kinds kinds,
        ResourceKind kind,
        Row row,
        ReadTransaction transaction
    )
    {
        yield return (row, kind);
        foreach (var under in kinds.ChildKindsOf(kind.Type))
        {
            foreach (
                var child in transaction
                    .List(under.Type, ResourceKind.IdOf(row))
                    .Where(c => ResourceKind.IdOf(c).Parent!.Equals(ResourceKind.IdOf(row)))
            )
            {
                foreach (var member in WithDescendants(kinds, under, child, transaction))
                    yield return member;
            }
        }
    }

    /// <summary>Everybody who uses a resource, by naming its id or otherwise.</summary>
    public static IEnumerable<ResourceId> DependentsOf(
        Kinds kinds,
        ResourceKind kind,
        Row row,
        ReadTransaction transaction
    )
    {
        var id = ResourceKind.IdOf(row);
        var naming = ReferenceIndex
            .UsersOf(transaction, id)
            .Where(user => kinds.KindOf(user).Schema.References(user.Json).Any(reference => reference.Id.Equals(id)))
            .Select(ResourceKind.IdOf);
        return naming.Concat(kind.DependentsOf(row, transaction));
    }

    private static Refusal InUse(ResourceId id, ResourceKind kind, ResourceId user, string how) =>
        new(
            RefusalCode.InUse,
            $"the {kind.Noun} {id.Name} can't be deleted: {user} {how}",
            id.ToString(),
            user.ToString()
        );
}
