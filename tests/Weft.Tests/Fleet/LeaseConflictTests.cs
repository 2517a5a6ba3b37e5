using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Tests.Fleet;

/// <summary>
/// A machine's write and a pod's lease that are decided on the same state: at most one of them is committed where both
/// want the same address, and both where they don't.
/// </summary>
public sealed class LeaseConflictTests
{
    private const string Probe = "~c/virtualMachines/probe";

    [Theory]
    [InlineData("10.20.6.40", false)] // the very address that the machine is to have
    [InlineData("10.20.6.41", true)] // another one of the same network
    public void Commits_AMachine_OnlyIfNoPodTookItsAddressMeanwhile(string taken, bool expected)
    {
        var site = TestSite.Small();
        var transaction = new ReadTransaction(site.State);
        var body = TestSite.Machine(
            "{'attachedNetworkId':'~c/l3Networks/n6','ipAllocationMethod':'Static','ipv4Address':'10.20.6.40',"
                + "'ipv6Address':'fd20:0:0:606::40','networkAttachmentName':'n6'}"
        );
        var decision = Granted(site.Verbs.Put(site.Request(Probe, TestSite.Body(body)), transaction));

        Assert.Equal(expected, IsTaken(decision, transaction, WithPodLease(site.State, taken)));
    }

    [Fact]
    public void Commits_AMachine_OnlyIfNoPodTookTheAddressThatThePoolPicked()
    {
        var site = TestSite.Small();
        var transaction = new ReadTransaction(site.State);
        var body = TestSite.Machine(
            "{'attachedNetworkId':'~c/l3Networks/n6','ipAllocationMethod':'Dynamic','networkAttachmentName':'n6'}"
        );
        var decision = Granted(site.Verbs.Put(site.Request(Probe, TestSite.Body(body)), transaction));
        var picked = NetworkPool.HoldingsOf(decision.After, TestSite.Id("~c/l3Networks/n6")).Leases.First().Address;

        Assert.False(IsTaken(decision, transaction, WithPodLease(site.State, picked.ToString())));
        Assert.True(IsTaken(decision, transaction, WithPodLease(site.State, "10.20.6.200")));
    }

    /// <summary>Whether a store that is at a state takes a decision.</summary>
    private static bool IsTaken(Decision decision, ReadTransaction transaction, StoreState state) =>
        transaction.ReadSet.IsUnchangedIn(state) && state.TryNext(decision.Mutations) is not null;

    private static Decision Granted(Outcome<Decision> outcome)
    {
        Assert.True(outcome.Refusal is null, outcome.Refusal?.Message);
        return outcome.Value;
    }

    private static StoreState WithPodLease(StoreState state, string address)
    {
        var network = TestSite.Id("~c/l3Networks/n6");
        var holder = new Holder("pod/c1/net1", "pod core/upf-0");
        var lease = new Lease(Address.Parse(address).Value, holder, LeaseMethod.Dynamic, TestSite.Now);
        return state.Next(TestLeases.Put(state, network, lease));
    }
}
