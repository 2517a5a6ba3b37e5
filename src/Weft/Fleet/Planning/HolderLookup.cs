using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Fabric;
using Weft.Networks;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Fleet.Planning;

/// <summary>Answers who holds what, from an address, a VLAN, a MAC address or a name.</summary>
internal sealed class HolderLookup(Limits limits)
{
    /// <summary>For whom nothing is kept.</summary>
    private static readonly Holder Nobody = new("", "nobody");

    /// <summary>Who holds an address: one answer per network whose subnets contain it.</summary>
    /// <returns>The answer as the API gives it.</returns>
    public JsonObject ByAddress(StoreState state, Address address)
    {
        var transaction = new ReadTransaction(state);
        var answers = transaction
            .List(L3Network.ResourceType)
            .Select(row => (Row: row, Pool: NetworkPool.PoolOf(state, row, limits)))
            .Where(n => n.Pool.Subnets.Any(s => s.Prefix.Contains(address)))
            .Select(n => Describe(state, n.Row, n.Pool, address));
        return CreateResponse($"address {address}", answers);
    }

    private static JsonObject Describe(StoreState state, Row network, AddressPool pool, Address address)
    {
        var id = ResourceKind.IdOf(network);
        if (pool.Holdings.LeaseOf(address) is { } lease)
            return RenderHeld(id, lease);
        var obstacle = pool.FindObstacle(Nobody, address);
        // What rests in a block is its owner's to give all the same.
        return
            obstacle?.Kind != ObstacleKind.InBlock
            && RenderResting(network, pool, address, NetworkPool.ClockOf(state)) is { } resting
            ? resting
            : RenderUnheld(state, id, address, obstacle);
    }

    /// <summary>Who had an address, and who has it: one answer for each that is known, the newest first.</summary>
    /// <param name="history">Who had it in a network before, by the network's id in lower case; the newest first.</param>
    /// <param name="at">Only who had it at a time; null for all.</param>
    /// <returns>The answer as the API gives it.</returns>
    public JsonObject History(
        StoreState state,
        Address address,
        Func<string, IReadOnlyList<EndedLease>> history,
        DateTimeOffset? at
    )
    {
        var answers = new List<JsonNode>();
        foreach (
            var network in new ReadTransaction(state)
                .List(L3Network.ResourceType)
                .Where(row => NetworkSubnets.PrefixesOf(state, row).Any(prefix => prefix.Contains(address)))
        )
        {
            var id = ResourceKind.IdOf(network);
            if (
                NetworkPool.PoolOf(state, network, limits).Holdings.LeaseOf(address) is { } lease
                && (at is null || EndedLease.TimeOf(lease.Since) <= at)
            )
                answers.Add(RenderHeld(id, lease));
            foreach (var ended in history(id.Key).Where(ended => at is not { } time || ended.HadAt(time)))
            {
                var answer = ended.Lease.ToJson();
                answer["network"] = id.ToString();
                answer["state"] = "Ended";
                answer["ended"] = EndedLease.TextOf(ended.Ended);
                answers.Add(answer);
            }
        }

        return CreateResponse($"address {address}", answers);
    }

    /// <summary>Whose a VLAN is, who stands on it, and how many addresses are leased there.</summary>
    /// <returns>The answer as the API gives it.</returns>
    public JsonObject ByVlan(StoreState state, int vlan)
    {
        var transaction = new ReadTransaction(state);
        var l2 = transaction
            .List(L2IsolationDomain.ResourceType)
            .Select(L2IsolationDomain.Read)
            .Where(d => d.Vlan == vlan)
            .Select(d => (Domain: d.Id, Internal: (FabricSubnets?)null, d.Mtu));
        var l3 = transaction
            .List(InternalNetwork.ResourceType)
            .Select(InternalNetwork.Read)
            .Where(n => n.Vlan == vlan)
            .Select(n => (n.Domain, Internal: (FabricSubnets?)n, n.Mtu));
        var ports = SwitchPortRenderer.Render(state, limits).Open.Where(port => port.Vlan == vlan).ToList();
        var answer = CreateResponse($"vlan {vlan}", []);
        answer["vlans"] = new JsonArray([
            .. l2.Concat(l3).Select(d => (JsonNode)RenderVlan(transaction, vlan, d.Domain, d.Internal, d.Mtu, ports)),
        ]);
        return answer;
    }

    /// <summary>Which interface has a MAC address.</summary>
    /// <param name="mac">The address in lower-case hex with colons.</param>
    /// <returns>The answer as the API gives it.</returns>
    public static JsonObject ByMacAddress(StoreState state, string mac)
    {
        var transaction = new ReadTransaction(state);
        var machines = transaction
            .List(VirtualMachine.ResourceType)
            .SelectMany(row =>
                VirtualMachine
                    .AttachmentsOf(row, state)
                    .Where(a => AddressClaims.MacAddressOf(ResourceKind.IdOf(row), a.Name) == mac)
                    .Select(a =>
                        RenderInterface(state, a.Network, AddressClaims.HolderOf(ResourceKind.IdOf(row), a.Name))
                    )
            );
        var nodes = transaction
            .List(Node.ResourceType)
            .Select(Node.Read)
            .SelectMany(node =>
                node.Uplinks.Where(u => u.MacAddress == mac)
                    .Select(u => new JsonObject
                    {
                        ["mac"] = mac,
                        ["network"] = NetworkIdOf(state, u.Network),
                        ["state"] = "Attached",
                        ["holder"] = $"node {node.Cluster.Name}/{node.Id.Name} {u.Name}",
                        ["holderId"] = node.Id.ToString(),
                    })
            );
        return CreateResponse($"mac {mac}", machines.Concat(nodes));
    }

    /// <summary>What holders with a word in their name hold.</summary>
    /// <param name="word">A pod's name, with its namespace or without; where no pod has that name, part of anything that pods,
    /// nodes and machines are called by.</param>
    /// <returns>The answer as the API gives it.</returns>
    public static JsonObject ByName(StoreState state, string word)
    {
        var networks = new ReadTransaction(state)
            .List(L3Network.ResourceType)
            .Select(row => (Id: ResourceKind.IdOf(row), Held: NetworkPool.HoldingsOf(state, ResourceKind.IdOf(row))))
            .ToList();
        var name = word[(word.LastIndexOf('/') + 1)..];
        var found = networks.Select(n => (n.Id, Leases: LeasesOf(n.Held.Named(name), word))).ToList();
        if (found.TrueForAll(n => n.Leases.Count == 0))
        {
            // What no index tells is looked for: some 200 ms for a million leases.
            var known = new Dictionary<HolderPlace, bool>(ReferenceEqualityComparer.Instance);
            found =
            [
                .. networks.Select(n => (n.Id, LeasesOf(n.Held.All.Where(h => h.MayBeCalled(word, known)), word))),
            ];
        }

        return CreateResponse($"name {word}", found.SelectMany(n => n.Leases.Select(lease => RenderHeld(n.Id, lease))));
    }

    private static List<Lease> LeasesOf(IEnumerable<Holding> holdings, string word) =>
        [
            .. holdings
                .SelectMany(holding => holding.Leases)
                .Where(lease => lease.Holder.TextOfAll.Contains(word, StringComparison.OrdinalIgnoreCase))
                .OrderBy(lease => lease.Holder.Text, StringComparer.Ordinal)
                .ThenBy(lease => lease.Address),
        ];

    /// <summary>The pool of a network that declares none: its subnets, how full they are.</summary>
    /// <returns>The resource as the API gives it.</returns>
    public JsonObject RenderPool(StoreState state, Row network, Func<string, bool> mayRead)
    {
        var properties = new JsonObject();
        AddUsage(state, network, mayRead, properties);
        return new JsonObject
        {
            ["id"] = DeclaredPool.IdOf(ResourceKind.IdOf(network)).ToString(),
            ["name"] = DeclaredPool.DefaultName,
            ["type"] = DeclaredPool.ResourceType.ToString(),
            ["properties"] = properties,
        };
    }

    /// <summary>Says of which network a pool is, and how full it is.</summary>
    /// <param name="mayRead">Whether who asks may read a cluster.</param>
    /// <param name="properties">The pool's properties, to be completed in place.</param>
    public void AddUsage(StoreState state, Row network, Func<string, bool> mayRead, JsonObject properties)
    {
        properties["network"] = ResourceKind.IdOf(network).ToString();
        var pool = NetworkPool.PoolOf(state, network, limits);
        PoolReport.Add(pool, NetworkPool.ClockOf(state), mayRead, properties);
    }

    /// <summary>A lease as a resource.</summary>
    /// <param name="mayRead">Whether who asks may read the holder.</param>
    /// <returns>The resource as the API gives it.</returns>
    public static JsonObject RenderLease(ResourceId network, Lease lease, Func<string, bool> mayRead)
    {
        var visible = lease.VisibleTo(mayRead);
        var properties = visible.ToJson();
        properties["holder"] = visible.Holder.TextOfAll;
        return new JsonObject
        {
            ["id"] = network.Extend(NetworkPool.LeaseType, lease.Address.ToString()).ToString(),
            ["name"] = lease.Address.ToString(),
            ["type"] = NetworkPool.LeaseType.ToString(),
            ["properties"] = properties,
        };
    }

    /// <summary>A port keeps its network by key; people know it by the spelling it was made with.</summary>
    private static string? NetworkIdOf(StoreState state, string? key) =>
        ResourceId.TryParse(key, out var id) && state.Get(StoreKey.ForResource(id)) is { } row
            ? ResourceKind.IdOf(row).ToString()
            : null;

    private static JsonObject CreateResponse(string question, IEnumerable<JsonNode> answers) =>
        new() { ["question"] = question, ["answers"] = new JsonArray([.. answers]) };

    private static JsonObject RenderHeld(ResourceId network, Lease lease)
    {
        var answer = lease.ToJson();
        answer["network"] = network.ToString();
        answer["state"] = "Leased";
        answer["holder"] = lease.Holder.TextOfAll;
        return answer;
    }

    /// <summary>An address that was given up and isn't given to others yet; null where it is none.</summary>
    private static JsonObject? RenderResting(Row network, AddressPool pool, Address address, LeaseClock clock)
    {
        if (pool.Holdings.RestAt(address) is not { } rest || pool.FindObstacle(Nobody, address) is not null)
            return null;
        var (isCooling, isKept) = (!pool.Rests.HasCooled(rest), pool.Rests.IsKept(rest));
        if (!isCooling && !isKept)
            return null;
        var answer = rest.Ended.LeaseOf(address).ToJson();
        answer["network"] = ResourceKind.IdOf(network).ToString();
        answer["state"] = isKept ? "Kept" : "Cooling";
        answer["ended"] = EndedLease.TextOf(new DateTimeOffset(rest.End.Ticks, TimeSpan.Zero));
        answer["until"] = PoolReport.TimeOf(clock, pool.Rests.LeftOf(rest));
        return answer;
    }

    private static JsonObject RenderUnheld(
        StoreState state,
        ResourceId network,
        Address address,
        AddressObstacle? obstacle
    )
    {
        var answer = new JsonObject
        {
            ["address"] = address.ToString(),
            ["network"] = network.ToString(),
            ["state"] =
                obstacle is null ? "Free"
                : obstacle.Kind == ObstacleKind.InBlock ? "InBlock"
                : "Reserved",
        };
        if (obstacle is not null)
            answer["holder"] = obstacle.Reason;
        if (
            obstacle?.Kind == ObstacleKind.InBlock
            && BlockBook.Of(state, network).At(address).FirstOrDefault() is { } block
        )
        {
            answer["holder"] = block.Text;
            answer["cluster"] = block.Agent.Parent!.ToString();
            answer["node"] = block.Node;
            answer["block"] = block.Id;
            answer["since"] = block.Since;
        }

        return answer;
    }

    private static JsonObject RenderInterface(StoreState state, ResourceId network, Holder holder)
    {
        var answer = new JsonObject
        {
            ["network"] = network.ToString(),
            ["state"] = "Attached",
            ["holder"] = holder.Text,
            ["holderId"] = holder.Id,
        };
        if (NetworkPool.HoldingsOf(state, network).LeasesOf(holder.Id) is [var first, ..])
            answer["address"] = first.Address.ToString();
        return answer;
    }

    private static JsonObject RenderVlan(
        ReadTransaction transaction,
        int vlan,
        ResourceId domain,
        FabricSubnets? network,
        int mtu,
        List<SwitchPort> ports
    )
    {
        var networks = DomainDependents
            .Find(transaction.Get(StoreKey.ForResource(domain))!, transaction)
            .Where(id => Network.Find(transaction.State, id, Limits.Default) is { } n && n.Vlans.Contains(vlan))
            .ToList();
        var here = ports.Where(p => networks.Any(n => n.ToString() == p.Network)).Select(p => p.Id).Distinct().ToList();
        var clusters = here.Where(id => id.Type == Node.ResourceType).Select(id => id.Parent!).Distinct();
        var leases = networks
            .Where(n => n.Type == L3Network.ResourceType)
            .Sum(n =>
                NetworkPool.HoldingsOf(transaction.State, n) is var h
                    ? h.Count(AddressFamily.IPv4) + h.Count(AddressFamily.IPv6)
                    : 0
            );
        return new JsonObject
        {
            ["vlan"] = vlan,
            ["domain"] = domain.ToString(),
            ["internalNetwork"] = network?.Id.ToString(),
            ["prefixes"] = new JsonArray([.. (network?.Prefixes ?? []).Select(p => JsonValue.Create(p.ToString()))]),
            ["mtu"] = mtu,
            ["networks"] = RenderIds(networks),
            ["clusters"] = RenderIds(clusters),
            ["machines"] = RenderIds(here),
            ["leases"] = leases,
        };
    }

    private static JsonArray RenderIds(IEnumerable<ResourceId> ids) =>
        new([.. ids.Select(id => JsonValue.Create(id.ToString()))]);
}
