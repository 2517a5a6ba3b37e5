using System.Text.Json;
using Weft.Agent.Netlink;
using Weft.Agent.Nodes;
using Weft.Agent.Targets;
using Weft.Attachments;

namespace Weft.Tests.Agent.Nodes;

/// <summary>The part of an agent that applies a node's configuration, in the network namespace of the thread that made it.</summary>
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

    public NodePolicy Policy { get; set; } = new(TimeSpan.FromSeconds(30), MendsDrift: true);

    public NodeMemory Memory => new(State);

    public NodeWriter Writer => new(Kernel, _sysfs, new Weft.Agent.Log(_log, _clock));

    public NodeReader Reader => new(Kernel, _sysfs);

    public static NodeWish Wish(string configuration) => new(NodeConfiguration.Of(JsonDocument.Parse(configuration).RootElement, "w1").Value, "");

    public TargetOutcome Apply(string configuration) => Apply(Wish(configuration));

    public TargetOutcome Apply(NodeWish wish) => Pass().Run(wish, TestContext.Current.CancellationToken).GetAwaiter().GetResult();

    public NodePlan Plan(string configuration) => Pass().Plan(Wish(configuration));

    /// <summary>Everything that a person would call the node's network.</summary>
    public static string Picture() => NetworkNamespace.Ip("-d address show") + NetworkNamespace.Ip("route show") + NetworkNamespace.Ip("-6 route show");

    public void Dispose() => Kernel.Dispose();

    private NodePass Pass() => new(Reader, Writer, Memory, (_, _) => Task.FromResult(Reach()), Policy, _clock, new Weft.Agent.Log(_log, _clock));
}
