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
