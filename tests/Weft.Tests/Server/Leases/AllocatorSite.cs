using System.Collections.Immutable;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Addressing;
using Weft.Fleet;
using Weft.Fleet.Quotas;
using Weft.Networks;
using Weft.Resources;
using Weft.Server;
using Weft.Server.Leases;
using Weft.Storage;

namespace Weft.Tests.Server.Leases;

/// <summary>A site with one cluster on N6, an allocator on it, and a clock that a test moves.</summary>
internal sealed class AllocatorSite : IAsyncDisposable
{
    public const string Pool = "~c/l3Networks/n6/providers/Weft.Ipam/pools/default";

    private const string Attached =
        "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'MACVLAN','ipamEnabled':'True'}]";

    public static readonly ResourceId Cluster = TestSite.Id("~c/kubernetesClusters/k1");
    public static readonly ResourceId Network = TestSite.Id("~c/l3Networks/n6");

    public static readonly ResourceId Agent = TestSite.Id("~c/kubernetesClusters/k1/providers/Weft.Fleet/agents/a1");

    private readonly TestSite _site = TestSite.Small();
    private readonly LeaseAllocator _allocator;

    private AllocatorSite(IResourceStore store, SteppedTime time)
    {
        (Store, Time) = (store, time);
        ControlPlane = new ControlPlane(store, Limits.Default, time);
        Sessions = new LeaseSessions(ControlPlane, NullLogger<LeaseSessions>.Instance);
        _allocator = new LeaseAllocator(
            ControlPlane,
            Sessions,
            LeaseLimits.Default,
            new ApplicationLifetime(NullLogger<ApplicationLifetime>.Instance),
            NullLogger<LeaseAllocator>.Instance
        );
    }

    public IResourceStore Store { get; }

    public SteppedTime Time { get; }

    public ControlPlane ControlPlane { get; }

    public LeaseSessions Sessions { get; }

    public Holdings Holdings => NetworkPool.HoldingsOf(Store.Current, Network);

    /// <summary>How full the pool is of IPv4.</summary>
    public PoolUsage Usage =>
        PoolUsage.Of(
            NetworkPool.PoolOf(Store.Current, Store.Current.Get(StoreKey.ForResource(Network))!, Limits.Default),
            AddressFamily.IPv4
        );

    /// <summary>A site whose pool says something.</summary>
    /// <param name="pool">The pool's members, in single quotes; empty for none.</param>
    public static async Task<AllocatorSite> Create(
        string pool = "",
        IResourceStore? store = null,
        SteppedTime? time = null
    )
    {
        time ??= new SteppedTime();
        var site = new AllocatorSite(store ?? new MemoryStore(values: TestLeases.Clock(time)), time);
        site._site.Put("~c/kubernetesClusters/k1", TestSite.Kubernetes(Attached));
        if (pool.Length > 0)
            site._site.Put(Pool, $"{{'properties':{{{pool}}}}}");
        site._site.CompleteOperations();
        var rows = site._site.State.Range("").Select(row => new Mutation(row.Key, row.Bytes)).ToList();
        Assert.NotNull(await site.Store.Commit(ReadSet.Empty, rows, CancellationToken.None));
        return site;
    }

    /// <summary>Changes what the pool says.</summary>
    public async Task Declare(string pool)
    {
        _site.Put(Pool, $"{{'properties':{{{pool}}}}}");
        var row = _site.RowOf(Pool);
        Assert.NotNull(await Store.Commit(ReadSet.Empty, [new Mutation(row.Key, row.Bytes)], CancellationToken.None));
    }

    /// <summary>The IPv4 address, or the code of the refusal.</summary>
    public async Task<string> Acquire(
        string container,
        string? pod = null,
        string? claim = null,
        string node = "w1",
        string? wanted = null
    ) =>
        (await Ask(container, pod, claim, node, wanted)).TryGet(out var leases, out var refusal)
            ? leases[0].Address.ToString()
            : refusal.Code.ToString();

    public async Task<Refusal> Refused(
        string container,
        string? pod = null,
        string? claim = null,
        string? wanted = null
    ) => (await Ask(container, pod, claim, "w1", wanted)).Refusal!;

    public async Task Release(string container) => Assert.Null(await TryRelease(container));

    /// <returns>Why it isn't released; null where it is.</returns>
    public async Task<RefusalCode?> TryRelease(string container) =>
        (await _allocator.Submit(Request(container) with { IsRelease = true }, CancellationToken.None)).Refusal?.Code;

    public async ValueTask DisposeAsync()
    {
        ControlPlane.Dispose();
        await Store.DisposeAsync();
    }

    private Task<Outcome<ImmutableArray<Lease>>> Ask(
        string container,
        string? pod,
        string? claim,
        string node,
        string? wanted
    ) =>
        _allocator.Submit(
            Request(container, pod, claim, node) with
            {
                RequestedAddresses = wanted is null ? [] : [Address.Parse(wanted).Value],
            },
            CancellationToken.None
        );

    private static LeaseRequest Request(
        string container,
        string? pod = null,
        string? claim = null,
        string node = "w1"
    ) =>
        new(
            Cluster,
            Network,
            AddressClaims.PodHolderOf(Cluster, container, "net1", pod, node) with
            {
                Claim = claim,
            },
            [],
            false
        )
        {
            Agent = Agent,
        };
}
