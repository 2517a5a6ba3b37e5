namespace Weft.Testing;

/// <summary>
/// The site of programs that run for real: of <see cref="Documents"/>, one network with room for many pods and two
/// clusters that share it.
/// </summary>
internal static class SmallSite
{
    public const string Subscription = Documents.Subscription;
    public const string Group = Documents.Group;
    public const string Cloud = Documents.Cloud;
    public const string Network = $"{Cloud}/l3Networks/n6";

    public static readonly string[] Clusters = ["east", "west"];

    /// <summary>The fabric and the cluster, and the networks under everything else.</summary>
    public static IEnumerable<Document> BaseResources =>
        [
            Documents.ResourceGroup,
            Documents.NetworkFabric,
            Documents.Domain("vrf1"),
            Documents.Internal("vrf1", "oam-subnets", 600, "10.20.0.0/24", "fd20:0:0:600::/64"),
            Documents.Internal("vrf1", "n6-subnets", 606, "10.30.0.0/20", "fd20:0:0:606::/64"),
            Documents.Enable("l3IsolationDomains/vrf1"),
            Documents.NexusCluster,
        ];

    public static IEnumerable<Document> All =>
        [
            .. BaseResources,
            Documents.Layer3("oam", 600),
            Documents.Layer3("n6", 606),
            Documents.CloudServices,
            .. Clusters.Select(name => Documents.Kubernetes(name, ["n6"])),
        ];
}
