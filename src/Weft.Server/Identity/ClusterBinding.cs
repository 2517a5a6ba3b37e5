using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Server.Identity;

/// <summary>
/// Binds a row to one cluster, so that it is good for that cluster and not for a later one of its name.
/// </summary>
internal static class ClusterBinding
{
    private const string Member = "made";

    /// <summary>Writes into a row's content which cluster it is about.</summary>
    /// <param name="cluster">The cluster, as it is stored.</param>
    public static void Bind(JsonObject document, Row cluster) => document[Member] = CreatedAtOf(cluster);

    /// <summary>Whether the cluster of an id is there, and is the one that a row was bound to.</summary>
    public static bool Holds(Row row, StoreState state, ResourceId cluster) =>
        state.Get(StoreKey.ForResource(cluster)) is { } today && CreatedAtOf(today) == row.Json.Text(Member);

    private static string? CreatedAtOf(Row cluster) => cluster.Json.Member("systemData").Text("createdAt");
}
