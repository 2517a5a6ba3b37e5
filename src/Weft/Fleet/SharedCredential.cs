using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>One process that has shown a credential.</summary>
/// <param name="Instance">What it calls itself, one name for as long as it runs; empty where it says none.</param>
/// <param name="Source">The address that it came from last.</param>
/// <param name="First">When it was heard first.</param>
/// <param name="Last">When it was heard last.</param>
internal sealed record CredentialUse(string Instance, string Source, DateTimeOffset First, DateTimeOffset Last);

/// <summary>
/// That two processes use one agent's credential: it was copied, or a machine was. Contract: docs/specs/agent-api.md,
/// "Credential".
/// </summary>
/// <param name="Since">Since when both are heard, RFC 3339.</param>
/// <param name="From">From where both come.</param>
internal sealed record SharedCredential(string Since, ImmutableArray<string> From)
{
    /// <summary>The partition of these rows: they are rows of their own, so that they change no resource.</summary>
    public const string Partition = "agentshared";

    /// <summary>The member of an agent that shows it.</summary>
    public const string MemberName = "credentialInTwoPlaces";

    /// <summary>
    /// For how long an earlier process must be heard beside a later one. What a process has left on its way when it
    /// ended comes sooner, or not at all.
    /// </summary>
    public static readonly TimeSpan MinOverlap = TimeSpan.FromMinutes(1);

    /// <summary>
    /// For how long a process that isn't heard still counts as there. Agents ask at least every half minute.
    /// </summary>
    public static readonly TimeSpan Quiet = TimeSpan.FromMinutes(3);

    /// <summary>Judges by who was heard.</summary>
    /// <param name="now">The time.</param>
    /// <returns>Null where one process at most uses the credential.</returns>
    public static SharedCredential? Judge(IEnumerable<CredentialUse> uses, DateTimeOffset now)
    {
        if (uses.Take(2).Count() < 2)
            return null;
        var present = uses.Where(use => now - use.Last < Quiet).OrderBy(use => use.First).ToList();
        for (var later = 1; later < present.Count; later++)
        {
            var both = present.Take(later).Where(earlier => earlier.Last - present[later].First >= MinOverlap);
            if (both.FirstOrDefault() is { } earlier)
                return new SharedCredential(
                    AuditRecord.Format(present[later].First),
                    [earlier.Source, present[later].Source]
                );
        }

        return null;
    }

    /// <summary>The key of an agent's row.</summary>
    public static string KeyOf(string agent) => $"{Partition}|{agent}";

    /// <summary>What is known of an agent; null where one process uses its credential.</summary>
    public static SharedCredential? Find(StoreState state, string agent) =>
        state
            .Get(KeyOf(agent))
            ?.ReadAs(row => new SharedCredential(row.Json.Text("since") ?? "", [.. row.Json.Texts("from")]));

    /// <summary>The change that writes it.</summary>
    public Mutation ToMutation(string agent) => Mutation.Put(KeyOf(agent), ToJson());

    /// <summary>It as it is stored, and as the agent's resource shows it.</summary>
    public JsonObject ToJson() =>
        new() { ["since"] = Since, ["from"] = new JsonArray([.. From.Select(source => (JsonNode)source)]) };
}
