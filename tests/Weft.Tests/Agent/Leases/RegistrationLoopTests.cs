using System.Runtime.Versioning;
using Weft.Contracts;
using Weft.Testing.Agents;

namespace Weft.Tests.Agent.Leases;

/// <summary>What the agent says to a control plane that was restored.</summary>
[SupportedOSPlatform("linux")]
public sealed class RegistrationLoopTests
{
    private const string Epoch = "00112233aabbccdd";

    [Fact]
    public async Task Registers_WhatItHolds_InParts()
    {
        const int Pods = LeaseRegistration.MaxLeases + 8;
        await using var harness = await AgentHarness.Start();
        foreach (var some in Enumerable.Range(0, Pods).Chunk(16))
            await Task.WhenAll(some.Select(i => harness.Send("acquire", $"p{i}")));
        await harness.Send("release", "p0");
        await harness.Plane.Until(() => harness.Plane.Calls.Contains(("release", "p0/net1")), "p0 is released");

        harness.Plane.Epoch = Epoch;
        await Ask(harness);
        await harness.Plane.Until(() => harness.Plane.Registrations.Any(part => part.IsLast), "it has registered");

        // An answer that was on its way may ask once more.
        var parts = harness.Plane.Registrations.Take(2).ToList();
        Assert.Equal([(Epoch, 0, false), (Epoch, 1, true)], parts.Select(part => (part.Epoch, part.Part, part.IsLast)));
        var leases = parts.SelectMany(part => part.Leases).ToList();
        Assert.Equal(
            harness.Plane.Leases.Keys.Order(StringComparer.Ordinal),
            leases.Select(lease => $"{lease.Holder.ContainerId}/net1").Order(StringComparer.Ordinal)
        );
        Assert.All(
            leases,
            lease =>
                Assert.Equal(
                    harness.Plane.Leases[$"{lease.Holder.ContainerId}/net1"],
                    $"{Assert.Single(lease.Addresses)}/16"
                )
        );
    }

    [Fact]
    public async Task Registers_Nothing_WhereItHoldsNothing()
    {
        await using var harness = await AgentHarness.Start();
        harness.Plane.Epoch = Epoch;
        await Ask(harness);
        await harness.Plane.Until(() => harness.Plane.Registrations.Count > 0, "it has registered");

        var part = harness.Plane.Registrations[0];
        Assert.Equal((0, true, 0), (part.Part, part.IsLast, part.Leases.Length));
    }

    [Fact]
    public async Task Registers_Anew_AfterARefusal()
    {
        await using var harness = await AgentHarness.Start();
        await harness.Send("acquire", "a");
        var asked = 0;
        harness.Plane.OnRegistration = async (_, context) =>
        {
            if (Interlocked.Increment(ref asked) > 1)
                return false;
            await ScriptedControlPlane.Refuse(context, 503, "ServiceUnavailable", "not now");
            return true;
        };
        harness.Plane.Epoch = Epoch;
        await Ask(harness);

        await harness.Plane.Until(() => harness.Plane.Registrations.Count > 0, "it has registered");

        Assert.Equal("a", Assert.Single(harness.Plane.Registrations[0].Leases).Holder.ContainerId);
    }

    /// <summary>The release came first and met nothing; the registration behind it would keep the address for ever.</summary>
    [Fact]
    public async Task Releases_OnceMore_WhatWentWhileItRegistered()
    {
        await using var harness = await AgentHarness.Start();
        await harness.Send("acquire", "a");
        var asked = 0;
        harness.Plane.OnRegistration = async (_, _) =>
        {
            if (Interlocked.Increment(ref asked) > 1)
                return false;
            await harness.Send("release", "a");
            await harness.Plane.Until(() => harness.Plane.Calls.Contains(("release", "a/net1")), "a is released");
            return false;
        };
        harness.Plane.Epoch = Epoch;
        await Ask(harness);

        await harness.Plane.Until(
            () => harness.Plane.Calls.Count(call => call == ("release", "a/net1")) == 2,
            "a is released once more"
        );
    }

    /// <summary>Ends the wait for another desired state, whose answer asks.</summary>
    private static Task Ask(AgentHarness harness)
    {
        harness.Plane.SetDesired("sha256-1", []);
        return harness.Plane.UntilReported("sha256-1", StatusReport.Applied);
    }
}
