using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Fabric;

/// <summary>
/// Whether an isolation domain is enabled: its configuration reaches the switches, and networks may stand on it. New
/// domains are disabled, as in the fabric's API.
/// </summary>
internal static class AdministrativeState
{
    /// <summary>The action that changes it.</summary>
    public const string Action = "updateAdministrativeState";

    /// <summary>In force.</summary>
    public const string Enabled = "Enabled";

    /// <summary>Not in force.</summary>
    public const string Disabled = "Disabled";

    private const string MemberName = "administrativeState";

    /// <summary>The state of a domain.</summary>
    /// <returns><see cref="Enabled"/> or <see cref="Disabled"/>; things that are no domain are always
    /// enabled.</returns>
    public static string Read(Row row)
    {
        var type = ResourceKind.IdOf(row).Type;
        if (type != L2IsolationDomain.ResourceType && type != L3IsolationDomain.ResourceType)
            return Enabled;
        return row.Json.Member(Provisioning.MemberName).Text(MemberName) ?? Disabled;
    }

    /// <summary>The document of a domain in another state.</summary>
    /// <param name="arguments">The request: <c>{"state": "Enable"}</c> or <c>Disable</c>.</param>
    internal static Outcome<JsonObject> WithState(JsonObject arguments, Row row, IEnumerable<ResourceId> users)
    {
        var wish = arguments["state"] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
        var id = ResourceKind.IdOf(row);
        string state;
        if (string.Equals(wish, "Enable", StringComparison.OrdinalIgnoreCase))
            state = Enabled;
        else if (string.Equals(wish, "Disable", StringComparison.OrdinalIgnoreCase))
            state = Disabled;
        else
            return new Refusal(
                RefusalCode.InvalidMember,
                $"'state': {wish ?? "nothing"} is none of Enable, Disable",
                "state"
            );
        if (state == Disabled && users.FirstOrDefault() is { } user)
            return new Refusal(
                RefusalCode.InUse,
                $"{id.Name} can't be disabled: {user} stands on it",
                id.ToString(),
                user.ToString()
            );
        var document = row.ToJsonObject();
        var weft = document[Provisioning.MemberName] as JsonObject ?? [];
        weft[MemberName] = state;
        document[Provisioning.MemberName] = weft;
        return document;
    }
}
