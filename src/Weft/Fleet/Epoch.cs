using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>
/// The life of a store since its last restore. What was leased between the backup and the restore isn't in it: agents
/// register what they hold anew in each epoch, before anybody is given an address that may be one of theirs
/// (docs/specs/store.md, "Epochs"). A store that was never restored has none.
/// </summary>
/// <param name="Id">16 hexadecimal digits, drawn anew at each restore.</param>
/// <param name="Since">When it began, RFC 3339.</param>
/// <param name="AwaitsAgents">Whether agents of before are waited for; false where the operator has said that they
/// needn't be.</param>
internal sealed record Epoch(string Id, string Since, bool AwaitsAgents)
{
    /// <summary>
    /// How far revisions jump at a restore: no client has seen as many commits since the backup. As etcd's
    /// <c>--bump-revision</c>.
    /// </summary>
    public const long RevisionBump = 1_000_000_000;

    /// <summary>Its row.</summary>
    public const string Key = "epoch|current";

    /// <summary>The epoch of a state; null in a store that was never restored.</summary>
    public static Epoch? Find(StoreState state) => state.Get(Key) is { } row ? Of(row) : null;

    /// <summary>Reads its row.</summary>
    public static Epoch Of(Row row) =>
        row.ReadAs(r => new Epoch(r.Json.Text("id") ?? "", r.Json.Text("since") ?? "", r.Json.Boolean("awaitsAgents")));

    /// <summary>The row's document.</summary>
    public JsonObject ToJson() =>
        new()
        {
            ["id"] = Id,
            ["since"] = Since,
            ["awaitsAgents"] = AwaitsAgents,
        };
}
