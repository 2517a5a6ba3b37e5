using System.Buffers;
using System.Collections.Concurrent;
using Weft.Addressing;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Relays;

namespace Weft.Server.Agents;

/// <summary>
/// Who shows which agent's credential. A process says a name that it has drawn at its start with each request; two names
/// that are heard side by side are two processes.
/// </summary>
internal sealed partial class CredentialUses(ControlPlane controlPlane, ILogger<CredentialUses> logger)
{
    /// <summary>An agent is one process, and one that was started anew is another.</summary>
    private const int MaxRemembered = 8;

    private const int MaxInstanceLength = 32;
    private static readonly SearchValues<char> InstanceDigits = SearchValues.Create("0123456789abcdef");

    private readonly ConcurrentDictionary<string, AgentUses> _agents = new(StringComparer.Ordinal);

    /// <summary>Takes a request in, and keeps what is said of the agent true.</summary>
    public async Task Record(HttpContext http, ResourceId agent)
    {
        var (key, now, state) = (agent.Key, controlPlane.UtcNow, controlPlane.Store.Current);
        if (Agent.Find(state, agent) is not { } row)
            return;
        var credential = AgentCredential.Read(row).Hash;
        var said = http.Request.Headers[AgentApi.InstanceHeader].ToString();
        var instance = said.Length <= MaxInstanceLength && !said.AsSpan().ContainsAnyExcept(InstanceDigits) ? said : "";
        // Whoever used the credential before this one has no part in it.
        if (!_agents.TryGetValue(key, out var uses) || uses.Credential != credential)
            uses = Begin(key, credential, now);
        var (shared, isSure) = uses.Record(instance, SourceAddress.From(http), now);
        // Of almost no site anything was ever written of it.
        var known = state.VersionOf(SharedCredential.Partition) is null ? null : SharedCredential.Find(state, key);
        if (shared is not null ? known is not null : known is null || !isSure)
            return;
        if (shared is not null)
            Log.CredentialInTwoPlaces(logger, agent, string.Join(" and ", shared.From));
        else
            Log.CredentialInOnePlace(logger, agent);
        await Write(agent, shared);
    }

    private AgentUses Begin(string agent, string credential, DateTimeOffset now) =>
        _agents.AddOrUpdate(
            agent,
            _ => new AgentUses(credential, now),
            (_, known) => known.Credential == credential ? known : new AgentUses(credential, now)
        );

    private async Task Write(ResourceId agent, SharedCredential? shared)
    {
        try
        {
            // The agent's own row is looked at: one that is deleted meanwhile leaves nothing behind.
            var state = controlPlane.Store.Current;
            _ = await controlPlane.Store.Commit(
                ReadSet.FromMutations(state, [Mutation.Remove(StoreKey.ForResource(agent))]),
                [shared?.ToMutation(agent.Key) ?? Mutation.Remove(SharedCredential.KeyOf(agent.Key))],
                CancellationToken.None
            );
        }
        catch (IOException e)
        {
            // The request is about something else; the next one tries again.
            Log.NotWritten(logger, agent, e);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(
            1203,
            LogLevel.Warning,
            "Two processes use the credential of {Agent}, from {Sources}. If only one of them is yours, put another in its place: "
                + "weft agent token --replace"
        )]
        public static partial void CredentialInTwoPlaces(ILogger logger, ResourceId agent, string sources);

        [LoggerMessage(1204, LogLevel.Information, "One process uses the credential of {Agent} again")]
        public static partial void CredentialInOnePlace(ILogger logger, ResourceId agent);

        [LoggerMessage(
            1205,
            LogLevel.Warning,
            "That two processes use the credential of {Agent}, or do no more, can't be written"
        )]
        public static partial void NotWritten(ILogger logger, ResourceId agent, Exception error);
    }

    /// <summary>Who was heard of one agent.</summary>
    /// <param name="credential">The hash of what they show.</param>
    /// <param name="since">Since when weftd listens.</param>
    private sealed class AgentUses(string credential, DateTimeOffset since)
    {
        private readonly Lock _guard = new();
        private readonly List<(CredentialUse Use, Address? Source)> _uses = [];

        public string Credential => credential;

        /// <returns>What it is like now; and whether that is sure, or weftd was started too short a while ago.</returns>
        public (SharedCredential? Shared, bool IsSure) Record(string instance, Address? source, DateTimeOffset now)
        {
            lock (_guard)
            {
                var index = _uses.FindIndex(use => use.Use.Instance == instance);
                if (index < 0)
                    _uses.Add((new CredentialUse(instance, $"{source}", now, now), source));
                else if (_uses[index] is var (use, from))
                    _uses[index] = (
                        use with
                        {
                            Source = from == source ? use.Source : $"{source}",
                            Last = now,
                        },
                        source
                    );
                if (_uses.Count > MaxRemembered)
                    _uses.Remove(_uses.MinBy(each => each.Use.Last));
                // One alone, as almost always, is nobody else's.
                var shared = _uses.Count > 1 ? SharedCredential.Judge(_uses.Select(each => each.Use), now) : null;
                return (shared, now - since >= SharedCredential.Quiet);
            }
        }
    }
}
