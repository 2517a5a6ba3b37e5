using System.Text.Json.Nodes;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Server.Api;

/// <summary>
/// The answer to <c>GET /providers/Weft.Ipam/registrations</c>: who has registered since the restore, and what is in
/// conflict.
/// </summary>
internal static class RegistrationQuery
{
    /// <summary>The question's path.</summary>
    public const string Path = "providers/weft.ipam/registrations";

    /// <summary>The most leases that one answer lists as unclaimed.</summary>
    private const int MaxUnclaimed = 1000;

    /// <summary>Answers it.</summary>
    public static JsonObject Create(StoreState state)
    {
        var epoch = Epoch.Find(state);
        return new JsonObject
        {
            ["epoch"] = epoch?.ToJson(),
            ["agents"] = new JsonArray([.. epoch is null ? [] : Agents(state, epoch)]),
            ["conflicts"] = new JsonArray([
                .. NetworkPool.AllClaims(state).Select(c => Conflict(state, c.Network, c.Claim)),
            ]),
            ["unclaimed"] = new JsonArray([.. epoch is null ? [] : Unclaimed(state, epoch).Take(MaxUnclaimed)]),
        };
    }

    private static IEnumerable<JsonNode> Agents(StoreState state, Epoch epoch)
    {
        foreach (var agent in state.Range($"{StoreKey.PartitionOf(Agent.ResourceType)}|"))
        {
            var id = ResourceKind.IdOf(agent);
            var registration = Registration.Find(state, epoch, id);
            var isAwaited = Registration.AwaitedIn(state, epoch, id.Parent!).Contains(id);
            yield return new JsonObject
            {
                ["id"] = id.ToString(),
                ["node"] = Agent.NodeOf(agent),
                ["state"] =
                    Registration.AskedOf(state, agent) is null ? "Registered"
                    : isAwaited ? "Awaited"
                    : "Asked",
                ["at"] = registration?.At,
                ["leases"] = registration?.Leases ?? 0,
                ["adopted"] = registration?.Adopted ?? 0,
                ["unclaimed"] = registration?.Unclaimed.Length ?? 0,
            };
        }
    }

    private static JsonObject Conflict(StoreState state, ResourceId network, Addressing.Lease claim) =>
        new JsonObject
        {
            ["network"] = network.ToString(),
            ["address"] = claim.Address.ToString(),
            ["holder"] = claim.Holder.Text,
            ["heldBy"] = NetworkPool.HoldingsOf(state, network).LeaseOf(claim.Address)?.Holder.Text,
        };

    /// <summary>What the store still has for pods that their agents don't know, so that they hold it for ever.</summary>
    private static IEnumerable<JsonNode> Unclaimed(StoreState state, Epoch epoch) =>
        state
            .Range($"{Registration.Partition}|")
            .Select(Registration.Of)
            .Where(registration => registration.Epoch == epoch.Id)
            .SelectMany(registration => registration.Unclaimed)
            .Select(text => (Text: text, Key: text[..text.IndexOf(' ', StringComparison.Ordinal)]))
            .Select(item => (item.Text, item.Key, Held: NetworkPool.FindLease(state, item.Key)))
            .Where(item => item.Held is { } held && Registration.UnclaimedOf(item.Key, held.Holder.Id) == item.Text)
            .Select(item =>
                (JsonNode)
                    new JsonObject
                    {
                        ["network"] = StoreKey.PartitionOf(item.Key)[StoreKey.LeasePrefix.Length..],
                        ["address"] = item.Held!.Address.ToString(),
                        ["holder"] = item.Held.Holder.Text,
                    }
            );
}
