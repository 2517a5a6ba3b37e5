using System.Text.Json;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

/// <summary>What a lease tells, and to whom.</summary>
public sealed class LeaseTests
{
    [Fact]
    public void Conceals_AHolderFromWhoMayNotReadIt()
    {
        var holder = new Holder("pod:/c/east#abc#net1", "pod core/upf-0 net1 in east") { Cluster = "/c/East" };
        var lease = new Lease(Address.Parse("10.0.0.4").Value, holder, LeaseMethod.Static, "2026-11-22T10:00:00Z");

        Assert.Equal(lease, lease.VisibleTo(id => id == "/c/east"));
        Assert.Equal(
            lease with
            {
                Holder = new Holder("", "something that you may not see"),
            },
            lease.VisibleTo(id => id != "/c/east")
        );
    }

    /// <summary>Two hold an address while a machine moves: whoever may not read one of them isn't told of either.</summary>
    [Fact]
    public void Says_BothOfTwoHolders_ToWhoMayReadBoth()
    {
        var second = new Holder("pod:/c/west#b#net1", "pod core/b net1 in west")
        {
            Cluster = "/c/West",
            Joined = "2026-11-22T11:00:00Z",
        };
        var first = new Holder("pod:/c/east#a#net1", "pod core/a net1 in east")
        {
            Cluster = "/c/East",
            With = [second],
        };
        var lease = new Lease(Address.Parse("10.0.0.4").Value, first, LeaseMethod.Static, "2026-11-22T10:00:00Z");

        Assert.Equal(lease, lease.VisibleTo(_ => true));
        Assert.NotEqual(lease, lease.VisibleTo(id => id == "/c/east"));
        Assert.NotEqual(lease, lease.VisibleTo(id => id == "/c/west"));
        Assert.Equal(
            [(first.Id, "2026-11-22T10:00:00Z"), (second.Id, "2026-11-22T11:00:00Z")],
            lease.ByHolder.Select(each => (each.Holder.Id, each.Since))
        );
        Assert.All(lease.ByHolder, each => Assert.Empty(each.Holder.With));

        using var stored = JsonDocument.Parse(lease.ToJson().ToJsonString());
        Assert.Equal(
            "2026-11-22T11:00:00Z",
            stored.RootElement.GetProperty("with")[0].GetProperty("since").GetString()
        );
        var read = Lease.FromJson(stored.RootElement);
        Assert.Equal((lease.Address, first.Id, first.Text), (read.Address, read.Holder.Id, read.Holder.Text));
        Assert.Equal([second], read.Holder.With);
    }

    [Theory]
    [InlineData("2026-11-22T09:59:59.9999999Z", false)]
    [InlineData("2026-11-22T10:00:00Z", true)]
    [InlineData("2026-11-22T10:30:00Z", true)]
    [InlineData("2026-11-22T11:00:00Z", false)]
    [InlineData("2026-11-22T11:00:01Z", false)]
    public void Was_FromItsBegin_ToBeforeItsEnd(string time, bool was)
    {
        var holder = new Holder("pod:/c/east#a#net1", "pod core/a net1 in east");
        var ended = new EndedLease(
            new Lease(Address.Parse("10.0.0.4").Value, holder, LeaseMethod.Static, "2026-11-22T10:00:00Z"),
            EndedLease.TimeOf("2026-11-22T11:00:00Z")
        );
        Assert.Equal(was, ended.HadAt(EndedLease.TimeOf(time)));
    }

    [Theory]
    [InlineData("'10.0.0.4'")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{'address':'10.0.0.300','holderId':'a','method':'Static'}")]
    [InlineData("{'address':167772164,'holderId':'a','method':'Static'}")]
    [InlineData("{'address':'10.0.0.4','method':'Static'}")]
    [InlineData("{'address':'10.0.0.4','holderId':null,'method':'Static'}")]
    [InlineData("{'address':'10.0.0.4','holderId':7,'method':'Static'}")]
    [InlineData("{'address':'10.0.0.4','holderId':'a'}")]
    [InlineData("{'address':'10.0.0.4','holderId':'a','method':'Found'}")]
    public void Refuses_ADocumentThatIsNone(string json)
    {
        using var document = JsonDocument.Parse(json.Replace('\'', '"'));
        var thrown = Assert.Throws<FormatException>(() => Lease.FromJson(document.RootElement));
        Assert.StartsWith("a stored lease can't be read", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Calls_AHolderByItsId_WhereNothingElseIsSaid()
    {
        using var document = JsonDocument.Parse("""{"address":"fd00::4","holderId":"a","method":"Dynamic"}""");
        var lease = Lease.FromJson(document.RootElement);
        Assert.Equal(new Lease(Address.Parse("fd00::4").Value, new Holder("a", "a"), LeaseMethod.Dynamic, ""), lease);
    }
}
