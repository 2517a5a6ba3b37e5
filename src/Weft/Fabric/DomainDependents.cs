using Weft.Resources;

namespace Weft.Fabric;

/// <summary>
/// Which networks stand on an isolation domain. The fabric knows nothing of networks but the members by which they name
/// a domain; that is all it needs to refuse to pull the ground away from under them.
/// </summary>
internal static class DomainDependents
{
    private static readonly (ResourceType Type, string Member)[] ReferencingMembers =
    [
        (new ResourceType("Microsoft.NetworkCloud", "l2Networks"), "l2IsolationDomainId"),
        (new ResourceType("Microsoft.NetworkCloud", "l3Networks"), "l3IsolationDomainId"),
        (new ResourceType("Microsoft.NetworkCloud", "trunkedNetworks"), "isolationDomainIds"),
    ];

    public static IEnumerable<ResourceId> Find(Row domain, ReadTransaction transaction)
    {
        var key = ResourceKind.IdOf(domain).Key;
        return ReferencingMembers.SelectMany(naming =>
            transaction
                .List(naming.Type)
                .Where(row =>
                    ResourceKind.PropertiesOf(row) is var p
                    && p.Texts(naming.Member)
                        .Append(p.Text(naming.Member) ?? "")
                        .Any(text => ResourceId.TryParse(text, out var id) && id.Key == key)
                )
                .Select(ResourceKind.IdOf)
        );
    }
}
