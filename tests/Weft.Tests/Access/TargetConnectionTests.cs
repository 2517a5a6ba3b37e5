using Weft.Access;

namespace Weft.Tests.Access;

public sealed class TargetConnectionTests
{
    private const string Root = "weft/5be00000-0000-4000-8000-0000000005a0/site";

    [Theory]
    [InlineData("~c/kubernetesClusters/k1", Root + "/kubernetesClusters/k1", "kubernetes")]
    [InlineData("~c/KUBERNETESCLUSTERS/K1", Root + "/kubernetesClusters/k1", "kubernetes")]
    [InlineData(
        "~c/kubernetesClusters/k1/providers/Weft.Fleet/nodes/w1",
        Root + "/kubernetesClusters/k1/nodes/w1",
        "ssh"
    )]
    [InlineData("~c/virtualMachines/vm1", Root + "/virtualMachines/vm1", "ssh")]
    public void Finds_ThePathOfATarget(string target, string path, string service)
    {
        var connection = TargetConnection.Find(Site().State, TestSite.Id(target))!;
        Assert.Equal(
            (path, service, TestSite.Now),
            (connection.Path, Assert.Single(connection.Services), connection.CreatedAt)
        );
    }

    [Theory]
    [InlineData("~c/kubernetesClusters/nobody")]
    [InlineData("~c/l3Networks/n6")]
    [InlineData("~c/clusters/place")]
    public void Finds_NothingForOthers(string target) =>
        Assert.Null(TargetConnection.Find(Site().State, TestSite.Id(target)));

    [Fact]
    public void Finds_NothingForWhatIsBeingDeleted()
    {
        var site = Site();
        site.Delete("~c/kubernetesClusters/k1");
        Assert.True(site.Has("~c/kubernetesClusters/k1"), "it stays until its operation ends");
        Assert.Null(TargetConnection.Find(site.State, TestSite.Id("~c/kubernetesClusters/k1")));
        Assert.Null(TargetConnection.Find(site.State, TestSite.Id(TestSite.NodeId("w1"))));
    }

    [Theory]
    [InlineData(Root + "/kubernetesClusters/k1", "k1")]
    [InlineData(Root + "/KubernetesClusters/k1/kubernetes", "k1")]
    [InlineData(Root + "/kubernetesClusters/k1/nodes", "k1")]
    [InlineData(Root + "/kubernetesClusters/k1/nodes/w1", "w1 k1")]
    [InlineData(Root + "/kubernetesClusters/k1/nodes/w1/ssh", "w1 k1")]
    [InlineData(Root + "/virtualMachines/vm1/ssh", "vm1")]
    [InlineData(Root + "/virtualMachines", "")]
    [InlineData(Root + "/l3Networks/n6", "")]
    [InlineData("other/5be00000-0000-4000-8000-0000000005a0/site/kubernetesClusters/k1", "")]
    [InlineData(Root + "//kubernetesClusters/k1", "")]
    [InlineData("", "")]
    public void Lists_TheCandidateTargetsOfAPath(string path, string names) =>
        Assert.Equal(names, string.Join(' ', TargetConnection.CandidateTargetsOf(path).Select(id => id.Name)));

    [Fact]
    public void Leads_BackToItsTarget()
    {
        var site = Site();
        Assert.All(
            ["~c/kubernetesClusters/k1", TestSite.NodeId("w1"), "~c/virtualMachines/vm1"],
            target =>
                Assert.Equal(
                    TestSite.Id(target),
                    TargetConnection.CandidateTargetsOf(TargetConnection.Find(site.State, TestSite.Id(target))!.Path)[0]
                )
        );
    }

    private static TestSite Site()
    {
        var site = TestSite.Small();
        site.Put(TestSite.NodeId("w1"), TestSite.Node("{'name':'bond0'}", "BareMetal"));
        site.Put("~c/virtualMachines/vm1", TestSite.Machine(""));
        return site.CompleteOperations();
    }
}
