using System.Text.Json.Nodes;
using Weft.Fleet.Planning;
using Weft.Resources;

namespace Weft.Tests.Access;

public sealed class LockoutRulesTests
{
    private const string Cluster = "~c/kubernetesClusters/k1";
    private const string Place = "~c/clusters/place";
    private const string Space = TestSite.Group + "/providers/Microsoft.Relay/namespaces/site-a";

    [Theory]
    [InlineData(Cluster, "", "properties.defaultAction")]
    [InlineData(Cluster, "'ipRules':[{'ipMask':'192.0.2.0/24'}]", "properties.defaultAction")]
    [InlineData(Cluster, "'ipRules':[{'ipMask':'10.0.0.0/8','appliesTo':'listeners'}]", "properties.defaultAction")]
    [InlineData(Cluster, "'ipRules':[{'ipMask':'10.0.0.0/8','services':['ssh']}]", "properties.defaultAction")]
    [InlineData(
        Cluster,
        "'defaultAction':'Allow','ipRules':[{'ipMask':'10.1.0.0/16'},{'ipMask':'10.0.0.0/8','action':'Deny'}]",
        "properties.ipRules[1]"
    )]
    [InlineData(Place, "'ipRules':[{'ipMask':'10.0.0.0/8','services':['kubernetes']}]", "properties.defaultAction")]
    public void Refuses_RulesThatShutOutTheirAuthor(string at, string rules, string target)
    {
        var site = TestSite.Small();
        var refusal = site.AssertRefused(RefusalCode.WouldLockOut, target, Write(site, at, rules, "10.0.0.7"));
        Assert.Contains("10.0.0.7", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("force=true", refusal.Message, StringComparison.Ordinal);
        Assert.Null(Write(site, at, rules, "10.0.0.7", force: true).Refusal);
    }

    [Fact]
    public void Plans_WhatTheWriteWouldRefuse()
    {
        var site = TestSite.Small();
        JsonObject[] documents =
        [
            TestSite.Body(
                $"{{'id':'{TestSite.Id($"{Cluster}/providers/Weft.Relay/networkRuleSets/default")}',"
                    + $"'properties':{{'ipRules':[{{'ipMask':'192.0.2.0/24'}}]}}}}"
            ),
        ];
        JsonObject Change(string? from, bool force) =>
            site
                .Plan.Create(
                    documents,
                    site.State,
                    TestSite.Now,
                    new PlanCaller(_ => true, _ => true)
                    {
                        CheckJoin = (_, _) => null,
                        CallerAddress = from,
                        Force = force,
                    }
                )
                .Value.ToJson()["changes"]![0]!.AsObject();
        Assert.Equal(
            "WouldLockOut",
            Change("10.0.0.7", false)["error"]!["details"]?[0]?["code"]?.ToString()
                ?? Change("10.0.0.7", false)["error"]!["code"]!.ToString()
        );
        Assert.Equal("Create", Change("10.0.0.7", true)["action"]!.ToString());
        Assert.Equal("Create", Change("192.0.2.7", false)["action"]!.ToString());
    }

    [Theory]
    [InlineData(Cluster, "'ipRules':[{'ipMask':'10.0.0.0/8'}]")]
    [InlineData(Cluster, "'ipRules':[{'ipMask':'10.0.0.7','appliesTo':'senders','services':['kubernetes']}]")]
    [InlineData(
        Place,
        "'ipRules':[{'ipMask':'10.0.0.7','services':['kubernetes']},{'ipMask':'10.0.0.0/24','services':['ssh']}]"
    )]
    public void Accepts_RulesThatLeaveTheirAuthorIn(string at, string rules) =>
        Assert.Null(Write(TestSite.Small(), at, rules, "10.0.0.7").Refusal);

    [Fact]
    public void Accepts_RulesOfOneWhoWasOutBefore()
    {
        var site = TestSite.Small();
        site.Accept(Write(site, Cluster, "'ipRules':[{'ipMask':'192.0.2.0/24'}]", null));
        Assert.Null(Write(site, Cluster, "'ipRules':[{'ipMask':'192.0.2.0/25'}]", "10.0.0.7").Refusal);
        Assert.NotNull(Write(site, Cluster, "'ipRules':[{'ipMask':'192.0.2.0/25'}]", "192.0.2.200").Refusal);
    }

    [Theory]
    [InlineData("networkRuleSets/default", "{'properties':{'ipRules':[{'ipMask':'192.0.2.0/24'}]}}")]
    [InlineData("networkRuleSets/default", "{'properties':{'defaultAction':'Allow','publicNetworkAccess':'Disabled'}}")]
    [InlineData("", "{'location':'east','properties':{'publicNetworkAccess':'Disabled'}}")]
    public void Refuses_ToCloseANamespaceToItsAuthor(string below, string body)
    {
        var site = TestSite.Small();
        site.Put(Space, "{'location':'east'}");
        var request = site.Request($"{Space}/{below}".TrimEnd('/'), TestSite.Body(body)) with
        {
            CallerAddress = "10.0.0.7",
        };
        Assert.Equal(RefusalCode.WouldLockOut, site.Verbs.Put(request, new ReadTransaction(site.State)).Refusal?.Code);
        Assert.Null(site.Verbs.Put(request with { Force = true }, new ReadTransaction(site.State)).Refusal);
    }

    [Fact]
    public void Accepts_NewNamespaceWithoutPublicAccess()
    {
        var site = TestSite.Small();
        Assert.Null(
            site.Verbs.Put(
                site.Request(
                    Space,
                    TestSite.Body("{'location':'east','properties':{'publicNetworkAccess':'Disabled'}}")
                ) with
                {
                    CallerAddress = "10.0.0.7",
                },
                new ReadTransaction(site.State)
            ).Refusal
        );
    }

    private static Outcome<Decision> Write(TestSite site, string at, string rules, string? from, bool force = false) =>
        site.Verbs.Put(
            site.Request(
                $"{at}/providers/Weft.Relay/networkRuleSets/default",
                TestSite.Body($"{{'properties':{{{rules}}}}}")
            ) with
            {
                CallerAddress = from,
                Force = force,
            },
            new ReadTransaction(site.State)
        );
}
