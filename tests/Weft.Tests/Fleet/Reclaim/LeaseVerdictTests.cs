using Weft.Contracts;
using Weft.Fleet.Reclaim;

namespace Weft.Tests.Fleet.Reclaim;

/// <summary>Which evidence frees an address, and which never does.</summary>
public sealed class LeaseVerdictTests
{
    private static readonly LeaseEvidence Old = new()
    {
        Age = LeaseVerdict.MinAge,
        IsNodeKnown = true,
        HasUid = true,
    };

    /// <summary>Somebody who must know has said so.</summary>
    [Theory]
    [InlineData(PodState.Absent, KubeNodeState.Ready, HolderState.Held, SandboxState.Unknown)]
    [InlineData(PodState.Absent, KubeNodeState.Ready, HolderState.NotHeld, SandboxState.Unknown)]
    [InlineData(PodState.Ended, KubeNodeState.Ready, HolderState.Held, SandboxState.Unknown)]
    [InlineData(PodState.Absent, KubeNodeState.Absent, HolderState.Unknown, SandboxState.Unknown)]
    [InlineData(PodState.Absent, KubeNodeState.OutOfService, HolderState.Unknown, SandboxState.Unknown)]
    [InlineData(PodState.Absent, KubeNodeState.NotReady, HolderState.Held, SandboxState.Absent)]
    [InlineData(PodState.Present, KubeNodeState.Ready, HolderState.NotHeld, SandboxState.Absent)]
    [InlineData(PodState.Unknown, KubeNodeState.Unknown, HolderState.Held, SandboxState.Absent)]
    public void Frees_WhatIsGoneForCertain(object pod, object node, object holder, object sandbox) =>
        Assert.True(IsGone(pod, node, holder, sandbox));

    /// <summary>Nobody can say that nothing runs there any more, or it is on its way already.</summary>
    [Theory]
    [InlineData(PodState.Absent, KubeNodeState.NotReady, HolderState.Unknown, SandboxState.Unknown)]
    [InlineData(PodState.Absent, KubeNodeState.NotReady, HolderState.Held, SandboxState.Unknown)]
    [InlineData(PodState.Absent, KubeNodeState.Unknown, HolderState.NotHeld, SandboxState.Unknown)]
    [InlineData(PodState.Absent, KubeNodeState.Ready, HolderState.Unknown, SandboxState.Unknown)]
    [InlineData(PodState.Present, KubeNodeState.Ready, HolderState.NotHeld, SandboxState.Unknown)]
    [InlineData(PodState.Present, KubeNodeState.Absent, HolderState.Unknown, SandboxState.Unknown)]
    [InlineData(PodState.Unknown, KubeNodeState.Ready, HolderState.NotHeld, SandboxState.Unknown)]
    [InlineData(PodState.Unknown, KubeNodeState.Unknown, HolderState.Unknown, SandboxState.Unknown)]
    [InlineData(PodState.Unknown, KubeNodeState.Absent, HolderState.Unknown, SandboxState.Unknown)]
    [InlineData(PodState.Absent, KubeNodeState.Ready, HolderState.Releasing, SandboxState.Unknown)]
    public void Keeps_WhatMayRun(object pod, object node, object holder, object sandbox) =>
        Assert.False(IsGone(pod, node, holder, sandbox));

    /// <summary>Whatever else is said: a sandbox that is there, and a lease that is young, are let alone.</summary>
    [Fact]
    public void Frees_NothingThatIsThere_OrYoung()
    {
        foreach (var evidence in Everything())
        {
            Assert.False(LeaseVerdict.Of(evidence with { Sandbox = SandboxState.Present }).IsGone);
            Assert.False(LeaseVerdict.Of(evidence with { Age = LeaseVerdict.MinAge - TimeSpan.FromTicks(1) }).IsGone);
        }
    }

    /// <summary>
    /// What isn't known counts as alive: knowing less never frees more. A sandbox that is seen, and a release that is under
    /// way, hold off what the rest would free.
    /// </summary>
    [Fact]
    public void Frees_NoMore_WhereLessIsKnown()
    {
        foreach (var evidence in Everything())
        {
            if (
                LeaseVerdict.Of(evidence).IsGone
                || evidence.Holder == HolderState.Releasing
                || evidence.Sandbox == SandboxState.Present
            )
                continue;
            Assert.False(LeaseVerdict.Of(evidence with { Sandbox = SandboxState.Unknown }).IsGone, $"{evidence}");
            Assert.False(LeaseVerdict.Of(evidence with { Holder = HolderState.Unknown }).IsGone, $"{evidence}");
            if (evidence.Pod == PodState.Present)
                Assert.False(
                    LeaseVerdict.Of(evidence with { Pod = PodState.Unknown }).IsGone && evidence.IsNodeKnown,
                    $"{evidence}"
                );
        }
    }

    [Fact]
    public void Frees_WhatAnEarlierSandboxOfAPodHeld()
    {
        var superseded = Old with { Pod = PodState.Present, IsSuperseded = true };
        Assert.True(LeaseVerdict.Of(superseded).IsGone);
        Assert.False(LeaseVerdict.Of(superseded with { HasUid = false }).IsGone);
    }

    [Fact]
    public void Frees_WhatOnlyADeletedNodeCouldGiveBack()
    {
        var orphaned = Old with { Pod = PodState.Absent, IsNodeKnown = false };
        Assert.True(LeaseVerdict.Of(orphaned).IsGone);
        Assert.True(LeaseVerdict.Of(orphaned with { Pod = PodState.Unknown, Node = KubeNodeState.Absent }).IsGone);
        Assert.False(LeaseVerdict.Of(orphaned with { Pod = PodState.Present }).IsGone);
        Assert.False(LeaseVerdict.Of(orphaned with { Pod = PodState.Unknown }).IsGone);
    }

    /// <summary>What agents and clusters contradict each other about is shown, and left.</summary>
    [Fact]
    public void Shows_WhatDoesntFit()
    {
        var elsewhere = LeaseVerdict.Of(Old with { Pod = PodState.Present, IsElsewhere = true });
        Assert.Equal((false, true), (elsewhere.IsGone, elsewhere.IsUnproven));
        var ghost = LeaseVerdict.Of(Old with { Pod = PodState.Absent, Sandbox = SandboxState.Present });
        Assert.Equal((false, true), (ghost.IsGone, ghost.IsUnproven));
        Assert.False(LeaseVerdict.Of(Old with { Pod = PodState.Present }).IsUnproven);
    }

    private static bool IsGone(object pod, object node, object holder, object sandbox) =>
        LeaseVerdict
            .Of(
                Old with
                {
                    Pod = (PodState)pod,
                    Node = (KubeNodeState)node,
                    Holder = (HolderState)holder,
                    Sandbox = (SandboxState)sandbox,
                }
            )
            .IsGone;

    private static IEnumerable<LeaseEvidence> Everything() =>
        from pod in Enum.GetValues<PodState>()
        from node in Enum.GetValues<KubeNodeState>()
        from holder in Enum.GetValues<HolderState>()
        from sandbox in Enum.GetValues<SandboxState>()
        from isKnown in new[] { true, false }
        from isSuperseded in new[] { true, false }
        select Old with
        {
            Pod = pod,
            Node = node,
            Holder = holder,
            Sandbox = sandbox,
            IsNodeKnown = isKnown,
            IsSuperseded = isSuperseded,
        };
}
