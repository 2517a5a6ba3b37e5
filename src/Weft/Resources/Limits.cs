using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>
/// The numbers on which public documents disagree, each with one default. Rules, renderers, <c>GET
/// /providers/Weft.Fleet/limits</c> and the documentation all read them here.
/// </summary>
internal sealed record Limits
{
    /// <summary>The numbers as they are if nobody says otherwise.</summary>
    public static readonly Limits Default = new();

    /// <summary>
    /// How many usable addresses at the start of each subnet belong to the fabric: the gateway and one per switch of a
    /// pair. 0 to 16. Default 3: the Nexus prerequisites and the API reference agree on it; one planning page says 8.
    /// </summary>
    public int ReservedAddresses { get; init; } = 3;

    /// <summary>The lowest VLAN of an isolation domain. 1 to 4094. Default 100: the fabric API's own minimum.</summary>
    public int VlanLowest { get; init; } = 100;

    /// <summary>
    /// The highest VLAN of an isolation domain. 1 to 4094. Default 4094: IEEE 802.1Q, and the fabric API's own maximum.
    /// </summary>
    public int VlanHighest { get; init; } = 4094;

    /// <summary>The lowest MTU of a network, in bytes. Default 64: the fabric API's own minimum.</summary>
    public int MtuLowest { get; init; } = 64;

    /// <summary>
    /// The highest MTU of a network, in bytes. Default 9200: the fabric API's own maximum; articles say 9000.
    /// </summary>
    public int MtuHighest { get; init; } = 9200;

    /// <summary>
    /// How long an address rests before another is given it, where its pool doesn't say, in seconds. 0 to 3600. Default 60:
    /// what others' neighbour tables (Linux: up to 60 s, RFC 4861 §10: 30 s) and late packets need.
    /// </summary>
    public int CoolDownSeconds { get; init; } = 60;

    /// <summary>The longest cool-down.</summary>
    public const int MaxCoolDownSeconds = 3_600;

    /// <summary>The limits as the API serves them.</summary>
    /// <returns>A JSON object, each limit by its name.</returns>
    public JsonObject ToJson() =>
        new()
        {
            ["reservedAddresses"] = ReservedAddresses,
            ["vlanLowest"] = VlanLowest,
            ["vlanHighest"] = VlanHighest,
            ["mtuLowest"] = MtuLowest,
            ["mtuHighest"] = MtuHighest,
            ["coolDownSeconds"] = CoolDownSeconds,
        };

    /// <summary>Reads limits; a member that is left out keeps its default.</summary>
    /// <returns>The limits, or a refusal with every finding.</returns>
    public static Outcome<Limits> Read(JsonObject body)
    {
        var findings = new List<Refusal>();
        var schema = new Schema([
            SchemaMember.Integer("reservedAddresses").Range(0, 16),
            SchemaMember.Integer("vlanLowest").Range(1, 4094),
            SchemaMember.Integer("vlanHighest").Range(1, 4094),
            SchemaMember.Integer("mtuLowest").Range(64, 65535),
            SchemaMember.Integer("mtuHighest").Range(64, 65535),
            SchemaMember.Integer("coolDownSeconds").Range(0, MaxCoolDownSeconds),
        ]);
        var read = schema.Normalise(body, default, findings);
        if (findings.Count > 0)
            return Refusal.Combine(findings, "limits");
        int Number(string name, int standard) => (int?)read[name]?.GetValue<long>() ?? standard;
        var limits = new Limits
        {
            ReservedAddresses = Number("reservedAddresses", Default.ReservedAddresses),
            VlanLowest = Number("vlanLowest", Default.VlanLowest),
            VlanHighest = Number("vlanHighest", Default.VlanHighest),
            MtuLowest = Number("mtuLowest", Default.MtuLowest),
            MtuHighest = Number("mtuHighest", Default.MtuHighest),
            CoolDownSeconds = Number("coolDownSeconds", Default.CoolDownSeconds),
        };
        if (limits.VlanLowest > limits.VlanHighest)
            return new Refusal(
                RefusalCode.InvalidMember,
                $"'vlanLowest': {limits.VlanLowest} is above vlanHighest, {limits.VlanHighest}",
                "vlanLowest"
            );
        return limits.MtuLowest > limits.MtuHighest
            ? new Refusal(
                RefusalCode.InvalidMember,
                $"'mtuLowest': {limits.MtuLowest} is above mtuHighest, {limits.MtuHighest}",
                "mtuLowest"
            )
            : limits;
    }
}
