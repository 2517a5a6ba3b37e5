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
