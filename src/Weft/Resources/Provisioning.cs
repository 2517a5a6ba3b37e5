using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>
/// What the server keeps of a resource beside its body, under the member <c>weft</c> of the stored document: its state,
/// the operation that brings it about, and the tag of the last accepted write. None of it is ever sent as it is.
/// </summary>
internal static class Provisioning
{
    /// <summary>The member of a stored document that holds all this.</summary>
    public const string MemberName = "weft";

    /// <summary>The member that says what a message tells of.</summary>
    internal const string DisclosesName = "messageDiscloses";

    /// <summary>Accepted and on its way to the agents.</summary>
    public const string Accepted = "Accepted";

    /// <summary>Every agent concerned has it.</summary>
    public const string Succeeded = "Succeeded";

    /// <summary>An agent could not apply it, or nothing can be rendered for it.</summary>
    public const string Failed = "Failed";

    /// <summary>A newer write took its place before it was done.</summary>
    public const string Canceled = "Canceled";

    /// <summary>Being removed: it counts as gone for everybody but the agents that must take it down.</summary>
    public const string Deleting = "Deleting";

    /// <summary>The state of a resource.</summary>
    public static string StateOf(Row row) => Read(row).Text("state") ?? Succeeded;

    /// <summary>Whether a resource is being removed.</summary>
    public static bool IsDeleting(Row row) => row.IsDeleting;

    internal static bool ReadDeleting(Row row) =>
        Read(row).Member("state") is { ValueKind: JsonValueKind.String } state && state.ValueEquals(Deleting);

    /// <summary>The operation that last wrote a resource.</summary>
    /// <returns>The operation's id, or null.</returns>
    public static string? OperationOf(Row row) => Read(row).Text("operation");

    /// <summary>The message of a state that needs one.</summary>
    /// <returns>The message, or an empty text.</returns>
    public static string MessageOf(Row row) => Read(row).Text("message") ?? "";

    /// <summary>The id of what the message tells of; null where it tells of nothing but the resource.</summary>
    public static string? DisclosedBy(Row row) => Read(row).Text(DisclosesName);

    /// <summary>
    /// The entity tag: it changes with every accepted write of the caller, and not with provisioning.
    /// </summary>
    /// <returns>The tag without quotes.</returns>
    public static string ETagOf(Row row) =>
        Read(row).Text("etag") ?? row.Revision.ToString(CultureInfo.InvariantCulture);

    /// <summary>The document of a resource with another state.</summary>
    /// <param name="discloses">The id of what the message tells of besides the resource.</param>
    public static JsonObject WithState(Row row, string state, string message = "", string? discloses = null)
    {
        var body = row.ToJsonObject();
        var weft = body[MemberName] as JsonObject ?? [];
        weft["state"] = state;
        if (message.Length > 0)
            weft["message"] = message;
        else
            weft.Remove("message");
        if (discloses is null)
            weft.Remove(DisclosesName);
        else
            weft[DisclosesName] = discloses;
        body[MemberName] = weft;
        return body;
    }

    internal static JsonElement Read(Row row)
    {
        return row.Json.Member(MemberName);
    }
}
