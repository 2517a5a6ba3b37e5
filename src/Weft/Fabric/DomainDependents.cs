using Weft.Resources;

namespace Weft.Fabric;

/// <summary>
/// Which networks stand on an isolation domain. The fabric knows nothing of networks but their types; that is all it
/// needs to refuse to pull the ground away from under them.
/// </summary>
internal static class DomainDependents
{
    private static readonly ResourceType[] NetworkTypes =
    [
        new("Microsoft.NetworkCloud", "l2Networks"),
        new("Microsoft.NetworkCloud", "l3Networks"),
        new("Microsoft.NetworkCloud", "trunkedNetworks"),
    ];

    public static IEnumerable<ResourceId> Find(Row domain, ReadTransaction transaction) =>
        ReferenceIndex
            .UsersOf(transaction, ResourceKind.IdOf(domain))
            .Select(ResourceKind.IdOf)
            .Where(user => NetworkTypes.Contains(user.Type));
}
