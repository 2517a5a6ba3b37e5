using Weft.Addressing;
using Weft.Agent.Linux.Netlink;
using static Weft.Tests.Agent.Nodes.TestNamespace;

namespace Weft.Tests.Agent.Nodes;

/// <summary>The netlink library against the kernel, with iproute2 as the second eye.</summary>
public sealed class NetlinkTests
{
    [Fact]
    public void Lists_InterfacesAsTheyAre() =>
        Run(() =>
        {
            Ip("link add p0 address 02:00:00:00:00:01 mtu 4000 type veth peer name p1");
            Ip("link property add dev p0 altname other-p0");
            Ip("link set p0 alias hello");
            Ip("link add mv0 link p0 type macvlan mode private");
            using var kernel = Rtnetlink.Open();
            var links = kernel.Links();
            var port = links.Single(l => l.Name == "p0");
            Assert.Equal(
                ("02:00:00:00:00:01", 4000, "veth", "hello", "ether"),
                (port.MacAddress, port.Mtu, port.Kind, port.Alias, port.LinkType)
            );
            Assert.Equal(["other-p0"], port.AlternativeNames);
            Assert.False(port.IsUp);
            var child = links.Single(l => l.Name == "mv0");
            Assert.Equal(("macvlan", port.Index), (child.Kind, child.Parent));
            Assert.Equal(
                ["lo", "p0", "p1", "mv0"],
                links
                    .Select(l => l.Name)
                    .OrderBy(n =>
                        n switch
                        {
                            "lo" => 0,
                            "p0" => 1,
                            "p1" => 2,
                            _ => 3,
                        }
                    )
            );
            Assert.Equal(0, kernel.Writes);
        });

    [Fact]
    public void Lists_AddressesAndRoutesOfBothFamilies() =>
        Run(() =>
        {
            Ip("link add p0 type veth peer name p1");
            Ip("link set p0 up");
            Ip("link set p1 up");
            Ip("address add 10.1.0.5/24 dev p0");
            Ip("address add 2001:db8::5/64 dev p0 nodad");
            Ip("route add 10.9.0.0/16 via 10.1.0.1 metric 300");
            Ip("route add 2001:db8:9::/48 via 2001:db8::1");
            Ip("route add 10.8.0.0/16 via 10.1.0.1 table 77");
            using var kernel = Rtnetlink.Open();
            var index = kernel.Links().Single(l => l.Name == "p0").Index;
            var addresses = kernel
                .Addresses()
                .Where(a => a.Link == index && a.Scope == 0)
                .Select(a => $"{a.Address}/{a.Length} {a.IsPermanent}");
            Assert.Equal(["10.1.0.5/24 True", "2001:db8::5/64 True"], addresses.Order());
            var routes = kernel
                .Routes()
                .Where(r => r.Via is not null)
                .Select(r => $"{r.To} {r.Via} {r.Metric} {r.Link == index}");
            Assert.Equal(["10.9.0.0/16 10.1.0.1 300 True", "2001:db8:9::/48 2001:db8::1 1024 True"], routes.Order());
        });

    [Fact]
    public void Writes_WhatIpShows() =>
        Run(() =>
        {
            Ip("link add p0 type veth peer name p1");
            using var kernel = Rtnetlink.Open();
            var port = kernel.Links().Single(l => l.Name == "p0").Index;
            kernel.Rename(port, "n6");
            kernel.SetAlternativeName(port, "p0", present: true);
            kernel.SetMtu(port, 4000);
            kernel.SetLinkUp(port, true);
            kernel.AddAddress(port, Address.Parse("10.1.0.5").Value, 24);
            kernel.AddAddress(port, Address.Parse("2001:db8::5").Value, 64);
            kernel.AddRoute(
                new KernelRoute(port, Prefix.Parse("10.9.0.0/16").Value, Address.Parse("10.1.0.1").Value, 300, 4, 0)
            );
            kernel.AddRoute(
                new KernelRoute(
                    port,
                    Prefix.Parse("2001:db8:9::/48").Value,
                    Address.Parse("2001:db8::1").Value,
                    0,
                    4,
                    0
                )
            );
            var shown = Ip("address show n6");
            Assert.Contains("mtu 4000", shown, StringComparison.Ordinal);
            Assert.Contains("altname p0", shown, StringComparison.Ordinal);
            Assert.Contains("inet 10.1.0.5/24 brd 10.1.0.255", shown, StringComparison.Ordinal);
            Assert.Contains("inet6 2001:db8::5/64", shown, StringComparison.Ordinal);
            Assert.Contains(
                "10.9.0.0/16 via 10.1.0.1 proto static metric 300",
                Ip("route show dev n6"),
                StringComparison.Ordinal
            );
            Assert.Contains(
                "2001:db8:9::/48 via 2001:db8::1 proto static metric 1024",
                Ip("-6 route show dev n6"),
                StringComparison.Ordinal
            );
            Assert.Equal(8, kernel.Writes);
            kernel.RemoveRoute(kernel.Routes().Single(r => r.Metric == 300));
            kernel.RemoveAddress(port, Address.Parse("10.1.0.5").Value, 24);
            kernel.SetAlternativeName(port, "p0", present: false);
            Assert.Equal("", Ip("-4 route show dev n6") + Ip("-4 address show n6"));
            Assert.DoesNotContain("altname", Ip("link show n6"), StringComparison.Ordinal);
        });

    [Fact]
    public void Reports_WhyTheKernelRefuses() =>
        Run(() =>
        {
            Ip("link add p0 type veth peer name p1");
            using var kernel = Rtnetlink.Open();
            var port = kernel.Links().Single(l => l.Name == "p0").Index;
            var refused = Assert.Throws<NetlinkException>(() => kernel.Rename(port, "p1"));
            Assert.Equal(NetlinkException.Exists, refused.Error);
            var extended = Assert.Throws<NetlinkException>(() =>
                kernel.AddRoute(
                    new KernelRoute(port, Prefix.Parse("10.9.0.0/16").Value, Address.Parse("10.1.0.1").Value, 0, 4, 0)
                )
            );
            Assert.StartsWith(
                "adding the route 10.9.0.0/16 via 10.1.0.1: ",
                extended.Message,
                StringComparison.Ordinal
            );
            // After a refusal the socket goes on.
            kernel.SetLinkUp(port, true);
            Assert.True(kernel.Links().Single(l => l.Name == "p0").IsUp);
        });

    [Fact]
    public void Lists_MoreThanOneDatagramHolds() =>
        Run(() =>
        {
            for (var i = 0; i < 150; i++)
                Ip($"link add many-{i} type bridge");
            using var kernel = Rtnetlink.Open();
            Assert.Equal(151, kernel.Links().Select(l => l.Name).Distinct().Count());
        });

    [Fact]
    public void Receives_ChangesOfAddresses() =>
        Run(() =>
        {
            using var socket = NetlinkSocket.Listen(NetlinkSocket.Route, 5);
            Ip("address add 10.1.0.5/24 dev lo");
            Assert.True(socket.Receive(new byte[4096]) > 16);
        });
}
