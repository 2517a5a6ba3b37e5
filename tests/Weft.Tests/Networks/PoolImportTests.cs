using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Tests.Networks;

/// <summary>What an import makes of a pool.</summary>
public sealed class PoolImportTests
{
    private const string Pool = "~c/l3Networks/n6/providers/Weft.Ipam/pools/default";

    [Fact]
    public void Becomes_Reservations_BesideWhatThePoolSays()
    {
        var site = TestSite.Small();
        site.Put(
            Pool,
            "{'properties':{'exclusions':['10.20.6.9'],'reservations':[{'name':'db','addresses':['10.20.6.40']}]}}"
        );
        var merged = Import(
                "{'address':'10.20.6.41','name':'db'}",
                "{'address':'10.20.6.50'}",
                "{'address':'10.20.6.51'}",
                "{'address':'10.20.6.60','name':'core/upf-0','for':'~c/kubernetesClusters/k1','pod':'core/upf-0'}"
            )
            .MergeInto(site.RowOf(Pool));
        site.Accept(Put(site, merged));
        Assert.Equal(
            [
                "db: 10.20.6.40-10.20.6.41 for nobody",
                "imported: 10.20.6.50-10.20.6.51 for nobody",
                "core/upf-0: 10.20.6.60 for core/upf-0",
            ],
            PoolSpec
                .Read(site.RowOf(Pool))
                .Rules.Reservations.Select(r => $"{r.Name}: {r.Addresses} for {r.Pod ?? "nobody"}")
        );
        Assert.True(PoolSpec.Read(site.RowOf(Pool)).Rules.Exclusions.Contains(Address.Parse("10.20.6.9").Value));
    }

    [Fact]
    public void Changes_Nothing_TheSecondTime()
    {
        var site = TestSite.Small();
        var import = Import("{'address':'10.20.6.41','name':'db'}", "{'address':'10.20.6.50'}");
        site.Accept(Put(site, import.MergeInto(null)));
        site.CompleteOperations();
        Assert.True(Put(site, import.MergeInto(site.RowOf(Pool))).Value.Unchanged);
    }

    [Fact]
    public void Reports_EveryConflict_ByItsEntry_AndImportsNothing()
    {
        var site = TestSite.Small();
        site.Put(
            "~c/virtualMachines/vm1",
            TestSite.Machine("{'attachedNetworkId':'~c/l3Networks/n6','ipAllocationMethod':'Dynamic'}")
        );
        site.Put(
            Pool,
            "{'properties':{'exclusions':['10.20.6.9'],'reservations':[{'name':'db','addresses':['10.20.6.40']}]}}"
        );
        var merged = Import(
                "{'address':'10.20.6.50'}",
                "{'address':'10.20.6.4'}",
                "{'address':'10.20.6.1'}",
                "{'address':'10.20.6.9'}",
                "{'address':'10.20.7.9'}",
                "{'address':'10.20.6.40','name':'other'}",
                "{'address':'10.20.6.50'}",
                "{'address':'10.20.6.60','name':'db','pod':'a/b'}"
            )
            .MergeInto(site.RowOf(Pool));
        var before = site.State;
        var found = merged.Locate(Put(site, merged).Refusal!).Findings;
        // What can't be read or is said twice over comes first; the rest is asked when that is mended.
        Assert.All(found, finding => Assert.StartsWith("entries[7]", finding.Target, StringComparison.Ordinal));

        var mended = Import(
                "{'address':'10.20.6.50'}",
                "{'address':'10.20.6.4'}",
                "{'address':'10.20.6.1'}",
                "{'address':'10.20.6.9'}",
                "{'address':'10.20.7.9'}",
                "{'address':'10.20.6.40','name':'other'}",
                "{'address':'10.20.6.50'}"
            )
            .MergeInto(site.RowOf(Pool));
        found = mended.Locate(Put(site, mended).Refusal!).Findings;
        Assert.Equal(
            [
                ("entries[1]", "is held by virtual machine vm1 n6"),
                ("entries[2]", "10.20.6.1"),
                ("entries[3]", "is excluded"),
                ("entries[4]", "isn't in"),
                ("entries[5]", "kept by 'db' already"),
                ("entries[6]", "kept by 'imported' already"),
            ],
            found.OrderBy(f => f.Target, StringComparer.Ordinal).Select(f => (f.Target!, PartOf(f.Message)))
        );
        Assert.All(found, finding => Assert.Contains($"'{finding.Target}'", finding.Message, StringComparison.Ordinal));
        Assert.Same(before, site.State);
    }

    [Theory]
    [InlineData("{}", "entries")]
    [InlineData("{'entries':[]}", "entries")]
    [InlineData("{'entries':[{'name':'a'}]}", "entries[0].address")]
    [InlineData("{'entries':[{'address':'10.20.6.9','adress':'x'}]}", "entries[0].adress")]
    [InlineData("{'entries':[{'address':'10.20.6.9','for':'vm1'}]}", "entries[0].for")]
    public void Refuses_WhatIsNoImport(string body, string target) =>
        Assert.Equal(target, PoolImport.Read(TestSite.Body(body)).Refusal!.Findings[0].Target);

    private static string PartOf(string message) =>
        (
            (string[])
                [
                    "is held by virtual machine vm1 n6",
                    "is excluded",
                    "isn't in",
                    "kept by 'db' already",
                    "kept by 'imported' already",
                    "10.20.6.1",
                ]
        ).First(part => message.Contains(part, StringComparison.Ordinal));

    private static PoolImport Import(params string[] entries) =>
        PoolImport.Read(TestSite.Body($"{{'entries':[{string.Join(',', entries)}]}}")).Value;

    private static Outcome<Decision> Put(TestSite site, MergedPool merged) =>
        site.Verbs.Put(site.Request(Pool, (JsonObject)merged.Body.DeepClone()), new ReadTransaction(site.State));
}
