using System.Text.Json.Nodes;
using CsCheck;
using Weft.Resources;

namespace Weft.Tests.Resources;

public sealed class ApplyOrderTests
{
    [Fact]
    public void Orders_AnyPermutationOfASiteSoThatItApplies()
    {
        var documents = Examples.Documents();
        Gen.Shuffle(Enumerable.Range(0, documents.Count).ToArray())
            .Sample(
                places =>
                {
                    var steps = ApplyOrder.Sort([.. places.Select(i => documents[i])]).Value;
                    Assert.Equal(documents.Count + 3, steps.Length);
                    Assert.All(
                        steps.Select((s, i) => (s, i)),
                        step => Assert.All(step.s.DependsOn, earlier => Assert.True(earlier < step.i))
                    );
                    _ = new TestSite().Apply([.. places.Select(i => documents[i])]);
                },
                iter: 20
            );
    }

    [Fact]
    public void Orders_NewInternalNetworkBeforeTheNetworkOnIt_WhereTheDomainIsAppliedAlready()
    {
        JsonObject[] documents =
        [
            Document("~c/l3Networks/n9", "'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':609"),
            Document("~f/l3IsolationDomains/user/internalNetworks/net9", "'vlanId':609"),
        ];
        Assert.Equal(["net9", "n9"], ApplyOrder.Sort(documents).Value.Select(s => s.Id.Name));
    }

    [Fact]
    public void Enables_ADomainBehindItsInternalNetworks_AndBeforeItsUsers()
    {
        JsonObject[] documents =
        [
            Document("~c/l3Networks/n9", "'l3IsolationDomainId':'~f/l3IsolationDomains/d9','vlan':609"),
            Document("~f/l3IsolationDomains/d9", "'administrativeState':'Enabled'"),
            Document("~f/l3IsolationDomains/d9/internalNetworks/net9", "'vlanId':609"),
        ];
        var steps = ApplyOrder.Sort(documents).Value;
        Assert.Equal(
            [("d9", false), ("net9", false), ("d9", true), ("n9", false)],
            steps.Select(s => (s.Id.Name, s.IsEnabling))
        );
        Assert.Null(steps[0].Body!["properties"]!["administrativeState"]);
        Assert.Equal([0, 1], steps[2].DependsOn);
        Assert.Equal([0, 1, 2], steps[3].DependsOn);
    }

    [Theory]
    [InlineData("~f/l3IsolationDomains/d9", "'administrativeState':'enabled'", true)]
    [InlineData("~f/l2IsolationDomains/d9", "'administrativeState':'Enabled'", true)]
    [InlineData("~f/l3IsolationDomains/d9", "'administrativeState':'Disabled'", false)]
    [InlineData("~f/l3IsolationDomains/d9", "'description':'Enabled'", false)]
    [InlineData("~f/l3IsolationDomains/d9/internalNetworks/net9", "'administrativeState':'Enabled'", false)]
    public void Enables_DomainsAlone_ThatAskForIt(string id, string properties, bool enables) =>
        Assert.Equal(enables, ApplyOrder.Sort([Document(id, properties)]).Value.Any(step => step.IsEnabling));

    /// <summary>A node names its pool by name, not by id.</summary>
    [Fact]
    public void Orders_AnExtensionBehindTheChildrenOfWhatItExtends()
    {
        JsonObject[] documents =
        [
            Document(TestSite.NodeId("w1"), "'agentPool':'more'"),
            Document("~c/kubernetesClusters/k1/agentPools/more", "'count':1"),
        ];
        Assert.Equal(["more", "w1"], ApplyOrder.Sort(documents).Value.Select(s => s.Id.Name));
    }

    /// <summary>A pool keeps addresses for machines that stand on its network: to need it would be a circle.</summary>
    [Fact]
    public void Orders_AMachineBeforeThePoolThatKeepsAddressesForIt()
    {
        JsonObject[] documents =
        [
            Document(
                "~c/l3Networks/n6/providers/Weft.Ipam/pools/default",
                "'reservations':[{'name':'vm','for':'~c/virtualMachines/vm1'}]"
            ),
            Document("~c/virtualMachines/vm1", "'networkAttachments':[{'attachedNetworkId':'~c/l3Networks/n6'}]"),
        ];
        Assert.Equal(["vm1", "default"], ApplyOrder.Sort(documents).Value.Select(s => s.Id.Name));
    }

    [Fact]
    public void Refuses_DocumentsThatReferInACircle()
    {
        var refusal = ApplyOrder
            .Sort([
                Document("~c/l3Networks/a1", "'x':'~c/l3Networks/b1'"),
                Document("~c/l3Networks/b1", "'x':'~c/l3Networks/a1'"),
                Document("~c/l3Networks/c1", ""),
            ])
            .Refusal!;
        Assert.Equal((RefusalCode.Mismatch, "resources"), (refusal.Code, refusal.Target));
        Assert.Contains("circle: a1, b1", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reports_EveryDocumentWithoutIdAndEveryOneThatIsThereTwice()
    {
        var refusal = ApplyOrder
            .Sort([
                new JsonObject(),
                new JsonObject { ["id"] = 7 },
                new JsonObject { ["id"] = "n6" },
                Document("~c/l3Networks/a1", ""),
                Document("~c/l3Networks/A1", ""),
            ])
            .Refusal!;
        Assert.Equal(
            [
                (RefusalCode.MissingMember, "resources[0].id"),
                (RefusalCode.MissingMember, "resources[1].id"),
                (RefusalCode.InvalidResourceId, "resources[2].id"),
                (RefusalCode.Overlap, "resources[4].id"),
            ],
            refusal.Findings.Select(f => (f.Code, f.Target!))
        );
        Assert.Equal("document 2 has no 'id'", refusal.Findings[1].Message);
    }

    [Fact]
    public void Keeps_TheOrderGiven_WhereNothingRefersToAnything() =>
        Assert.Equal(
            ["c1", "a1", "b1"],
            ApplyOrder
                .Sort([
                    Document("~c/l3Networks/c1", ""),
                    Document("~c/l3Networks/a1", ""),
                    Document("~c/l3Networks/b1", ""),
                ])
                .Value.Select(s => s.Id.Name)
        );

    [Fact]
    public void Keeps_ADocumentThatRefersToItself() =>
        Assert.Single(ApplyOrder.Sort([Document("~c/l3Networks/a1", "'x':'~c/l3Networks/a1'")]).Value);

    private static JsonObject Document(string id, string properties)
    {
        var document = TestSite.Body($"{{'properties':{{{properties}}}}}");
        document["id"] = TestSite.Id(id).ToString();
        return document;
    }
}
