using System.Collections.Concurrent;
using System.Collections.Immutable;
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

    private readonly ConcurrentDictionary<string, AgentUses> _agents = new(StringComparer.Ordinal);

    /// <summary>Takes a request in, and keeps what is said of the agent true.</summary>
    public async Task Record(HttpContext http, ResourceId agent)
    {
        var (key, now, state) = (agent.Key, controlPlane.UtcNow, controlPlane.Store.Current);
        if (Agent.Find(state, agent) is not { } row)
            return;
        var credential = AgentCredential.Read(row).Hash;
        var said = http.Request.Headers[AgentApi.InstanceHeader].ToString();
        var instance = said.Length <= MaxInstanceLength && said.All(char.IsAsciiHexDigitLower) ? said : "";
        // Whoever used the credential before this one has no part in it.
        var (shared, isSure) = _agents
            .AddOrUpdate(
                key,
                _ => new AgentUses(credential, now),
                (_, known) => known.Credential == credential ? known : new AgentUses(credential, now)
            )
            .Record(instance, SourceAddress.From(http)?.ToString() ?? "", now);
        var known = SharedCredential.Find(state, key);
        if (shared is not null ? known is not null : known is null || !isSure)
            return;
        if (shared is not null)
            Log.CredentialInTwoPlaces(logger, agent, string.Join(" and ", shared.From));
        else
            Log.CredentialInOnePlace(logger, agent);
        await Write(agent, shared);
    }

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
        private ImmutableList<CredentialUse> _uses = [];

        public string Credential => credential;

        /// <returns>What it is like now; and whether that is sure, or weftd was started too short a while ago.</returns>
        public (SharedCredential? Shared, bool IsSure) Record(string instance, string source, DateTimeOffset now)
        {
            lock (_guard)
            {
                var known = _uses.Find(use => use.Instance == instance);
                var use = new CredentialUse(instance, source, known?.First ?? now, now);
                _uses = known is null ? _uses.Add(use) : _uses.Replace(known, use);
                if (_uses.Count > MaxRemembered)
                    _uses = _uses.Remove(_uses.MinBy(each => each.Last)!);
                return (SharedCredential.Judge(_uses, now), now - since >= SharedCredential.Quiet);
            }
        }
    }
}
