using System.Collections.Immutable;
using Weft.Cli;
using Weft.Cli.Kinds;
using Weft.Resources;
using Weft.Storage;

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
    public void Finds_Kind_ByAnyOfItsNames(string text, string plural) =>
        Assert.Equal(plural, KindTable.Require(text).Plural);

    [Theory]
    [InlineData("l3netwrk", "did you mean l3networks or l2networks?")]
    [InlineData("agnets", "did you mean agents?")]
    [InlineData("isolation", "did you mean l2isolationdomains or l3isolationdomains?")]
    public void Names_NearKinds_OfUnknownOne(string text, string next)
    {
        var cliError = Assert.Throws<CliError>(() => KindTable.Require(text));
        Assert.Equal((64, next), (cliError.Exit, cliError.NextStep));
    }

    [Fact]
    public void Names_AllKinds_WhereNoneIsNear() =>
        Assert.StartsWith(
            "kinds: resourcegroups, networkfabrics, ",
            Assert.Throws<CliError>(() => KindTable.Require("zzz")).NextStep,
            StringComparison.Ordinal
        );

    [Fact]
    public void Gives_NoNameTwice()
    {
        var names = KindTable.All.SelectMany(kind => kind.Names).Select(name => name.ToLowerInvariant()).ToList();
        Assert.Equal(names.Count, names.Distinct().Count());
    }

    [Fact]
    public void Lists_Kinds_WhereTheServerHasThem()
    {
        var group = ResourceId.ForResourceGroup("s", "g");
        var cluster = KindTable.KubernetesClusters.IdOf(group, "c");
        Assert.Equal("/subscriptions/s/resourceGroups", KindTable.Groups.ListPath(ResourceId.ForSubscription("s")));
        Assert.Equal(
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud/l3Networks",
            KindTable.L3Networks.ListPath(group)
        );
        Assert.Equal($"{cluster}/agentPools", KindTable.Require("agentpools").ListPath(cluster));
        Assert.Equal($"{cluster}/providers/Weft.Fleet/nodes", KindTable.Require("nodes").ListPath(cluster));
        Assert.Equal(
            $"{cluster}/providers/Weft.Fleet/agents/w1",
            KindTable.Require("agents").IdOf(cluster, "w1").ToString()
        );
    }

    [Fact]
    public void Labels_Children_WithTheirParents()
    {
        var cluster = KindTable.KubernetesClusters.IdOf(ResourceId.ForResourceGroup("s", "g"), "c");
        Assert.Equal("agentpools/c/p", Label.For(cluster.Child("agentPools", "p")));
        Assert.Equal("agents/c/w1", Label.For(KindTable.Require("agents").IdOf(cluster, "w1")));
        Assert.Equal("resourcegroups/g", Label.For("/subscriptions/s/resourceGroups/g"));
        Assert.Equal("properties.vlan", Label.For("properties.vlan"));
    }

    [Fact]
    public void Knows_Kind_ThatDeclaresItself()
    {
        var index = new KindIndex([.. AllKinds.List.All, new Gateway()]);
        var kind = index.Find("gateways");
        Assert.NotNull(kind);
        Assert.All(
            ["gateway", "GW", "Microsoft.NetworkCloud/l3Networks/gateways"],
            name => Assert.Same(kind, index.Find(name))
        );
        Assert.Equal(
            ("2026-11-01", "l3networks", "network"),
            (kind.ApiVersion, kind.Parent!.Plural, kind.ParentOption)
        );
        Assert.Equal(["NAME", "NETWORK", "STATUS", "AGE"], kind.Columns.Select(column => column.Header));
        Assert.True(index.Rank(kind.Parent.Type) < index.Rank(kind.Type));
    }

    [Fact]
    public void Keeps_Place_OfKindThatIsDeclaredBetweenOthers()
    {
        var declared = AllKinds.List.All;
        var place = declared.IndexOf(declared.First(kind => kind.Type == KindTable.L3Networks.Type)) + 1;
        var plurals = new KindIndex(declared.Insert(place, new Gateway())).All.Select(kind => kind.Plural).ToList();
        Assert.Equal("l3networks", plurals[plurals.IndexOf("gateways") - 1]);
        Assert.Equal(KindTable.All.Select(kind => kind.Plural), plurals.Where(plural => plural != "gateways"));
    }

    /// <summary>A kind of which nothing but its own declaration speaks.</summary>
    private sealed class Gateway : ResourceKind
    {
        public override ResourceType Type => new("Microsoft.NetworkCloud", "l3Networks/gateways");

        public override string Noun => "network gateway";

        public override ImmutableArray<string> ShortNames => ["gw"];

        public override ImmutableArray<string> ApiVersions => ["2026-10-01", "2026-11-01", "2026-12-01-preview"];

        public override Schema Schema { get; } = Proxy();
    }
}
