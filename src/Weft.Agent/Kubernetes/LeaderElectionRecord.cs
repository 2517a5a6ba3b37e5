using System.Globalization;
using System.Text.Json.Nodes;

namespace Weft.Agent.Kubernetes;

/// <summary>What a Lease says of who leads. Source: coordination.k8s.io/v1, LeaseSpec.</summary>
/// <param name="Holder">Who leads; empty for nobody.</param>
/// <param name="Seconds">How long it leads without renewing.</param>
/// <param name="Acquired">Since when, as the holder wrote it.</param>
/// <param name="Renewed">When it renewed last, as the holder wrote it: compared for change only, never with our
/// clock.</param>
internal sealed record LeaderElectionRecord(
    string Holder,
    int Seconds,
    string? Acquired,
    string? Renewed,
    int Transitions
)
{
    /// <summary>Reads a Lease.</summary>
    public static LeaderElectionRecord Read(JsonObject lease)
    {
        var spec = lease["spec"] as JsonObject;
        return new LeaderElectionRecord(
            Text(spec, "holderIdentity") ?? "",
            Number(spec, "leaseDurationSeconds"),
            Text(spec, "acquireTime"),
            Text(spec, "renewTime"),
            Number(spec, "leaseTransitions")
        );
    }

    /// <summary>A moment as a Lease has it: RFC 3339 with microseconds.</summary>
    public static string FormatTime(DateTimeOffset at) =>
        at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    /// <summary>Puts the record into a Lease.</summary>
    /// <param name="lease">The object; the rest of it stays.</param>
    public void WriteTo(JsonObject lease)
    {
        var spec = lease["spec"] as JsonObject ?? [];
        spec["holderIdentity"] = Holder;
        spec["leaseDurationSeconds"] = Seconds;
        spec["acquireTime"] = Acquired;
        spec["renewTime"] = Renewed;
        spec["leaseTransitions"] = Transitions;
        lease["spec"] = spec.Parent is null ? spec : spec.DeepClone();
    }

    private static string? Text(JsonObject? spec, string name) =>
        spec?[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static int Number(JsonObject? spec, string name) =>
        spec?[name] is JsonValue value && value.TryGetValue<int>(out var number) ? number : 0;
}
