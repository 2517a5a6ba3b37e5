using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Fleet;
using Weft.Fleet.Planning;
using Weft.Resources;

namespace Weft.Tests.Fleet;

public sealed class SitePlanTests
{
    [Fact]
    public void Plans_NothingForASiteThatIsApplied()
    {
        var site = TestSite.Example();
        var plan = site.Plan.Create(Examples.Documents(), site.State, TestSite.Now, TestSite.Anybody).Value.ToJson();
        Assert.All(plan["changes"]!.AsArray(), change => Assert.Equal("Unchanged", change!["action"]!.ToString()));
        Assert.All(["addresses", "vlans", "manifests", "disruptions"], list => Assert.Empty(plan[list]!.AsArray()));
        Assert.Equal(site.State.Revision, plan["revision"]!.GetValue<long>());
    }

    [Fact]
    public void Plans_TheAddressesThatTheApplyLeases()
    {
        var plan = new TestSite()
            .Plan.Create(Examples.Documents(), Weft.Storage.AllKinds.EmptyState, TestSite.Now, TestSite.Anybody)
            .Value.ToJson();
        var site = TestSite.Example();
        var planned = plan["addresses"]!
            .AsArray()
            .Select(a => $"{a!["action"]} {a["network"]} {a["address"]} {a["holder"]}");
        var leased = new ReadTransaction(site.State)
            .List(new ResourceType("Microsoft.NetworkCloud", "l3Networks"))
            .Select(ResourceKind.IdOf)
            .SelectMany(n =>
                Weft.Networks.NetworkPool.HoldingsOf(site.State, n)
                    .Leases.Select(l => $"Take {n} {l.Address} {l.Holder.Text}")
            )
            .ToList();
        Assert.NotEmpty(leased);
        Assert.Equal(leased.Order(StringComparer.Ordinal), planned.Order(StringComparer.Ordinal));
        Assert.Equal(30, plan["changes"]!.AsArray().Count);
        Assert.All(
            plan["changes"]!.AsArray(),
            change => Assert.Contains(change!["action"]!.ToString(), new[] { "Create", "Enable" })
        );
        Assert.All(plan["manifests"]!.AsArray(), m => Assert.Equal("Add", m!["action"]!.ToString()));
    }

    [Fact]
    public void Refuses_WhatTheApplyRefuses()
    {
        var site = TestSite.Small();
        var document = TestSite.Body(TestSite.Tracked("'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':604"));
        document["id"] = TestSite.Id("~c/l3Networks/new").ToString();
        var change = Assert.Single(
            site.Plan.Create([document], site.State, TestSite.Now, TestSite.Anybody).Value.ToJson()[
                "changes"
            ]!.AsArray()
        )!;
        Assert.Equal("Refused", change["action"]!.ToString());
        var applied = site.TryPut("~c/l3Networks/new", document.ToJsonString()).Refusal!.ToErrorBody()["error"];
        Assert.True(JsonNode.DeepEquals(applied, change["error"]), change["error"]!.ToJsonString());
    }

    [Fact]
    public void Plans_WhatAChangeAffects()
    {
        var site = TestSite.Example();
        var trunk = Examples
            .Documents()
            .Single(d => d["id"]!.ToString().EndsWith("/ran", StringComparison.Ordinal))
            .DeepClone()
            .AsObject();
        trunk["properties"]!["vlans"] = JsonNode.Parse("[602,603,606,750]");
        var plan = site.Plan.Create([trunk], site.State, TestSite.Now, TestSite.Anybody).Value.ToJson();
        var change = Assert.Single(plan["changes"]!.AsArray())!;
        Assert.Equal("Update", change["action"]!.ToString());
        Assert.Equal(
            """[{"path":"properties.vlans","before":[602,603,750],"after":[602,603,606,750]}]""",
            change["members"]!.ToJsonString()
        );
        Assert.Equal(
            ["core-east/core-east-w1", "core-east/core-east-w2", "router1"],
            plan["vlans"]!.AsArray().Select(v => v!["machine"]!.ToString())
        );
        Assert.All(
            plan["vlans"]!.AsArray(),
            v => Assert.Equal(("Open", "606"), (v!["action"]!.ToString(), v["vlan"]!.ToString()))
        );
        Assert.Contains(
            plan["disruptions"]!.AsArray(),
            d => d!["what"]!.ToString().Contains("router1", StringComparison.Ordinal)
        );
        Assert.Equal(
            "602-603,750",
            Weft.Networks.Network.Find(site.State, TestSite.Id(trunk["id"]!.ToString()), site.Limits)!.Vlans.ToString()
        );
    }

    [Fact]
    public void Keeps_TheDigestOfADesiredState_WhateverRevisionItIsRenderedAt()
    {
        var site = TestSite.Example();
        var east = site
            .State.Range("microsoft.networkcloud/kubernetesclusters|")
            .Select(ResourceKind.IdOf)
            .First()
            .ToString();
        var before = site.DesiredStateOf(east);
        site.Put("/subscriptions/5be00000-0000-4000-8000-0000000005a0/resourceGroups/other", "{'location':'east'}");
        var after = site.DesiredStateOf(east);
        Assert.True(after.Revision > before.Revision);
        Assert.Equal(before.Digest, after.Digest);
        Assert.Matches("^sha256-[0-9a-f]{64}$", after.Digest);
        site.Patch(
            Examples.Documents().Single(d => d["id"]!.ToString().EndsWith("n6-subnets", StringComparison.Ordinal))[
                "id"
            ]!.ToString(),
            "{'properties':{'mtu':1500}}"
        );
        Assert.NotEqual(before.Digest, site.DesiredStateOf(east).Digest);
    }

    [Theory]
    [InlineData("10.20.6.40", "Leased", "virtual machine probe1 n6")]
    [InlineData("10.20.6.1", "Reserved", "gateway")]
    [InlineData("10.20.6.200", "Free", null)]
    public void Finds_WhoHoldsAnAddress(string address, string state, string? holder)
    {
        var site = TestSite.Example();
        var answer = Assert.Single(
            new HolderLookup(site.Limits).ByAddress(site.State, Address.Parse(address).Value)["answers"]!.AsArray()
        )!;
        Assert.Equal((state, address), (answer["state"]!.ToString(), answer["address"]!.ToString()));
        Assert.EndsWith("/l3Networks/n6", answer["network"]!.ToString(), StringComparison.Ordinal);
        if (holder is not null)
            Assert.Contains(holder, answer["holder"]!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Finds_NothingOfAnAddressThatNoNetworkHas() =>
        Assert.Empty(
            new HolderLookup(Limits.Default).ByAddress(TestSite.Example().State, Address.Parse("192.0.2.1").Value)[
                "answers"
            ]!.AsArray()
        );

    [Fact]
    public void Finds_WhoseAVlanIs()
    {
        var site = TestSite.Example();
        var vlan = Assert.Single(new HolderLookup(site.Limits).ByVlan(site.State, 606)["vlans"]!.AsArray())!;
        Assert.EndsWith("/n6-subnets", vlan["internalNetwork"]!.ToString(), StringComparison.Ordinal);
        Assert.Equal(
            ["core-east", "core-west"],
            vlan["clusters"]!.AsArray().Select(c => ResourceId.Parse(c!.ToString()).Value.Name)
        );
        Assert.Equal(
            ["core-east-w1", "core-east-w2", "core-west-w1", "core-west-w2", "probe1", "router1"],
            vlan["machines"]!.AsArray().Select(m => ResourceId.Parse(m!.ToString()).Value.Name)
        );
        Assert.Equal(("9000", "4"), (vlan["mtu"]!.ToString(), vlan["leases"]!.ToString()));
        Assert.Empty(new HolderLookup(site.Limits).ByVlan(site.State, 4000)["vlans"]!.AsArray());
    }

    [Fact]
    public void Finds_WhoseAMacAddressAndWhoseANameIs()
    {
        var site = TestSite.Example();
        var node = Assert.Single(HolderLookup.ByMacAddress(site.State, "52:54:00:01:01:02")["answers"]!.AsArray())!;
        Assert.EndsWith("/nodes/core-east-w1", node["holderId"]!.ToString(), StringComparison.Ordinal);
        Assert.EndsWith("/l3Networks/n4", node["network"]!.ToString(), StringComparison.Ordinal);
        var probe = ResourceId
            .Parse(
                Examples.Documents().Single(d => d["id"]!.ToString().EndsWith("/probe1", StringComparison.Ordinal))[
                    "id"
                ]!.ToString()
            )
            .Value;
        var machine = Assert.Single(
            HolderLookup.ByMacAddress(site.State, AddressClaims.MacAddressOf(probe, "n6"))["answers"]!.AsArray()
        )!;
        Assert.Equal("10.20.6.40", machine["address"]!.ToString());
        Assert.Equal(4, HolderLookup.ByName(site.State, "PROBE1")["answers"]!.AsArray().Count);
        Assert.Empty(HolderLookup.ByName(site.State, "nobody")["answers"]!.AsArray());
    }

    [Fact]
    public void Counts_APool()
    {
        var site = TestSite.Example();
        var n6 = Examples
            .Documents()
            .Single(d => d["id"]!.ToString().EndsWith("/l3Networks/n6", StringComparison.Ordinal))["id"]!.ToString();
        var families = new HolderLookup(site.Limits).RenderPool(site.State, site.RowOf(n6), _ => true)["properties"]![
            "families"
        ]!;
        Assert.Equal(
            """{"family":"IPv4","prefix":"10.20.6.0/24","gateway":"10.20.6.1","size":"251","reserved":3"""
                + ""","excluded":"0","used":2,"cooling":0,"sticky":0,"free":"249"}""",
            families[0]!.ToJsonString()
        );
        Assert.Equal("18446744073709551482", families[1]!["free"]!.ToString());
    }
}
