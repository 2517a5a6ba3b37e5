using Weft.Addressing;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Tests.Server.Leases;

/// <summary>Owners that come again, and two pods that hold one address while a machine moves.</summary>
public sealed class ClaimTests
{
    private const string Sticky =
        "'choice':'Lowest','coolDownSeconds':5,'stickyPods':['core/upf-*'],'stickySeconds':600";

    [Fact]
    public async Task Keeps_AnAddress_ForTheOrdinalThatComesAgain()
    {
        await using var site = await AllocatorSite.Create(Sticky);
        Assert.Equal("10.20.6.4", await site.Acquire("a", "core/upf-0"));
        Assert.Equal("10.20.6.5", await site.Acquire("b", "core/smf-0"));
        await site.Release("a");
        await site.Release("b");
        site.Time.Advance(TimeSpan.FromSeconds(300));

        Assert.Equal("10.20.6.5", await site.Acquire("c", "core/upf-1"));
        Assert.Equal(1, site.Usage.Sticky);
        Assert.Equal("10.20.6.4", await site.Acquire("d", "core/upf-0"));
        Assert.Equal(0, site.Usage.Sticky);
    }

    [Fact]
    public async Task Keeps_ItFromEverybodyElse_UntilItsTimeIsUp()
    {
        await using var site = await AllocatorSite.Create(
            "'ranges':['10.20.6.4'],'stickyPods':['core/upf-*'],'stickySeconds':600"
        );
        await site.Acquire("a", "core/upf-0");
        await site.Release("a");
        site.Time.Advance(TimeSpan.FromSeconds(599));

        var refusal = await site.Refused("b", "core/smf-0");
        Assert.Contains("1 are kept for named pods", refusal.Message, StringComparison.Ordinal);
        Assert.Equal("AddressHeld", await site.Acquire("b", "core/smf-0", wanted: "10.20.6.4"));

        site.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("10.20.6.4", await site.Acquire("b", "core/smf-0"));
    }

    [Fact]
    public async Task Forgets_WhatItKeeps_WhenThePoolSaysNothingOfItAnyMore()
    {
        await using var site = await AllocatorSite.Create(Sticky);
        await site.Acquire("a", "core/upf-0");
        await site.Release("a");
        site.Time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal("10.20.6.5", await site.Acquire("b"));

        await site.Declare("'choice':'Lowest'");

        Assert.Equal("10.20.6.4", await site.Acquire("c"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Hands_AnAddressOver_AndFreesItWhenTheLastHasEnded(bool sourceFirst)
    {
        await using var site = await AllocatorSite.Create("'choice':'Lowest','claims':['vms/virt-launcher-*-?????']");
        Assert.Equal("10.20.6.4", await site.Acquire("s", "vms/virt-launcher-db-aaaaa"));
        Assert.Equal("10.20.6.4", await site.Acquire("t", "vms/virt-launcher-db-bbbbb", node: "w2"));
        Assert.Equal("10.20.6.4", await site.Acquire("t", "vms/virt-launcher-db-bbbbb", node: "w2"));
        Assert.Equal(1, site.Holdings.Count(AddressFamily.IPv4));
        Assert.Equal(2, site.Holdings.Counts.OfNode(AllocatorSite.Cluster.ToString(), "w2").Total);
        var both = site.Holdings.LeaseOf(Address.Parse("10.20.6.4").Value)!.Holder.TextOfAll;
        Assert.Contains(
            "aaaaa net1 in k1 on w1 and pod vms/virt-launcher-db-bbbbb net1 in k1 on w2",
            both,
            StringComparison.Ordinal
        );

        await site.Release(sourceFirst ? "s" : "t");

        var left = site.Holdings.All.Single();
        Assert.Equal(sourceFirst ? "w2" : "w1", left.Node);
        Assert.Equal("10.20.6.5", await site.Acquire("x"));
        Assert.Equal(0, site.Usage.Cooling);
        await site.Release(sourceFirst ? "s" : "t");
        Assert.Equal("10.20.6.4", await site.Acquire(sourceFirst ? "t" : "s"));

        await site.Release(sourceFirst ? "t" : "s");

        Assert.Null(site.Holdings.At(Address.Parse("10.20.6.4").Value));
        Assert.Equal("10.20.6.6", await site.Acquire("y"));
        Assert.Equal("10.20.6.4", await site.Acquire("z", "vms/virt-launcher-db-ccccc"));
    }

    [Fact]
    public async Task Shares_WithNobodyOfAnotherClaim()
    {
        await using var site = await AllocatorSite.Create("'choice':'Lowest'");
        Assert.Equal("10.20.6.4", await site.Acquire("a", "vms/a", "vms/db"));
        Assert.Equal("10.20.6.5", await site.Acquire("b", "other/a", "other/db"));
        Assert.Equal("AddressHeld", await site.Acquire("c", "vms/c", wanted: "10.20.6.4"));
        Assert.Equal("AddressHeld", await site.Acquire("c", "vms/c", "vms/db", wanted: "10.20.6.9"));
        Assert.Equal("10.20.6.4", await site.Acquire("c", "vms/c", "vms/db", wanted: "10.20.6.4"));
        foreach (var container in (string[])["d", "e"])
            Assert.Equal("10.20.6.4", await site.Acquire(container, $"vms/{container}", "vms/db"));
        Assert.Equal("AddressHeld", await site.Acquire("f", "vms/f", "vms/db"));
    }

    /// <summary>Each is looked at by itself when the lost are taken back.</summary>
    [Fact]
    public async Task Shows_EachHolder_ByItself()
    {
        await using var site = await AllocatorSite.Create();
        await site.Acquire("s", "vms/a", "vms/db");
        site.Time.Advance(TimeSpan.FromMinutes(10));
        await site.Acquire("t", "vms/b", "vms/db", node: "w2");

        var held = Weft.Fleet.Reclaim.HeldAddresses.In(site.Store.Current, AllocatorSite.Network);

        Assert.Equal(["s", "t"], held.Select(item => item.ContainerId).Order(StringComparer.Ordinal));
        Assert.Equal(
            TimeSpan.FromMinutes(10),
            held.Single(h => h.ContainerId == "t").Since - held.Single(h => h.ContainerId == "s").Since
        );
        Mutation[] changes =
        [
            .. NetworkPool.RemoveHolder(
                site.Store.Current,
                AllocatorSite.Network.Key,
                held.Single(h => h.ContainerId == "s").Holder.Id
            ),
        ];
        Assert.NotNull(await site.Store.Commit(ReadSet.Empty, changes, CancellationToken.None));
        Assert.Equal("t", AddressClaims.PodInterfaceOf(site.Holdings.All.Single().Holder)!.Value.ContainerId);
    }
}
