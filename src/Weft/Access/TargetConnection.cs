using System.Collections.Immutable;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Access;

/// <summary>
/// The hybrid connection that each Kubernetes cluster, node and virtual machine has of itself. It is computed from the
/// resource and stored nowhere; its path lies under <c>weft/</c>, which is too short to be anybody's namespace.
/// </summary>
/// <param name="CreatedAt">When the target was made, RFC 3339: tokens are good for this target and not for a later one
/// of its name.</param>
/// <param name="UpdatedAt">When the target was last written, RFC 3339.</param>
internal sealed record TargetConnection(ResourceId Target, string Path, string CreatedAt, string UpdatedAt)
{
    /// <summary>The first segment of every such path.</summary>
    public const string PathRoot = "weft";

    /// <summary>The type it is shown as: an extension of its target, by the name <c>default</c>.</summary>
    public static readonly ResourceType ResourceType = new(RelayVersions.WeftNamespace, "connections");

    /// <summary>The action that gives what somebody needs to use one.</summary>
    public const string CredentialsAction = "listCredentials";

    /// <summary>What has one.</summary>
    public static readonly ImmutableArray<ResourceType> TargetTypes =
    [
        KubernetesCluster.ResourceType,
        Node.ResourceType,
        VirtualMachine.ResourceType,
    ];

    /// <summary>The services that can be asked for there.</summary>
    public ImmutableArray<string> Services => RelayTargets.ServicesOf(Target.Type);

    /// <summary>Whether resources of a type have one.</summary>
    public static bool ExistsFor(ResourceType type) => TargetTypes.Contains(type);

    /// <summary>The connection of a resource.</summary>
    /// <returns>The connection, or null where the resource has none, isn't there, or is being deleted.</returns>
    public static TargetConnection? Find(StoreState state, ResourceId target)
    {
        if (
            !ExistsFor(target.Type)
            || FindLive(state, target) is not { } row
            || (target.Type == Node.ResourceType && FindLive(state, target.Parent!) is null)
        )
            return null;
        var id = ResourceKind.IdOf(row);
        var stamps = row.Json.Member("systemData");
        return new TargetConnection(
            id,
            PathOf(id),
            stamps.Text("createdAt") ?? "",
            stamps.Text("lastModifiedAt") ?? stamps.Text("createdAt") ?? ""
        );
    }

    /// <summary>The target that a path leads to, by its first segments.</summary>
    /// <param name="path">The path, and perhaps a suffix behind it.</param>
    /// <returns>Ids of what it could be, the longest path first; none for a path of another form.</returns>
    public static ImmutableArray<ResourceId> CandidateTargetsOf(string path)
    {
        var parts = path.Split('/');
        if (parts.Length < 5 || !Is(parts[0], PathRoot) || parts.Any(part => part.Length == 0))
            return [];
        var group = ResourceId.ForResourceGroup(parts[1], parts[2]);
        if (Is(parts[3], VirtualMachine.ResourceType.Leaf))
            return [group.Extend(VirtualMachine.ResourceType, parts[4])];
        if (!Is(parts[3], KubernetesCluster.ResourceType.Leaf))
            return [];
        var cluster = group.Extend(KubernetesCluster.ResourceType, parts[4]);
        return parts.Length > 6 && Is(parts[5], Node.ResourceType.Leaf)
            ? [cluster.Extend(Node.ResourceType, parts[6]), cluster]
            : [cluster];

        static bool Is(string part, string word) => part.Equals(word, StringComparison.OrdinalIgnoreCase);
    }

    private static string PathOf(ResourceId target) =>
        target.Type == Node.ResourceType
            ? $"{PathOf(target.Parent!)}/{Node.ResourceType.Leaf}/{target.Name}"
            : $"{PathRoot}/{target.Subscription}/{target.ResourceGroup}/{target.Type.Leaf}/{target.Name}";

    private static Row? FindLive(StoreState state, ResourceId id) =>
        state.Get(StoreKey.ForResource(id)) is { } row && !Provisioning.IsDeleting(row) ? row : null;
}
