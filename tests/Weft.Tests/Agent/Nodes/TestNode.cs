using System.Text.Json;
using Weft.Agent;
using Weft.Agent.Linux;
using Weft.Agent.Linux.Netlink;
using Weft.Agent.Nodes;
using Weft.Agent.Nodes.Operations;
using Weft.Agent.Nodes.Planning;
using Weft.Agent.Reconcilers;
using Weft.Attachments.Nodes;

namespace Weft.Tests.Agent.Nodes;

/// <summary>
/// The part of an agent that applies a node's configuration, in the network namespace of the thread that made it.
/// </summary>
internal sealed class TestNode : IDisposable
{
    private readonly StringWriter _log = new();

    public TestNode(string? state = null, Sysfs? sysfs = null, TimeProvider? clock = null)
    {
        State = state ?? Directory.CreateTempSubdirectory("weft-node-").FullName;
        Kernel = Rtnetlink.Open();
        (_sysfs, _clock) = (sysfs ?? new Sysfs(), clock ?? TimeProvider.System);
    }

    private readonly Sysfs _sysfs;
    private readonly TimeProvider _clock;

    public string State { get; }

    public Rtnetlink Kernel { get; }

    public string Log => _log.ToString();

    /// <summary>What a look for the control plane answers: null where it is within reach.</summary>
    public Func<string?> Reach { get; set; } = () => null;

    public NodeApplyOptions Policy { get; set; } = new(TimeSpan.FromSeconds(30), RepairsDrift: true);

    /// <summary>The policy's rule against a module of the kernel; null where it may be loaded.</summary>
    public Func<string, string?>? ModuleRule { get; set; }

    public NodeStateStore Store => new(State);

    public NodeOperationExecutor Executor => new(Kernel, _sysfs, AgentLog.Open(_log, _clock), ModuleRule);

    public NodeReader Reader => new(Kernel, _sysfs);

    public static DesiredNode Desired(string configuration) =>
        new(NodeConfiguration.Read(JsonDocument.Parse(configuration).RootElement, "w1").Value, "");

    public ReconcileResult Apply(string configuration) => Apply(Desired(configuration));

    public ReconcileResult Apply(DesiredNode desired) =>
        CreateApplier().Apply(desired, TestContext.Current.CancellationToken).GetAwaiter().GetResult();

    public NodePlan Plan(string configuration) => CreateApplier().Plan(Desired(configuration));

    /// <summary>Everything that a person would call the node's network.</summary>
    public static string Snapshot() =>
        TestNamespace.Ip("-d address show") + TestNamespace.Ip("route show") + TestNamespace.Ip("-6 route show");

    public void Dispose() => Kernel.Dispose();

    private NodeApplier CreateApplier() =>
        new(Reader, Executor, Store, (_, _) => Task.FromResult(Reach()), Policy, _clock, AgentLog.Open(_log, _clock));
}
