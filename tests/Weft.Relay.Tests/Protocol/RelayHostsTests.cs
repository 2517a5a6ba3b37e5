using Weft.Relay.Protocol;

namespace Weft.Relay.Tests.Protocol;

public sealed class RelayHostsTests
{
    private static readonly RelayHosts Hosts = new(new("wss://relay.example:8443"))
    {
        Suffix = "relays.example",
        RootSegment = "weft",
    };

    /// <summary>Host, path; the whole path, and where whoever came by this host is sent.</summary>
    [Theory]
    [InlineData("relay.example:8443", "space1/hyco", "space1/hyco", "wss://relay.example:8443")]
    [InlineData("evil.example", "space1/hyco", "space1/hyco", "wss://relay.example:8443")]
    [InlineData("", "space1/hyco", "space1/hyco", "wss://relay.example:8443")]
    [InlineData("Space1.Relays.Example", "hyco/ssh", "space1/hyco/ssh", "wss://space1.relays.example:8443")]
    [InlineData("space1.relays.example.:1", "hyco", "space1/hyco", "wss://space1.relays.example:8443")]
    [InlineData("space1.relays.example", "", "space1", "wss://space1.relays.example:8443")]
    [InlineData("a.space1.relays.example", "hyco", "hyco", "wss://relay.example:8443")]
    public void Names_TheNamespaceByTheHost(string authority, string path, string whole, string root)
    {
        var target = Hosts.TargetOf(authority, path);
        Assert.Equal((whole, root, path), (target.Path, target.Root, target.PathWithinHost(target.Path)));
    }

    /// <summary>What is of the default namespace, and what is of none or names it itself.</summary>
    [Theory]
    [InlineData("hyco", "space1/hyco")]
    [InlineData("hyco/ssh", "space1/hyco/ssh")]
    [InlineData("Space1/hyco", "Space1/hyco")]
    [InlineData("weft/a/b/c/d", "weft/a/b/c/d")]
    [InlineData("Weft/a", "Weft/a")]
    [InlineData("wefts/a", "space1/wefts/a")]
    [InlineData("space2/hyco", "space1/space2/hyco")]
    [InlineData("", "")]
    public void Puts_TheDefaultNamespaceBeforeAPath(string path, string whole)
    {
        var hosts = Hosts with { DefaultNamespace = "space1" };
        var target = hosts.TargetOf("relay.example", path);
        Assert.Equal((whole, path), (target.Path, target.PathWithinHost(target.Path)));
        Assert.Equal("space2/hyco", hosts.TargetOf("space2.relays.example", "hyco").Path);
    }

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("LOCALHOST.", true)]
    [InlineData("127.0.0.9", true)]
    [InlineData("[::1]:443", true)]
    [InlineData("[::ffff:127.0.0.1]", true)]
    [InlineData("127.1", false)]
    [InlineData("0x7f.0.0.1", false)]
    [InlineData("localhost.example", false)]
    [InlineData("0.0.0.0", false)]
    public void Knows_TheLoopbackWhereItIsOne(string authority, bool isKnown)
    {
        Assert.Null(Hosts.Covers(authority, "", "hyco"));
        Assert.Equal(isKnown, (Hosts with { IncludesLoopback = true }).Covers(authority, "", "hyco") ?? false);
        Assert.True(new RelayHosts(new("ws://127.0.0.1:1")).IncludesLoopback);
        Assert.True(new RelayHosts(new("ws://[::1]:1")).IncludesLoopback);
    }

    [Theory]
    [InlineData("wss://relay.example:8443", "space1.relays.example:8443")]
    [InlineData("wss://relay.example", "space1.relays.example")]
    public void Names_TheHostOfANamespace(string address, string authority)
    {
        var hosts = new RelayHosts(new(address)) { Suffix = "Relays.Example." };
        Assert.Equal((authority, "hyco"), (hosts.AuthorityOf("Space1"), hosts.PathWithinHost("Space1", "hyco")));
        var plain = new RelayHosts(new(address));
        Assert.Equal(
            (new Uri(address).Authority, "Space1/hyco"),
            (plain.AuthorityOf("Space1"), plain.PathWithinHost("Space1", "hyco"))
        );
    }
}
