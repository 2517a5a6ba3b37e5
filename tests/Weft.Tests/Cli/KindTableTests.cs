using Weft.Cli;
using Weft.Cli.Kinds;
using Weft.Resources;

namespace Weft.Tests.Cli;

public sealed class KindTableTests
{
    [Theory]
    [InlineData("l3networks", "l3networks")]
    [InlineData("L3Network", "l3networks")]
    [InlineData("l3n", "l3networks")]
    [InlineData("nf", "networkfabrics")]
    [InlineData("VMs", "virtualmachines")]
    [InlineData("k8s", "kubernetesclusters")]
    [InlineData("csn", "cloudservicesnetworks")]
    [InlineData("l2isd", "l2isolationdomains")]
    [InlineData("group", "resourcegroups")]
    [InlineData("microsoft.networkcloud/KUBERNETESCLUSTERS/agentpools", "agentpools")]
    public void Finds_Kind_ByAnyOfItsNames(string text, string plural) => Assert.Equal(plural, KindTable.Need(text).Plural);

    [Theory]
    [InlineData("l3netwrk", "did you mean l3networks or l2networks?")]
    [InlineData("agnets", "did you mean agents?")]
    [InlineData("isolation", "did you mean l2isolationdomains or l3isolationdomains?")]
    public void Names_NearKinds_OfUnknownOne(string text, string next)
    {
        var complaint = Assert.Throws<Complaint>(() => KindTable.Need(text));
        Assert.Equal((64, next), (complaint.Exit, complaint.Next));
    }

    [Fact]
    public void Names_AllKinds_WhereNoneIsNear() =>
        Assert.StartsWith("kinds: resourcegroups, networkfabrics, ", Assert.Throws<Complaint>(() => KindTable.Need("zzz")).Next, StringComparison.Ordinal);

    [Fact]
    public void Gives_NoNameTwice()
    {
        var names = KindTable.All.SelectMany(kind => kind.Names).Select(name => name.ToLowerInvariant()).ToList();
        Assert.Equal(names.Count, names.Distinct().Count());
    }

    [Fact]
    public void Lists_Kinds_WhereTheServerHasThem()
    {
        var group = ResourceId.OfResourceGroup("s", "g");
        var cluster = KindTable.KubernetesClusters.IdOf(group, "c");
        Assert.Equal("/subscriptions/s/resourceGroups", KindTable.Groups.ListIn(ResourceId.OfSubscription("s")));
        Assert.Equal("/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud/l3Networks", KindTable.L3Networks.ListIn(group));
        Assert.Equal($"{cluster}/agentPools", KindTable.Need("agentpools").ListIn(cluster));
        Assert.Equal($"{cluster}/providers/Weft.Fleet/nodes", KindTable.Need("nodes").ListIn(cluster));
        Assert.Equal($"{cluster}/providers/Weft.Fleet/agents/w1", KindTable.Need("agents").IdOf(cluster, "w1").ToString());
    }

    [Fact]
    public void Labels_Children_WithTheirParents()
    {
        var cluster = KindTable.KubernetesClusters.IdOf(ResourceId.OfResourceGroup("s", "g"), "c");
        Assert.Equal("agentpools/c/p", Label.Of(cluster.Child("agentPools", "p")));
        Assert.Equal("agents/c/w1", Label.Of(KindTable.Need("agents").IdOf(cluster, "w1")));
        Assert.Equal("resourcegroups/g", Label.Of("/subscriptions/s/resourceGroups/g"));
        Assert.Equal("properties.vlan", Label.Of("properties.vlan"));
    }
}
