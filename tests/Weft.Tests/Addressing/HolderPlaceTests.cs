using Weft.Addressing;

namespace Weft.Tests.Addressing;

/// <summary>What the holders of a cluster, a node and an interface have in common.</summary>
public sealed class HolderPlaceTests
{
    private const string Cluster = "/subscriptions/s/resourceGroups/G/providers/P/kubernetesClusters/East";

    /// <summary>Names that people see, and the words between them: <c>pod core/upf-0 net1 in East on W1</c>.</summary>
    [Theory]
    [InlineData("East", true)]
    [InlineData("eAs", true)]
    [InlineData("NET1", true)]
    [InlineData("w1.", true)]
    [InlineData("example", true)]
    [InlineData("pod", true)]
    [InlineData(" in ", true)]
    [InlineData("resourceGroups", false)]
    [InlineData("west", false)]
    [InlineData("net2", false)]
    [InlineData("w2", false)]
    public void Has_TheWordsThatPeopleSee(string word, bool has) =>
        Assert.Equal(has, new HolderPlace(Cluster, "W1.example", "net1").HasWord(word));

    [Theory]
    [InlineData("east", true)]
    [InlineData("w1", false)]
    public void Has_NoNode_WhereThatIsNotKnown(string word, bool has) =>
        Assert.Equal(has, new HolderPlace(Cluster, null, "net1").HasWord(word));

    [Fact]
    public void Counts_OneNode_HoweverItIsWritten()
    {
        var place = new HolderPlace(Cluster, "W1.example", "net1");
        var other = new HolderPlace(Cluster.ToUpperInvariant(), "w1.EXAMPLE", "net2");

        Assert.Equal((place.ClusterHash, place.NodeHash), (other.ClusterHash, other.NodeHash));
        Assert.Equal(HolderPlace.HashOf("w1.example"), place.NodeHash);
        Assert.NotEqual(new HolderPlace(Cluster, "w2.example", "net1").NodeHash, place.NodeHash);
        Assert.Equal(0UL, new HolderPlace(Cluster, null, "net1").NodeHash);
    }

    [Fact]
    public void Shares_OnePlace_AmongAllThatAreThere()
    {
        var place = HolderPlace.Shared(Cluster, "w-shared", "net1");

        Assert.Equal(new HolderPlace(Cluster, "w-shared", "net1"), place);
        Assert.Same(place, HolderPlace.Shared(Cluster, "w-shared", "net1"));
        Assert.Equal(Cluster + "2", HolderPlace.Shared(Cluster + "2", "w-shared", "net1").Cluster);
        Assert.Equal("", HolderPlace.Shared(Cluster, "", "net1").Node);
        Assert.Null(HolderPlace.Shared(Cluster, null, "net1").Node);
    }
}
