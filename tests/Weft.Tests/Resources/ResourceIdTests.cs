using Weft.Resources;

namespace Weft.Tests.Resources;

public sealed class ResourceIdTests
{
    private const string Group = "/subscriptions/S/resourceGroups/G";
    private const string Cluster = Group + "/providers/Microsoft.NetworkCloud/kubernetesClusters/C1";

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("subscriptions")]
    [InlineData("/subscriptions")]
    [InlineData("/subscriptions/")]
    [InlineData("//subscriptions/S")]
    [InlineData("/subscriptions/S/")]
    [InlineData("/subscriptions//resourceGroups/G")]
    [InlineData("/subscriptions/S/resourceGroups")]
    [InlineData("/subscriptions/S/resourceGroups/")]
    [InlineData("/subscriptions/S/resourceGroups/G/")]
    [InlineData("/subscriptions/S/groups/G")]
    [InlineData("/subscriptions/S/groups/N/t/a")]
    [InlineData("/resourceGroups/G")]
    [InlineData("/subscriptions/S/resourceGroups/G/providers")]
    [InlineData("/subscriptions/S/resourceGroups/G/providers/N")]
    [InlineData("/subscriptions/S/resourceGroups/G/providers/N/t")]
    [InlineData("/subscriptions/S/resourceGroups/G/providers/N/t/a/c")]
    [InlineData("/subscriptions/S/resourceGroups/G/providers/N/providers/M/t/a")]
    [InlineData("/subscriptions/S/resourceGroups/G/providers/N/t/a/providers")]
    [InlineData("/subscriptions/S/resourceGroups/G/providers/N/t/a/")]
    [InlineData("/subscriptions/S/resourceGroups/G/providers/N/t/a?b")]
    [InlineData("/subscriptions/S/resourceGroups/G/providers/N/t/a#b")]
    [InlineData("/subscriptions/S/resourceGroups/G/providers/N/t/a%2fb")]
    [InlineData("/subscriptions/S/resourceGroups/G/providers/N/t/a b")]
    [InlineData("/subscriptions/S/resourceGroups/G/providers/N/t/a\n")]
    [InlineData("/subscriptions/S/resourceGroups/G/providers/N/t/a/providers/M")]
    [InlineData("/subscriptions/S/resourceGroups/G/providers/N/t/a/providers/M/u")]
    [InlineData("https://host/subscriptions/S")]
    [InlineData("n6")]
    public void Refuses_TextThatIsNoId(string text)
    {
        Assert.False(ResourceId.TryParse(text, out _), text);
        var refusal = ResourceId.Parse(text, "properties.x").Refusal!;
        Assert.Equal((RefusalCode.InvalidResourceId, "properties.x"), (refusal.Code, refusal.Target));
        Assert.Contains($"'{text}'", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/subscriptions/S", "Microsoft.Resources/subscriptions", "S")]
    [InlineData(Group, "Microsoft.Resources/resourceGroups", "G")]
    [InlineData(Cluster, "Microsoft.NetworkCloud/kubernetesClusters", "C1")]
    [InlineData(Cluster + "/agentPools/P", "Microsoft.NetworkCloud/kubernetesClusters/agentPools", "P")]
    [InlineData(Cluster + "/providers/Weft.Fleet/nodes/N", "Weft.Fleet/nodes", "N")]
    [InlineData(Cluster + "/agentPools/P/providers/Weft.Fleet/nodes/N", "Weft.Fleet/nodes", "N")]
    [InlineData("/subscriptions/S/providers/Microsoft.X/y/Z", "Microsoft.X/y", "Z")]
    [InlineData(Group + "/providers/N/t/providers", "N/t", "providers")]
    public void Reads_TypeAndName(string text, string type, string name)
    {
        var id = ResourceId.Parse(text).Value;
        Assert.Equal((type, name, text), (id.Type.ToString(), id.Name, id.ToString()));
        Assert.Equal("S", id.Subscription);
    }

    [Fact]
    public void Compares_WithoutRegardToCase_AndKeepsTheSpelling()
    {
        var shouted = ResourceId.Parse(Cluster.ToUpperInvariant()).Value;
        var id = ResourceId.Parse(Cluster).Value;
        Assert.Equal(id, shouted);
        Assert.Equal(id.GetHashCode(), shouted.GetHashCode());
        Assert.Equal(id.Type, shouted.Type);
        Assert.Equal(id.Type.GetHashCode(), shouted.Type.GetHashCode());
        Assert.Equal("C1", id.Name);
        Assert.Equal(StoreKey.ForResource(id), StoreKey.ForResource(shouted));
        Assert.NotEqual(id, ResourceId.Parse(Cluster + "x").Value);
    }

    [Fact]
    public void Reads_IdWithoutLeadingSlash() =>
        Assert.Equal(ResourceId.Parse(Cluster).Value, ResourceId.Parse(Cluster[1..]).Value);

    [Fact]
    public void Returns_ItsParents()
    {
        var node = ResourceId.Parse(Cluster + "/providers/Weft.Fleet/nodes/N").Value;
        Assert.Equal(Cluster, node.Parent!.ToString());
        Assert.Equal(Group, node.Parent.Parent!.ToString());
        Assert.Equal("/subscriptions/S", node.Parent.Parent.Parent!.ToString());
        Assert.Null(node.Parent.Parent.Parent.Parent);
        Assert.Equal("G", node.ResourceGroup);
        Assert.True(node.IsExtension);
        Assert.False(ResourceId.Parse(Cluster + "/agentPools/P").Value.IsExtension);
        Assert.False(ResourceId.Parse(Cluster).Value.IsExtension);
        Assert.Null(ResourceId.Parse("/subscriptions/S/providers/N/t/a").Value.ResourceGroup);
    }

    [Fact]
    public void Builds_TheIdsThatItParses()
    {
        var cluster = ResourceId
            .ForResourceGroup("S", "G")
            .Extend(new ResourceType("Microsoft.NetworkCloud", "kubernetesClusters"), "C1");
        Assert.Equal(ResourceId.Parse(Cluster).Value, cluster);
        Assert.Equal(ResourceId.Parse(Cluster + "/agentPools/P").Value, cluster.Child("agentPools", "P"));
        Assert.Equal(
            "Microsoft.NetworkCloud/kubernetesClusters/agentPools",
            cluster.Child("agentPools", "P").Type.ToString()
        );
    }

    [Theory]
    [InlineData(Cluster + "/agentPools/P", true)]
    [InlineData(Cluster, false)]
    [InlineData(Cluster + "0", false)]
    [InlineData(Group, false)]
    public void Reports_WhatStandsUnderIt(string text, bool under) =>
        Assert.Equal(under, ResourceId.Parse(text).Value.IsUnder(ResourceId.Parse(Cluster.ToUpperInvariant()).Value));

    [Fact]
    public void Reads_NoIdWhereThereIsNone()
    {
        Assert.False(ResourceId.TryParse(null, out var id));
        Assert.Null(id);
    }

    [Theory]
    [InlineData("Weft.Fleet/nodes", "Weft.Fleet", "nodes", "nodes")]
    [InlineData("N/clusters/agentPools", "N", "clusters/agentPools", "agentPools")]
    public void Reads_AType(string text, string provider, string path, string leaf)
    {
        var type = ResourceType.Parse(text);
        Assert.Equal((provider, path, leaf), (type.Namespace, type.Path, type.Leaf));
        Assert.Equal(text, type.ToString());
    }

    [Theory]
    [InlineData("nothing")]
    [InlineData("/x")]
    public void Throws_WhereATypeHasNoNamespace(string text) =>
        Assert.Throws<FormatException>(() => ResourceType.Parse(text));
}
