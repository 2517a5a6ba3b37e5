using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Agent.Blocks;
using Weft.Agent.Leases;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Fleet.Blocks;
using Weft.Fleet.Quotas;
using Weft.Networks;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Tests.Fleet.Blocks;

/// <summary>
/// A site with three nodes that own blocks of a pool of 40 addresses: the store as weftd decides on it, the agents' journals as
/// they are on the disk, and beside them what pods and machines have on their interfaces in truth.
/// </summary>
internal sealed class BlockWorld
{
    public const int Agents = 3;
    public const int Addresses = 40;

    private static readonly ResourceId Cluster = TestSite.Id("~c/kubernetesClusters/k1");
    private static readonly StoreState Begin = CreateSite();

    private readonly List<StoreState> _backups = [];
    private readonly SimulatedAgent[] _agents;
    private int _names;
    private int _epochs;

    public BlockWorld() => _agents = [.. Enumerable.Range(1, Agents).Select(i => new SimulatedAgent(this, $"w{i}"))];

    public static ResourceId Network { get; } = TestSite.Id("~c/l3Networks/n6");

    public StoreState State { get; set; } = Begin;

    /// <summary>Who has which IPv4 address on an interface, whatever anybody believes.</summary>
    public Dictionary<Address, string> Truth { get; } = [];

    public IReadOnlyList<SimulatedAgent> Nodes => _agents;

    public string NewName(string kind) => string.Create(CultureInfo.InvariantCulture, $"{kind}{++_names}");

    /// <summary>A machine gets an address, or is refused one.</summary>
    public void AddMachine()
    {
        var name = NewName("vm");
        var holder = new Holder($"machine:/m/{name}#n6", $"virtual machine {name} n6");
        if (Lease(holder) is { } lease)
            Use(lease.Address, name);
    }

    public void Backup() => _backups.Add(State);

    /// <summary>The store is set back to a backup: what agents know is all there is of what came later.</summary>
    public void Restore(int which)
    {
        if (_backups.Count == 0)
            return;
        State = _backups[which % _backups.Count];
        var id = string.Create(CultureInfo.InvariantCulture, $"epoch{++_epochs}");
        State = State.Next([Mutation.Put(Epoch.Key, new Epoch(id, TestSite.Now, true).ToJson())]);
        // Machines are documents: those of later are gone with them.
        var held = NetworkPool.HoldingsOf(State, Network);
        foreach (
            var (address, _) in Truth.Where(item => item.Value.StartsWith("vm", StringComparison.Ordinal)).ToList()
        )
        {
            if (held.LeaseOf(address)?.Holder.Id.StartsWith("machine:", StringComparison.Ordinal) != true)
                Truth.Remove(address);
        }
    }

    /// <summary>What was told to nobody but the store, or a journal of before, can't come back from an earlier one.</summary>
    public void ForgetBackups() => _backups.Clear();

    /// <summary>weftd leases centrally; blocks that stand in the way are asked back first.</summary>
    public Lease? Lease(Holder holder)
    {
        for (var attempt = 0; ; attempt++)
        {
            if (TryLease(holder).TryGet(out var lease, out var refusal))
                return lease;
            if (refusal.BlocksOf is null || attempt > 0)
                return null;
            foreach (var agent in _agents.Where(agent => !agent.IsCutOff))
                agent.GiveBack();
        }
    }

    public void Release(string holderId)
    {
        var edit = new LeaseEdit(State, Network.Key);
        if (edit.Holdings.Find(holderId) is { } held)
            edit.Remove(held);
        Mutation[] changes =
        [
            .. edit.ToMutations(),
            .. NetworkPool.RemoveClaims(State, Network, holder => holder.Id == holderId),
        ];
        State = State.Next(changes);
    }

    /// <summary>weftd takes a report in.</summary>
    public Outcome<BlockReply> Take(SimulatedAgent agent, BlockReport report)
    {
        var transaction = new ReadTransaction(State);
        var around = new BlockContext(
            agent.Instance,
            TestSite.Now,
            Limits.Default,
            LeaseLimits.Default,
            () => NewName("block"),
            NetworkUsers.Of
        );
        if (
            !new BlockDecision(transaction, State.Get(StoreKey.ForResource(agent.Id))!, report, around)
                .Decide()
                .TryGet(out var outcome, out var refusal)
        )
            return refusal;
        State = State.Next(outcome.Mutations);
        return outcome.Reply;
    }

    /// <summary>weftd takes a registration in, where one is asked for.</summary>
    public void Register(SimulatedAgent agent)
    {
        var row = State.Get(StoreKey.ForResource(agent.Id))!;
        if (Registration.AskedOf(State, row) is not { } epoch)
            return;
        var adoption = new LeaseAdoption(new ReadTransaction(State), row, () => Candidates(agent), TestSite.Now);
        var decided = adoption.Decide(
            new LeaseRegistration(epoch.Id, 0, true, [.. agent.Held()])
            {
                Owner = agent.Table.Blocks.Owner?.Name,
                Blocks = [.. agent.Table.Blocks.Blocks.Select(block => block.ToOwned())],
            }
        );
        Assert.True(decided.TryGet(out var result, out var refusal), refusal?.Message);
        State = State.Next(result.Mutations);
    }

    /// <summary>Somebody has an address on an interface from now on: nobody else may.</summary>
    public void Use(Address address, string who)
    {
        if (address.Family != AddressFamily.IPv4)
            return;
        Assert.True(
            Truth.TryAdd(address, who),
            $"{address} is given to {who}, and {Truth.GetValueOrDefault(address)} has it"
        );
    }

    public static ResourceId AgentId(string name) => Cluster.Extend(Weft.Fleet.Agent.ResourceType, name);

    public static Holder HolderOf(string container, string node) =>
        AddressClaims.PodHolderOf(Cluster, container, "net1", $"core/{container}", node);

    private IEnumerable<string> Candidates(SimulatedAgent agent) =>
        NetworkPool
            .HoldingsOf(State, Network)
            .Leases.Where(lease => lease.Holder.Node == agent.Node)
            .Select(lease => NetworkPool.KeyOf(Network, lease.Address));

    private Outcome<Lease> TryLease(Holder holder)
    {
        var row = State.Get(StoreKey.ForResource(Network))!;
        var edit = LeaseEdit.WithClaims(State, Network);
        var pool = NetworkPool.PoolOf(State, edit.Holdings, row, Limits.Default);
        if (!pool.Choose(holder, [], TestSite.Now).TryGet(out var chosen, out var refusal))
            return refusal;
        if (chosen.Change is { } change)
        {
            if (Registration.RefusalFor(State, Network) is { } pending)
                return pending;
            edit.Replace(change);
            State = State.Next(edit.ToMutations());
        }

        return chosen.Leases.First(lease => lease.Address.Family == AddressFamily.IPv4);
    }

    private static StoreState CreateSite()
    {
        var site = TestSite.Small();
        site.Put(
            "~c/kubernetesClusters/k1",
            TestSite.Kubernetes(
                "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'MACVLAN','ipamEnabled':'True'}]"
            )
        );
        site.CompleteOperations();
        site.Put(
            "~c/l3Networks/n6/providers/Weft.Ipam/pools/default",
            "{'properties':{'ranges':['10.20.6.10-10.20.6.49'],'blocks':{'leastFree':0,'percent':100,'maxSize':16}}}"
        );
        site.CompleteOperations();
        return site.State.Next(
            Enumerable
                .Range(1, Agents)
                .Select(i => Cluster.Extend(Weft.Fleet.Agent.ResourceType, $"w{i}"))
                .Select(id =>
                    Mutation.Put(
                        id,
                        new JsonObject
                        {
                            ["id"] = id.ToString(),
                            ["properties"] = new JsonObject
                            {
                                ["node"] = id.Name,
                                ["enrolledAt"] = "2026-01-01T00:00:00Z",
                            },
                        }
                    )
                )
        );
    }
}

/// <summary>One agent: a journal on the disk, the process that has read it, and the pods of its node.</summary>
internal sealed class SimulatedAgent
{
    private readonly BlockWorld _world;
    private readonly List<JournalEntry> _journal = [];
    private readonly HashSet<string> _pods = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Address> _addresses = new(StringComparer.Ordinal);
    private BlockLedger _ledger;
    private string _boot = "boot1";
    private string _directory = "d1";
    private long _wants;

    public SimulatedAgent(BlockWorld world, string node)
    {
        (_world, Node) = (world, node);
        (Table, _ledger, Instance) = (null!, null!, "");
        Start();
    }

    public string Node { get; }

    public ResourceId Id => BlockWorld.AgentId(Node);

    public LeaseTable Table { get; private set; }

    public string Instance { get; private set; }

    public bool IsCutOff { get; set; }

    /// <summary>The pods that run and whose journal knows them.</summary>
    public IEnumerable<(string Container, Address Address)> Known =>
        _pods.Where(pod => Table.TryGet(HolderOf(pod), out _)).Select(pod => (pod, _addresses[pod]));

    /// <summary>The process starts on what the disk has.</summary>
    public void Start()
    {
        Table = new LeaseTable();
        foreach (var entry in _journal)
            Assert.True(Table.Apply(entry));
        Instance = _world.NewName("process");
        _ledger = new BlockLedger(
            Table,
            new PlaceMark($"machine of {Node}", _boot, $"{Node} {_directory}"),
            () => _world.NewName("owner")
        );
        if (Table.Blocks.Owner is not null)
            Append(_ledger.Begin(default));
        // Before it gives, it reports, or finds weftd out of reach.
        if (IsCutOff)
            Table.Blocks.MayGive = Table.Blocks.Owner is not null;
        else if (Table.Blocks.Owner is not null)
            Report(isAnswered: true);
    }

    /// <summary>The journal is gone with the disk; the pods run on.</summary>
    public void LoseJournal()
    {
        // Both at once, a store of before and no journal: then nobody is left who knows.
        if (Registration.AskedOf(_world.State, _world.State.Get(StoreKey.ForResource(Id))!) is not null)
            return;
        _journal.Clear();
        _directory = _world.NewName("d");
        _world.ForgetBackups();
        Start();
    }

    /// <summary>The node starts on a disk that was set back to an earlier time, while weftd is within reach.</summary>
    public void SetBack(int entries)
    {
        if (IsCutOff || _journal.Count == 0)
            return;
        _boot = _world.NewName("boot");
        foreach (var pod in _pods)
            _world.Truth.Remove(_addresses[pod]);
        _pods.Clear();
        _addresses.Clear();
        _journal.RemoveRange(_journal.Count - (entries % _journal.Count), entries % _journal.Count);
        _world.ForgetBackups();
        Start();
    }

    /// <summary>The node starts anew: no pod outlives it. The kubelet has them deleted.</summary>
    public void Reboot()
    {
        _boot = _world.NewName("boot");
        foreach (var pod in _pods.ToList())
            Delete(pod);
        Start();
    }

    public void AddPod()
    {
        var container = _world.NewName("c");
        var holder = HolderOf(container);
        var given = Table.Blocks.TryTake(BlockWorld.Network, $"core/{container}");
        var lease = given;
        if (lease is null && !IsCutOff && _world.Lease(BlockWorld.HolderOf(container, Node)) is { } central)
            lease = new PodLease([new LeasedAddress($"{central.Address}/24", null)], []);
        if (lease is null)
            return;
        Append(
            JournalEntry.Create(JournalEntry.Granted, holder, default, lease, pod: $"core/{container}") with
            {
                IsOfBlock = given is null ? null : true,
            }
        );
        var address = lease.Addresses.Select(a => a.ParsedAddress!.Value).First(a => a.Family == AddressFamily.IPv4);
        _pods.Add(container);
        _addresses[container] = address;
        _world.Use(address, container);
    }

    public void DeletePod(int which)
    {
        if (_pods.Count > 0)
            Delete(_pods.Order(StringComparer.Ordinal).ElementAt(which % _pods.Count));
    }

    /// <summary>Releases that wait are confirmed.</summary>
    public void Flush()
    {
        if (IsCutOff)
            return;
        foreach (var holder in Table.PendingReleases())
        {
            _world.Release(BlockWorld.HolderOf(holder.ContainerId, Node).Id);
            Append(JournalEntry.Create(JournalEntry.Released, holder, default, want: Table.ReleaseNumberOf(holder)));
        }
    }

    public void GiveBack()
    {
        if (Table.Blocks.Owner is null)
            return;
        foreach (var entry in _ledger.GiveBack(new HashSet<string> { BlockWorld.Network.Key }, default))
            Append(entry);
        Send([], isAnswered: true);
    }

    /// <summary>Reports, and asks for a block where it has less than it expects.</summary>
    public void Report(bool isAnswered)
    {
        if (IsCutOff)
            return;
        _world.Register(this);
        if (Table.Blocks.Owner is null)
            Append(_ledger.Begin(default));
        foreach (var entry in _ledger.GiveBack(new HashSet<string>(), default))
            Append(entry);
        BlockWant[] wants =
            Table.Grants().Count > 0 && Table.Blocks.CountFree(BlockWorld.Network) < 2
                ? [new BlockWant(BlockWorld.Network.ToString(), 4 + (int)(_wants++ % 3 * 4))]
                : [];
        Send(wants, isAnswered);
    }

    public IEnumerable<RegisteredLease> Held() =>
        Table
            .Grants()
            .Select(grant => new RegisteredLease(
                grant.Holder,
                grant.Entry.Pod,
                [.. grant.Entry.Lease!.Addresses.Select(address => address.ParsedAddress!.Value)]
            ));

    private void Send(BlockWant[] wants, bool isAnswered)
    {
        if (IsCutOff)
            return;
        var report = _ledger.CreateReport(wants);
        if (!_world.Take(this, report).TryGet(out var reply, out var refusal))
        {
            Assert.Equal(RefusalCode.BlocksFenced, refusal.Code);
            Append(_ledger.BeginAnew(default));
            return;
        }

        if (!isAnswered)
            return;
        foreach (var entry in _ledger.TakeIn(reply, default))
            Append(entry);
        Table.Blocks.MayGive = true;
    }

    private void Delete(string pod)
    {
        _pods.Remove(pod);
        _world.Truth.Remove(_addresses[pod]);
        _addresses.Remove(pod);
        Append(
            JournalEntry.Create(JournalEntry.ReleaseWanted, HolderOf(pod), default, want: Table.NextReleaseNumber())
        );
    }

    private static LeaseHolder HolderOf(string container) => new(BlockWorld.Network, container, "net1");

    private void Append(JournalEntry entry)
    {
        _journal.Add(entry);
        Assert.True(Table.Apply(entry));
    }
}
