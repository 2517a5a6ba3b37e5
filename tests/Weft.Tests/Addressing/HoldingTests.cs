using System.Buffers;
using System.Collections.Immutable;
using CsCheck;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

/// <summary>A record says of its holder and leases what they were, in memory and on the disk.</summary>
public sealed class HoldingTests
{
    private const string Cluster = "/subscriptions/s/resourceGroups/G/providers/P/kubernetesClusters/East";
    private const string Since = "2026-11-22T10:00:00.1234567Z";
    private static readonly string Container = string.Concat(Enumerable.Repeat("0123456789abcdef", 4));

    private static readonly string[] SomeTexts =
    [
        "",
        "a",
        "net1",
        "core/upf-0",
        "W1.example",
        "äöü",
        "x in y on z",
        Container,
        Container.ToUpperInvariant(),
        "abc",
        new string('x', 300),
    ];

    private static readonly string?[] Uids =
    [
        null,
        "0d9e8f7a-1111-4222-8333-00000000000a",
        "0D9E8F7A-1111-4222-8333-00000000000A",
        "{0d9e8f7a-1111-4222-8333-00000000000a}",
        "its-uid",
    ];

    private static readonly Gen<string> Texts = Gen.Int[0, SomeTexts.Length - 1].Select(i => SomeTexts[i]);

    [Fact]
    public void Says_WhatItWasMadeOf() =>
        Gen.Select(Texts, Texts, Texts, Texts, Gen.Int[0, 7], Gen.Int[0, Uids.Length - 1])
            .Sample(
                (container, name, pod, node, what, uid) =>
                {
                    var holder = AddressHolders.OfPod(
                        Cluster,
                        Cluster.ToLowerInvariant(),
                        "East",
                        container,
                        name,
                        (what & 1) == 0 ? pod : null,
                        (what & 2) == 0 ? node : null
                    ) with
                    {
                        PodUid = Uids[uid],
                    };
                    var leases = Leases(holder, (what & 4) == 0 ? Since : "once");
                    AssertSame(Holding.Create(holder, leases), holder, leases);
                }
            );

    [Fact]
    public void Packs_APod()
    {
        var holder = Pod(Container, "core/upf-0") with { PodUid = Uids[1] };
        var holding = Holding.Create(holder, Leases(holder, Since));

        Assert.IsType<PodHolding>(holding);
        Assert.InRange(BytesOf(holding).Length, 1, 126);
    }

    [Theory]
    [InlineData("pod:1", "pod core/upf-0", null)]
    [InlineData("node:/c/nodes/w1#n6", "node East/w1 n6", Cluster)]
    [InlineData("machine:/vm#n6", "virtual machine vm n6", null)]
    [InlineData("pod:/other#c#net1", "pod core/upf-0 net1 in East", Cluster)]
    public void Keeps_WhatIsNoPodOfItsCluster(string id, string text, string? cluster)
    {
        var holder = new Holder(id, text) { Cluster = cluster, Node = "w1" };
        var leases = Leases(holder, Since);

        var holding = Holding.Create(holder, leases);

        Assert.IsType<OtherHolding>(holding);
        AssertSame(holding, holder, leases);
    }

    [Fact]
    public void Keeps_SeveralAddressesOfOneFamily()
    {
        var holder = Pod(Container, null);
        ImmutableArray<Lease> leases =
        [
            .. new[] { "10.0.0.4", "10.0.0.5", "fd00::4" }.Select(text => new Lease(
                Address.Parse(text).Value,
                holder,
                LeaseMethod.Static,
                Since
            )),
        ];

        AssertSame(Holding.Create(holder, [.. leases.Reverse()]), holder, leases);
        AssertSame(Holding.Create(holder, leases).Without(leases[1].Address)!, holder, leases.RemoveAt(1));
    }

    [Fact]
    public void Refuses_BytesThatItDidNotWrite()
    {
        var holder = Pod(Container, "core/upf-0") with { PodUid = Uids[1] };
        var bytes = BytesOf(Holding.Create(holder, Leases(holder, Since)));
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<FormatException>(() => HoldingFormat.Read(bytes.AsSpan(0, length), _ => Cluster));
        Assert.Throws<FormatException>(() => HoldingFormat.Read([.. bytes, 0], _ => Cluster));
        Assert.Throws<FormatException>(() => HoldingFormat.Read(bytes, _ => null));
        Assert.Throws<FormatException>(() => HoldingFormat.Read([2, 1], _ => Cluster));
    }

    private static Holder Pod(string container, string? pod) =>
        AddressHolders.OfPod(Cluster, Cluster.ToLowerInvariant(), "East", container, "net1", pod, "w1");

    private static ImmutableArray<Lease> Leases(Holder holder, string since) =>
        [
            new Lease(Address.Parse("10.0.0.4").Value, holder, LeaseMethod.Dynamic, since),
            new Lease(Address.Parse("fd00::4").Value, holder, LeaseMethod.Static, since),
        ];

    private static byte[] BytesOf(Holding holding)
    {
        var bytes = new ArrayBufferWriter<byte>();
        HoldingFormat.Write(bytes, holding, 300, _ => 7);
        return bytes.WrittenSpan.ToArray();
    }

    private static void AssertSame(Holding holding, Holder holder, ImmutableArray<Lease> leases)
    {
        var (network, read) = HoldingFormat.Read(BytesOf(holding), number => number == 7 ? Cluster : null);
        Assert.Equal(300, network);
        foreach (var each in new[] { holding, read })
        {
            Assert.Equal(holder, each.Holder);
            Assert.Equal(leases, each.Leases);
            Assert.True(each.IsOf(holder.Id));
            Assert.False(each.IsOf(holder.Id + "x"));
            Assert.Equal(Holding.HashOf(holder.Id), each.Hash);
            Assert.Equal(holder.Cluster, each.Place?.Cluster);
            Assert.Equal(holder.Cluster is null ? null : holder.Node, each.Place?.Node);
            Assert.Equal(leases[0], each.LeaseOf(leases[0].Address));
        }
    }
}
