using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>What an agent reported last.</summary>
/// <param name="Revision">The revision that desired state was rendered at.</param>
internal sealed record AgentStatus(string Digest, long Revision, bool IsApplied, string Message, string ReportedAt)
{
    /// <summary>
    /// The partition of agents' reports. They are rows of their own, so that a report changes no resource.
    /// </summary>
    public const string Partition = "agentstatus";

    /// <summary>
    /// What the agent found changed by another hand: all that stands, and what it repaired of late
    /// (docs/specs/agent-api.md). None by default.
    /// </summary>
    public ImmutableArray<DriftFinding> Drift { get; init; } = [];

    /// <summary>
    /// The CA certificates of the cluster's API server as the agent has them, PEM (<see cref="ClusterAuthority"/>).
    /// Null by default: it has none.
    /// </summary>
    public string? CertificateAuthority { get; init; }

    /// <summary>What is kept of a report.</summary>
    /// <param name="now">The time, RFC 3339.</param>
    public static AgentStatus FromReport(StatusReport report, string now) =>
        new(report.Digest, report.Revision, report.State == StatusReport.Applied, report.Message ?? "", now)
        {
            Drift = report.Drift,
            CertificateAuthority = report.CertificateAuthority,
        };

    /// <summary>The key of an agent's report.</summary>
    public static string KeyOf(string agent) => $"{Partition}|{agent}";

    /// <summary>Reads an agent's report.</summary>
    /// <returns>The report, or null where there is none yet.</returns>
    public static AgentStatus? Find(StoreState state, string agent)
    {
        return state
            .Get(KeyOf(agent))
            ?.ReadAs(row => new AgentStatus(
                row.Json.Text("digest") ?? "",
                row.Json.Integer("revision") ?? 0,
                row.Json.Text("state") == StatusReport.Applied,
                row.Json.Text("message") ?? "",
                row.Json.Text("at") ?? ""
            )
            {
                // Rows written before agents reported drift have none.
                Drift = DriftFinding.ReadAll(row.Json).TryGet(out var drift, out _) ? drift : [],
                CertificateAuthority = row.Json.Text(ClusterAuthority.MemberName),
            });
    }

    /// <summary>Whether another report says the same, whenever it came.</summary>
    /// <returns>True if nothing but the time differs.</returns>
    public bool EqualsIgnoringTime(AgentStatus? other) =>
        other is not null
        && Drift.SequenceEqual(other.Drift)
        && this with { ReportedAt = "", Drift = [] } == other with { ReportedAt = "", Drift = [] };

    /// <summary>
    /// What is wrong by this report, for people: the failure, then the drift that nobody repaired. Null where all is
    /// well.
    /// </summary>
    public string? Problem
    {
        get
        {
            var standing = Drift
                .Where(drift => !drift.IsRepaired)
                .Select(drift => $"{drift.Subject} has drifted: {drift.Difference}");
            var all = (IsApplied ? [] : new[] { Message.Length > 0 ? Message : "it could not be applied" })
                .Concat(standing)
                .ToList();
            return all.Count == 0 ? null : string.Join(" | ", all);
        }
    }

    /// <summary>The change that writes a report.</summary>
    public Mutation ToMutation(string agent) => Mutation.Put(KeyOf(agent), ToJson());

    /// <summary>The report as it is stored, and as the agent's resource shows it in <c>properties.status</c>.</summary>
    public JsonObject ToJson()
    {
        var report = new JsonObject
        {
            ["digest"] = Digest,
            ["revision"] = Revision,
            ["state"] = IsApplied ? StatusReport.Applied : StatusReport.Failed,
            ["message"] = Message,
            ["at"] = ReportedAt,
            ["drift"] = new JsonArray([.. Drift.Select(drift => (JsonNode)drift.ToJson())]),
        };
        if (CertificateAuthority is not null)
            report[ClusterAuthority.MemberName] = CertificateAuthority;
        return report;
    }

    /// <summary>
    /// The cluster's trouble by what its agents reported last. Null where all is well, or nobody has reported.
    /// </summary>
    /// <returns>The troubles of all agents, each with the agent's name.</returns>
    internal static string? ClusterProblemOf(StoreState state, ResourceId cluster)
    {
        var troubles = Agent
            .ListIn(state, cluster)
            .Select(ResourceKind.IdOf)
            .Select(agent => (agent.Name, Find(state, agent.Key)?.Problem))
            .Where(t => t.Problem is not null)
            .Select(t => $"agent {t.Name}: {t.Problem}")
            .ToList();
        return troubles.Count == 0 ? null : string.Join(" | ", troubles);
    }
}
