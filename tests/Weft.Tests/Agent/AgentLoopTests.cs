using System.Runtime.Versioning;
using Weft.Agent;
using Weft.Agent.ControlPlane;
using Weft.Agent.Manifests;
using Weft.Agent.Reconcilers;

namespace Weft.Tests.Agent;

[SupportedOSPlatform("linux")]
public sealed class AgentLoopTests
{
    [Fact]
    public async Task Ends_NoSooner_ThanAPassThatIsUnderWay()
    {
        await using var harness = await AgentHarness.Create();
        harness.Plane.SetDesired("sha256-1", []);
        Directory.CreateDirectory(harness.Options.State);
        using var http = Transport.Open(harness.Options);
        var pass = new LongPass();
        using var cancel = new CancellationTokenSource();
        var running = CreateLoop(harness, http, pass).Run(cancel.Token);
        await pass.Begun.Task.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);

        await cancel.CancelAsync();
        Assert.NotSame(running, await Task.WhenAny(running, Task.Delay(100, TestContext.Current.CancellationToken)));
        pass.End.SetResult(new ReconcileResult(0, 0, []));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            running.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken)
        );
    }

    private static AgentLoop CreateLoop(AgentHarness harness, HttpClient http, IReconciler target)
    {
        var (options, timings, clock, log) = (harness.Options, harness.Timings, harness.Clock, harness.NewLog());
        var plane = new ControlPlaneClient(http, new Connectivity(timings.ConnectivityGrace, clock), timings, clock);
        var credential = Path.Join(options.State, "credential");
        var enrolment = new Enrolment(plane, options, credential, clock);
        var rotation = new CredentialRotation(plane, credential, options.CredentialMaxAge, timings, clock, log);
        var desired = Path.Join(options.State, "desired.json");
        return new AgentLoop(plane, enrolment, rotation, desired, [target], null, null, timings, clock, log);
    }

    /// <summary>A target such as a node in the midst of a write, which is brought to its end whoever stops the agent.</summary>
    private sealed class LongPass : IReconciler
    {
        public TaskCompletionSource Begun { get; } = new();

        public TaskCompletionSource<ReconcileResult> End { get; } = new();

        public string Name => "node";

        public Task<ReconcileResult> Reconcile(DesiredState desired, CancellationToken cancel)
        {
            Begun.TrySetResult();
            return End.Task;
        }
    }
}
