using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using CsCheck;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

/// <summary>A record says of its holder and leases what they were, in memory and on the disk.</summary>
public sealed class HoldingTests
{
    private const string Cluster = "/subscriptions/s/resourceGroups/G/providers/P/kubernetesClusters/East";
    private const string ClusterKey = "/subscriptions/s/resourcegroups/g/providers/p/kubernetesclusters/east";
    private const string Since = "2026-11-22T10:00:00.1234567Z";
    private const byte HasIPv4 = 1;
    private static readonly Holder Machine = new("vm:/v/db", "VM db");
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

    [Theory]
    [InlineData("10.0.0.4 fd00::4", 126)]
    [InlineData("10.0.0.4", 110)]
    [InlineData("fd00::4", 122)]
    public void Packs_APod(string addresses, int most)
    {
        var holder = Pod(Container, "core/upf-0") with { PodUid = Uids[1] };
        ImmutableArray<Lease> leases = [.. addresses.Split(' ').Select(text => Static(text, holder))];
        var holding = Holding.Create(holder, leases);

        Assert.IsType<PodHolding>(holding);
        Assert.InRange(BytesOf(holding).Length, 1, most);
        AssertSame(holding, holder, leases);
    }

    /// <summary>A container's id has 255 bytes at most in the packed form, a name as many characters as fit in that.</summary>
    [Theory]
    [InlineData(255, 85, 85)]
    [InlineData(256, 1, 1)]
    [InlineData(1, 86, 1)]
    [InlineData(1, 1, 86)]
    [InlineData(1, 256, 256)]
    public void Keeps_TextsOfAnyLength(int container, int name, int node)
    {
        var holder = AddressHolders.OfPod(
            Cluster,
            ClusterKey,
            "East",
            new string('x', container),
            new string('€', name),
            "core/upf-0",
            new string('€', node)
        );

        AssertSame(Holding.Create(holder, Leases(holder, Since)), holder, Leases(holder, Since));
    }

    [Theory]
    [InlineData("pod:1", "pod core/upf-0", null)]
    [InlineData("node:/c/nodes/w1#n6", "node East/w1 n6", Cluster)]
    [InlineData("machine:/vm#n6", "virtual machine vm n6", null)]
    [InlineData("pod:/other#c#net1", "pod core/upf-0 net1 in East", Cluster)]
    [InlineData($"pod:{Cluster}#c#net1", "pod core/upf-0 net1 in East on w1", Cluster)]
    [InlineData($"pod:{ClusterKey}#net1", "pod core/upf-0 net1 in East on w1", Cluster)]
    [InlineData($"pod:{ClusterKey}##net1", "pod core/upf-0 net1 in East on w1", Cluster)]
    [InlineData($"pod:{ClusterKey}#c#net1", "pod core/upf-0 net1 in East", Cluster)]
    [InlineData($"pod:{ClusterKey}#c#net1", "pod core/upf-0 net1 in West on w1", Cluster)]
    [InlineData($"pod:{ClusterKey}#c#net1", "pod core/upf-0 net2 in East on w1", Cluster)]
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
            .. new[] { "10.0.0.4", "10.0.0.5", "fd00::4" }.Select(text => Static(text, holder)),
        ];

        AssertSame(Holding.Create(holder, [.. leases.Reverse()]), holder, leases);
        AssertSame(Holding.Create(holder, leases).Without(leases[1].Address)!, holder, leases.RemoveAt(1));
    }

    /// <summary>
    /// A search looks at a million records: what can't be called by the word is passed over, and nothing that is called so.
    /// </summary>
    [Theory]
    [InlineData("upf", true)]
    [InlineData("UPF-0", true)]
    [InlineData("core/upf-0", true)]
    [InlineData("-0", true)]
    [InlineData("w1", true)]
    [InlineData("smf", false)]
    [InlineData("upf-00", false)]
    [InlineData("on w", true)]
    [InlineData("ä", true)]
    public void MayBeCalled_ByWhatStandsInItsName(string word, bool mayBe)
    {
        var known = new Dictionary<HolderPlace, bool>();
        var holding = Holding.Create(Pod("c1", "core/upf-0"), [Static("10.0.0.4", Pod("c1", "core/upf-0"))]);
        Assert.Equal(mayBe, holding.MayBeCalled(word, known));
        Assert.Equal(mayBe, holding.MayBeCalled(word, known));
        Assert.Equal([holding.Place!], known.Keys);
    }

    /// <summary>A pod without a name is called by its container; one that is packed as bytes isn't written out to see.</summary>
    [Theory]
    [InlineData("c1-x", "1-X", true)]
    [InlineData("c1-x", "zz", false)]
    [InlineData("0123456789abcdef", "zz", true)]
    public void MayBeCalled_ByItsContainer_WhereItHasNoName(string container, string word, bool mayBe) =>
        Assert.Equal(
            mayBe,
            Holding.Create(Pod(container, null), [Static("10.0.0.4", Pod(container, null))]).MayBeCalled(word, [])
        );

    [Fact]
    public void Has_ItsAddresses_AndNoOthers()
    {
        var holding = Holding.Create(Pod("c1", null), Leases(Pod("c1", null), Since));
        Assert.True(holding.Has(Address.Parse("10.0.0.4").Value));
        Assert.True(holding.Has(Address.Parse("fd00::4").Value));
        Assert.False(holding.Has(Address.Parse("10.0.0.5").Value));
        Assert.False(holding.Has(Address.Parse("fd00::5").Value));
    }

    [Fact]
    public void Ends_Nothing_WhereNothingWasOrNothingChanged()
    {
        var holding = Holding.Create(Machine, Leases(Machine, Since));
        Assert.Empty(Holding.Ended(null, holding));
        Assert.Empty(Holding.Ended(holding, holding));
    }

    [Fact]
    public void Ends_AllThatAHolderHad_WhereNothingFollows()
    {
        var pod = Holding.Create(Pod("c1", "core/upf-0"), Leases(Pod("c1", "core/upf-0"), Since));
        Assert.Same(pod, Assert.Single(Holding.Ended(pod, null)));
        var machine = Holding.Create(Machine, Leases(Machine, Since));
        Assert.Equal(machine.Leases, Assert.Single(Holding.Ended(machine, null)).Leases);
    }

    [Fact]
    public void Ends_TheAddressesThatAreGivenUp_EachFamilyOnceARecord()
    {
        ImmutableArray<Lease> leases =
        [
            Static("10.0.0.4", Machine),
            Static("10.0.0.5", Machine),
            Static("10.0.0.6", Machine),
            Static("fd00::4", Machine),
        ];
        var next = Holding.Create(Machine, [leases[1]]);
        var ended = Holding.Ended(Holding.Create(Machine, leases), next).ToList();
        Assert.Equal(
            [
                [leases[0], leases[3]],
                [leases[2]],
            ],
            ended.Select(holding => holding.Leases.ToArray())
        );
        // Another's record at the same addresses is no reason to keep them.
        var others = Holding.Create(Pod("c1", null), [Static("10.0.0.4", Pod("c1", null))]);
        Assert.Equal(4, Holding.Ended(Holding.Create(Machine, leases), others).Sum(holding => holding.Leases.Length));
    }

    [Fact]
    public void Ends_OneOfTwoHolders_AndLeavesTheOther()
    {
        var (first, second) = (Pod("c1", "core/a"), Pod("c2", "core/b") with { Joined = "2026-11-22T11:00:00Z" });
        var both = Holding.Create(first, Leases(first, Since)).With(second);
        Assert.Equal([first.Id, second.Id], both.Holders.Select(holder => holder.Id));
        Assert.True(both.IsOf(second.Id));

        var left = both.Without(first.Id)!;
        Assert.Equal([second.Id], left.Holders.Select(holder => holder.Id));
        Assert.All(left.Leases, lease => Assert.Equal("2026-11-22T11:00:00Z", lease.Since));
        Assert.Null(left.Without(second.Id));

        var ended = Assert.Single(Holding.Ended(both, left));
        Assert.Equal((first.Id, Since), (ended.Holder.Id, ended.Leases[0].Since));
    }

    [Fact]
    public void Throws_WhereItIsAskedForTheLeaseOfAnothersAddress()
    {
        var holder = new Holder("machine:/vm#n6", "virtual machine vm n6");
        var holding = Holding.Create(holder, Leases(holder, Since));

        Assert.Equal("fd00::4", holding.LeaseOf(Address.Parse("fd00::4").Value).Address.ToString());
        Assert.Throws<ArgumentException>(() => holding.LeaseOf(Address.Parse("10.0.0.5").Value));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(16_383)]
    [InlineData(16_384)]
    [InlineData(1 << 28)]
    [InlineData(int.MaxValue)]
    public void Keeps_TheNumbersOfNetworkAndCluster(int number)
    {
        var holder = Pod(Container, null);
        var bytes = new ArrayBufferWriter<byte>();
        HoldingFormat.Write(bytes, Holding.Create(holder, Leases(holder, Since)), number, _ => number);

        var (network, read) = HoldingFormat.Read(bytes.WrittenSpan, asked => asked == number ? Cluster : null);

        Assert.Equal((number, Cluster), (network, read.Place?.Cluster));
    }

    /// <summary>What has the right checksum may still be written by another program: a fault of the store, said as such.</summary>
    [Theory]
    [InlineData("81 80 80 80 80 00", HasIPv4, 1, 4, 2)]
    [InlineData("80 80 80 80 08", HasIPv4, 1, 4, 2)]
    [InlineData("07", 0, 1, 4, 2)]
    [InlineData("07", HasIPv4, 256, 4, 2)]
    [InlineData("07", HasIPv4, 1, 256, 2)]
    [InlineData("07", HasIPv4, 1, 4, 256)]
    public void Refuses_ARecordThatNobodyWrites(string network, byte traits, int container, int name, int node)
    {
        Assert.Equal(4, HoldingFormat.Read(Packed("04", HasIPv4, 255, 255, 255), _ => Cluster).Network);
        var bytes = Packed(network, traits, container, name, node);
        Assert.Throws<FormatException>(() => HoldingFormat.Read(bytes, _ => Cluster));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("[7]")]
    [InlineData("[{}]")]
    public void Refuses_DocumentsThatAreNoLeases(string json) =>
        Assert.Throws<FormatException>(() => HoldingFormat.Read([0, 4, .. Encoding.UTF8.GetBytes(json)], _ => Cluster));

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

    /// <summary>A record of a pod by the table of docs/specs/store.md: its texts by their lengths, its network as bytes.</summary>
    private static byte[] Packed(string network, byte traits, int container, int name, int node) =>
        [
            1,
            .. Convert.FromHexString(network.Replace(" ", "", StringComparison.Ordinal)),
            7,
            traits,
            .. Text(container),
            .. Text(name),
            .. Text(0),
            1,
            .. Text(node),
            .. new byte[8],
            .. (traits & HasIPv4) == 0 ? [] : new byte[] { 10, 0, 0, 4 },
        ];

    private static byte[] Text(int length) =>
        [.. length < 128 ? [(byte)length] : new[] { (byte)(length | 128), (byte)(length >> 7) }, .. new byte[length]];

    private static Lease Static(string address, Holder holder) =>
        new(Address.Parse(address).Value, holder, LeaseMethod.Static, Since);

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
