using Weft.Resources;

namespace Weft.Tests.Resources;

/// <summary>What the server keeps of a resource beside its body, and for how long.</summary>
public sealed class ProvisioningTests
{
    private const string N6 = "~c/l3Networks/n6";
    private const string Vm = "~c/virtualMachines/vm1";

    [Fact]
    public void Keeps_AMessage_AsLongAsItsState()
    {
        var row = RowOf("{'id':'~c/l3Networks/n6','weft':{'state':'Accepted','operation':'op','etag':'e'}}");

        var failed = RowOf(Provisioning.WithState(row, Provisioning.Failed, "no room", "/vm").ToJsonString());
        var done = Provisioning.WithState(failed, Provisioning.Succeeded);

        Assert.Equal(
            (Provisioning.Failed, "no room", "/vm"),
            (Provisioning.StateOf(failed), Provisioning.MessageOf(failed), Provisioning.DisclosedBy(failed))
        );
        Assert.Equal("""{"state":"Succeeded","operation":"op","etag":"e"}""", done["weft"]!.ToJsonString());
        Assert.Equal(
            """{"state":"Failed"}""",
            Provisioning.WithState(RowOf("{'id':'~c/l3Networks/n6'}"), Provisioning.Failed)["weft"]!.ToJsonString()
        );
    }

    [Fact]
    public void Forgets_TheMessage_WithTheNextWrite()
    {
        var site = TestSite.Small();
        site.Commit(
            Mutation.Put(TestSite.Id(N6), Provisioning.WithState(site.RowOf(N6), Provisioning.Failed, "no room", Vm))
        );

        site.Patch(N6, "{'tags':{'a':'b'}}");

        Assert.Equal(Provisioning.Accepted, site.ProvisioningStateOf(N6));
        Assert.Equal(("", null), (Provisioning.MessageOf(site.RowOf(N6)), Provisioning.DisclosedBy(site.RowOf(N6))));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("/vm")]
    public void Keeps_WhatAnOperationsErrorTellsOf(string? discloses)
    {
        var operation = new Operation("op-1", TestSite.Id(N6), "Put", Operation.InProgress, TestSite.Now) with
        {
            PendingAgents = ["/a"],
            ReleasesOnCompletion = ["lease"],
        };
        var ended = operation.Complete(Provisioning.Failed, "2026-11-22T10:01:00Z", "Conflict", "no room", discloses);

        var read = Operation.Read(new Row(Operation.KeyOf("op-1"), 1, ended.ToMutation().Bytes!.Value));

        Assert.Equal(
            (Provisioning.Failed, "2026-11-22T10:01:00Z", "Conflict", "no room", discloses),
            (read.Status, read.EndTime, read.ErrorCode, read.ErrorMessage, read.ErrorDiscloses)
        );
        Assert.Equal(["/a", "lease"], read.PendingAgents.Concat(read.ReleasesOnCompletion));
    }

    private static Row RowOf(string body) => new("t|x", 1, Json.ToUtf8(TestSite.Body(body)));
}
