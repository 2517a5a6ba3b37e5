using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>What an agent has registered in an epoch (docs/specs/agent-api.md, "Registration").</summary>
/// <param name="Epoch">The epoch's id.</param>
/// <param name="At">When its last part came, RFC 3339.</param>
/// <param name="Parts">How many parts have come.</param>
/// <param name="IsComplete">Whether the last one has.</param>
/// <param name="Leases">How many leases it holds.</param>
/// <param name="Adopted">How many of their addresses weftd didn't know.</param>
/// <param name="Holders">The ids of the holders so far; empty once it is complete.</param>
/// <param name="Unclaimed">The keys of leases that the store has for pods of this agent and it doesn't know, each with the
/// holder's id behind a blank: those pods were gone before the restore.</param>
internal sealed record Registration(
    string Epoch,
    string At,
    int Parts,
    bool IsComplete,
    int Leases,
    int Adopted,
    ImmutableArray<string> Holders,
    ImmutableArray<string> Unclaimed
)
{
    /// <summary>The partition of the rows.</summary>
    public const string Partition = "registration";

    /// <summary>The key of an agent's.</summary>
    public static string KeyOf(ResourceId agent) => $"{Partition}|{agent.Key}";

    /// <summary>What stands for a lease in <see cref="Unclaimed"/>.</summary>
    public static string UnclaimedOf(string leaseKey, string holderId) => $"{leaseKey} {holderId}";

    /// <summary>Reads a row.</summary>
    public static Registration Of(Row row) =>
        row.ReadAs(r => new Registration(
            r.Json.Text("epoch") ?? "",
            r.Json.Text("at") ?? "",
            (int)(r.Json.Integer("parts") ?? 0),
            r.Json.Boolean("isComplete"),
            (int)(r.Json.Integer("leases") ?? 0),
            (int)(r.Json.Integer("adopted") ?? 0),
            [.. r.Json.Texts("holders")],
            [.. r.Json.Texts("unclaimed")]
        ));

    /// <summary>What an agent has registered in the epoch of a state.</summary>
    /// <returns>Null where nothing yet.</returns>
    public static Registration? Find(StoreState state, Epoch epoch, ResourceId agent) =>
        state.Get(KeyOf(agent)) is { } row && Of(row) is var registration && registration.Epoch == epoch.Id
            ? registration
            : null;

    /// <summary>The epoch that asks an agent to register; null where it has, or none does.</summary>
    public static Epoch? AskedOf(StoreState state, Row agent) =>
        Fleet.Epoch.Find(state) is { } epoch && !IsDone(state, epoch, agent) ? epoch : null;

    /// <summary>
    /// The agents of a cluster that were enrolled before the epoch began and haven't registered: their pods may hold what
    /// nobody else knows of.
    /// </summary>
    public static IEnumerable<ResourceId> AwaitedIn(StoreState state, Epoch epoch, ResourceId cluster) =>
        epoch.AwaitsAgents
            ? Agent
                .ListIn(state, cluster)
                .Where(agent => !Provisioning.IsDeleting(agent))
                .Where(agent =>
                    string.CompareOrdinal(Agent.EnrolledAt(agent), epoch.Since) <= 0 && !IsDone(state, epoch, agent)
                )
                .Select(ResourceKind.IdOf)
            : [];

    /// <summary>Why a network leases nothing new; null where it does.</summary>
    public static Refusal? RefusalFor(StoreState state, ResourceId network)
    {
        const int MaxNamed = 5;
        if (Fleet.Epoch.Find(state) is not { AwaitsAgents: true } epoch)
            return null;
        var transaction = new ReadTransaction(state);
        var awaited = transaction
            .List(KubernetesCluster.ResourceType)
            .Select(ResourceKind.IdOf)
            .Where(cluster => ClusterAttachments.PodsMayLease(transaction, cluster, network))
            .SelectMany(cluster => AwaitedIn(state, epoch, cluster))
            .ToList();
        if (awaited.Count == 0)
            return null;
        var more =
            awaited.Count > MaxNamed
                ? string.Create(CultureInfo.InvariantCulture, $" and {awaited.Count - MaxNamed} more")
                : "";
        return new Refusal(
            RefusalCode.RegistrationPending,
            $"{network.Name} leases nothing new until its agents have registered what their pods hold since the restore of "
                + $"{epoch.Since}; awaited: {string.Join(", ", awaited.Take(MaxNamed).Select(TitleOf))}{more}. "
                + "See weft ipam registrations; an agent that won't come back: weft agent forget NAME --cluster CLUSTER",
            network.ToString()
        )
        {
            Discloses = [network.ToString(), .. awaited.Select(agent => agent.ToString())],
        };
    }

    private static string TitleOf(ResourceId agent) => $"{agent.Name} of {agent.Parent!.Name}";

    /// <summary>The end of the wait, once nobody is awaited any more.</summary>
    /// <returns>The change; none while somebody is, or where nobody ever was.</returns>
    public static IEnumerable<Mutation> Settle(StoreState state) =>
        Fleet.Epoch.Find(state) is { AwaitsAgents: true } epoch
        && !state
            .Range($"{StoreKey.PartitionOf(KubernetesCluster.ResourceType)}|")
            .Any(cluster => AwaitedIn(state, epoch, ResourceKind.IdOf(cluster)).Any())
            ? [Mutation.Put(Fleet.Epoch.Key, (epoch with { AwaitsAgents = false }).ToJson())]
            : [];

    /// <summary>The row's document.</summary>
    public JsonObject ToJson() =>
        new()
        {
            ["epoch"] = Epoch,
            ["at"] = At,
            ["parts"] = Parts,
            ["isComplete"] = IsComplete,
            ["leases"] = Leases,
            ["adopted"] = Adopted,
            ["holders"] = new JsonArray([.. Holders.Select(holder => JsonValue.Create(holder))]),
            ["unclaimed"] = new JsonArray([.. Unclaimed.Select(lease => JsonValue.Create(lease))]),
        };

    /// <summary>An agent that was enrolled anew under its name since then holds what another journal says.</summary>
    private static bool IsDone(StoreState state, Epoch epoch, Row agent) =>
        Find(state, epoch, ResourceKind.IdOf(agent)) is { IsComplete: true } registration
        && string.CompareOrdinal(Agent.EnrolledAt(agent), registration.At) <= 0;
}
