using System.Text.Json.Nodes;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Server.Identity;

/// <summary>
/// What a token enrols: one agent of one cluster, once. Of the token itself a hash is kept, as the row's key.
/// </summary>
/// <param name="Node">The node the agent is to serve; null where it serves the cluster as a whole.</param>
/// <param name="MayReplace">Whether it may take the place of an agent that has the name.</param>
/// <param name="CreatedBy">Who made the token.</param>
internal sealed record EnrolmentToken(ResourceId Cluster, string Name, string? Node, bool MayReplace, string CreatedBy)
{
    /// <summary>The partition of enrolment tokens.</summary>
    public const string Partition = "enrollment";

    /// <summary>The row's key.</summary>
    public string Key { get; private init; } = "";

    /// <summary>Where a token is kept.</summary>
    /// <param name="hash">The token's hash (<see cref="BearerToken.HashOf"/>).</param>
    public static string KeyOf(string hash) => $"{Partition}|{hash}";

    /// <summary>The row's content.</summary>
    /// <param name="cluster">The cluster, as it is stored.</param>
    public JsonObject ToDocument(Row cluster, string expiresAt)
    {
        var document = new JsonObject
        {
            ["cluster"] = Cluster.ToString(),
            ["expiresAt"] = expiresAt,
            ["name"] = Name,
            ["replace"] = MayReplace,
            ["createdBy"] = CreatedBy,
        };
        if (Node is not null)
            document["node"] = Node;
        ClusterBinding.Bind(document, cluster);
        return document;
    }

    /// <summary>Reads a row.</summary>
    /// <returns>Null where it is damaged, expired or of a cluster that is gone.</returns>
    public static EnrolmentToken? Find(StoreState state, string key, DateTimeOffset now) =>
        state.Get(key) is { } row
        && DateTimeOffset.TryParse(row.Json.Text("expiresAt"), out var expires)
        && expires > now
        && row.Json.Id("cluster") is { } cluster
        && row.Json.Text("name") is { } name
        && ClusterBinding.Holds(row, state, cluster)
            ? new EnrolmentToken(
                cluster,
                name,
                row.Json.Text("node"),
                row.Json.Boolean("replace"),
                row.Json.Text("createdBy") ?? ""
            )
            {
                Key = key,
            }
            : null;

    /// <summary>Whether it has enrolled its agent.</summary>
    public static bool IsUsed(Row row) => row.Json.Text("usedBy") is not null;

    /// <summary>The change that uses it up.</summary>
    public static Mutation Use(Row row, string credentialHash)
    {
        var document = row.ToJsonObject();
        document["usedBy"] = credentialHash;
        return Mutation.Put(row.Key, document);
    }
}
