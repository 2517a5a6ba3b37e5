using System.Runtime.Versioning;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Agent;
using Weft.Agent.Blocks;
using Weft.Agent.ControlPlane;
using Weft.Agent.Inquiries;
using Weft.Agent.Leases;
using Weft.Contracts;
using Weft.Resources;
using Weft.Server.Inquiries;
using Weft.Tests.Agent;

namespace Weft.Tests.Server.Reclaim;

/// <summary>What a node's way to weftd does.</summary>
internal enum ModelWay
{
    Open,

    /// <summary>Nothing gets there.</summary>
    Cut,

    /// <summary>Requests get there, and answers don't come back.</summary>
    LosesAnswers,
}

/// <summary>
/// A node of a cluster: what its agent does about leases, on a folder and a network of its own, and the sandboxes of its runtime. The
/// real parts of the agent; what fails is the network, the folder, and the process.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class ModelNode : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-node-").FullName;
    private readonly InProcessServer _server;
    private readonly string _credential;
    private Parts? _parts;

    private ModelNode(InProcessServer server, string name, string credential) =>
        (_server, Name, _credential) = (server, name, credential);

    public string Name { get; }

    public ModelWay Way { get; set; }

    private string Sandboxes => Path.Join(_folder, "sandboxes");

    private string JournalPath => Path.Join(_folder, "journal");

    public static async Task<ModelNode> Start(InProcessServer server, string name)
    {
        var node = new ModelNode(server, name, await server.Enrol(Documents.East, name, name));
        // The node's own: a folder without any entry would say nothing.
        _ = Directory.CreateDirectory(Path.Join(node.Sandboxes, "of-the-node"));
        node._parts = new Parts(node);
        return node;
    }

    /// <summary>The runtime makes a sandbox, and its interface asks for addresses.</summary>
    /// <returns>The addresses; null where it isn't given any.</returns>
    public async Task<string[]?> Add(string network, string container, string pod, string uid)
    {
        _ = Directory.CreateDirectory(Path.Join(Sandboxes, container));
        var request = new PodLeaseRequest(HolderOf(network, container))
        {
            Namespace = "core",
            Pod = pod,
            Uid = uid,
            Node = Name,
        };
        try
        {
            return (await _parts!.Service.Acquire(request)).TryGet(out var lease, out _)
                ? [.. lease.Addresses.Select(address => address.Address.Split('/')[0])]
                : null;
        }
        catch (ControlPlaneException)
        {
            return null;
        }
    }

    /// <summary>The runtime ends a sandbox as it should.</summary>
    public async Task Delete(string network, string container)
    {
        await _parts!.Service.Release(HolderOf(network, container), null);
        Forget(container);
    }

    /// <summary>A sandbox is gone, and nobody says so.</summary>
    public void Forget(string container) => Directory.Delete(Path.Join(Sandboxes, container));

    /// <summary>The agent's process ends, and another begins.</summary>
    /// <param name="keepsJournal">False: its state is gone with it.</param>
    public async Task Restart(bool keepsJournal)
    {
        await _parts!.DisposeAsync();
        if (!keepsJournal)
            File.Delete(JournalPath);
        _parts = new Parts(this);
    }

    /// <summary>Waits until its agent can be asked, where weftd can reach it.</summary>
    public async Task Listen()
    {
        if (Way != ModelWay.Open)
            return;
        var id = ResourceId.Parse($"{Documents.East}/providers/Weft.Fleet/agents/{Name}").Value;
        await _server.WaitUntil(() => _server.Service<AgentInquiries>().IsListening(id), $"{Name} listens");
    }

    public async ValueTask DisposeAsync()
    {
        if (_parts is not null)
            await _parts.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static LeaseHolder HolderOf(string network, string container) =>
        new(ResourceId.Parse(network).Value, container, "net1");

    /// <summary>The agent's process.</summary>
    private sealed class Parts : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Journal _journal;
        private readonly HttpClient _http;
        private readonly ControlPlaneClient _plane;
        private readonly Task _running;

        public Parts(ModelNode node)
        {
            var (table, locks, timings) = (new LeaseTable(), new KeyedLock(), AgentHarness.FastTimings);
            var (clock, log) = (TimeProvider.System, NullLogger.Instance);
            _http = new HttpClient(new ModelWire(node))
            {
                BaseAddress = new Uri(node._server.Client.BaseAddress!, AgentApi.Root),
            };
            var connectivity = new Connectivity(TimeSpan.Zero, clock);
            _plane = new ControlPlaneClient(_http, connectivity, timings, clock)
            {
                Identity = new Identity(node.Name, "agent", Documents.East, node._credential),
            };
            _journal = Journal.Open(node.JournalPath, table, log);
            var calls = new LeaseCalls(_plane, _stop.Token);
            var releases = new ReleaseLoop(table, _journal, locks, _plane, calls, timings, clock, log);
            Service = new LeaseService(
                table,
                _journal,
                locks,
                releases,
                new BlockDemands(clock),
                _plane,
                calls,
                connectivity,
                timings,
                clock,
                log,
                _stop.Token
            );
            var holders = new HolderObserver(table, Service, new SandboxDirectory(node.Sandboxes), log);
            _running = Task.WhenAll(
                releases.Run(_stop.Token),
                new InquiryLoop(_plane, null, holders, null, timings, clock).Run(_stop.Token)
            );
        }

        public LeaseService Service { get; }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running.ContinueWith(_ => { }, TaskScheduler.Default);
            await _journal.DisposeAsync();
            _plane.Dispose();
            _http.Dispose();
            _stop.Dispose();
        }
    }

    private sealed class ModelWire(ModelNode node) : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override async Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage request,
            CancellationToken cancellationToken
        )
        {
            if (node.Way == ModelWay.Cut)
                throw new HttpRequestException("the way is cut");
            var answer = await base.SendAsync(request, cancellationToken);
            if (node.Way == ModelWay.Open)
                return answer;
            answer.Dispose();
            throw new HttpRequestException("the answer is lost");
        }
    }
}
