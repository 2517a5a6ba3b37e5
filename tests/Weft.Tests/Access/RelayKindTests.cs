using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Tests.Access;

public sealed class RelayKindTests
{
    private const string Relay = TestSite.Group + "/providers/Microsoft.Relay/";
    private const string Space = Relay + "namespaces/site-a";
    private const string Connection = Space + "/hybridConnections/camera";
    private const string Set = "~c/kubernetesClusters/k1/providers/Weft.Relay/networkRuleSets/default";

    [Fact]
    public void Creates_NamespaceWithRulesAndAKeyOfItsOwn()
    {
        var site = Site();
        Assert.Equal(
            ("Allow", "Enabled", "Succeeded"),
            (
                Property(site, $"{Space}/networkRuleSets/default", "defaultAction"),
                Property(site, $"{Space}/networkRuleSets/default", "publicNetworkAccess"),
                site.ProvisioningStateOf(Space)
            )
        );
        Assert.Equal(
            "[\"Listen\",\"Manage\",\"Send\"]",
            site.Render($"{Space}/authorizationRules/RootManageSharedAccessKey")["properties"]![
                "rights"
            ]!.ToJsonString()
        );
        Assert.Equal(
            new RelayKeys("first-key", "second-key"),
            RelayKeys.Find(site.State, TestSite.Id($"{Space}/authorizationRules/RootManageSharedAccessKey"))
        );
        Assert.Empty(Completed(site));
    }

    [Fact]
    public void Shows_NoKeyInAnyBody()
    {
        var site = Site();
        var shown = AllKinds.List.All.SelectMany(kind =>
            new ReadTransaction(site.State)
                .List(kind.Type)
                .Select(row => ResourceBody.Render(kind, row, site.State).ToJsonString())
        );
        Assert.All(shown, body => Assert.DoesNotContain("first-key", body, StringComparison.Ordinal));
        Assert.All(
            site.State.Range("").Where(row => !row.Key.StartsWith("relaykeys|", StringComparison.Ordinal)),
            row => Assert.DoesNotContain("first-key", row.ToJsonObject().ToJsonString(), StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Renders_HybridConnectionAsAzureDoes()
    {
        var properties = Site().Render(Connection)["properties"]!;
        Assert.Equal(
            (true, TestSite.Now, TestSite.Now),
            (
                properties["requiresClientAuthorization"]!.GetValue<bool>(),
                properties["createdAt"]!.ToString(),
                properties["updatedAt"]!.ToString()
            )
        );
    }

    [Theory]
    [InlineData(
        "namespaces/abcde",
        "{'location':'east','sku':{'name':'Standard'}}",
        RefusalCode.InvalidResourceName,
        "name"
    )]
    [InlineData("namespaces/1abcdef", "{'location':'east'}", RefusalCode.InvalidResourceName, "name")]
    [InlineData(
        "namespaces/a2345678901234567890123456789012345678901234567890x",
        "{'location':'east'}",
        RefusalCode.InvalidResourceName,
        "name"
    )]
    [InlineData("namespaces/site-b", "{}", RefusalCode.MissingMember, "location")]
    [InlineData(
        "namespaces/site-b",
        "{'location':'east','sku':{'name':'Premium'}}",
        RefusalCode.InvalidMember,
        "sku.name"
    )]
    [InlineData(
        "namespaces/site-b",
        "{'location':'east','properties':{'publicNetworkAccess':'SecuredByPerimeter'}}",
        RefusalCode.InvalidMember,
        "properties.publicNetworkAccess"
    )]
    [InlineData("namespaces/site-a/networkRuleSets/other", "{}", RefusalCode.InvalidResourceName, "name")]
    [InlineData(
        "namespaces/site-a/networkRuleSets/default",
        "{'properties':{'ipRules':[{'ipMask':'10.0.0.0/8','action':'Deny'}]}}",
        RefusalCode.InvalidMember,
        "properties.ipRules[0].action"
    )]
    [InlineData(
        "namespaces/site-a/networkRuleSets/default",
        "{'properties':{'ipRules':[{'ipMask':'10.0.0.1/8'}]}}",
        RefusalCode.InvalidMember,
        "properties.ipRules[0].ipMask"
    )]
    [InlineData(
        "namespaces/site-a/networkRuleSets/default",
        "{'properties':{'trustedServiceAccessEnabled':'false'}}",
        RefusalCode.InvalidMember,
        "properties.trustedServiceAccessEnabled"
    )]
    [InlineData(
        "namespaces/site-a/hybridConnections/h",
        "{'properties':{'requiresClientAuthorization':'True'}}",
        RefusalCode.InvalidMember,
        "properties.requiresClientAuthorization"
    )]
    [InlineData(
        "namespaces/site-a/hybridConnections/camera",
        "{'properties':{'requiresClientAuthorization':false}}",
        RefusalCode.ImmutableMember,
        "properties.requiresClientAuthorization"
    )]
    [InlineData("namespaces/site-a/hybridConnections/-h", "{}", RefusalCode.InvalidResourceName, "name")]
    [InlineData(
        "namespaces/nobody/hybridConnections/h",
        "{}",
        RefusalCode.ResourceNotFound,
        Relay + "namespaces/nobody/hybridConnections/h"
    )]
    [InlineData(
        "namespaces/site-a/authorizationRules/r",
        "{'properties':{}}",
        RefusalCode.MissingMember,
        "properties.rights"
    )]
    [InlineData(
        "namespaces/site-a/authorizationRules/r",
        "{'properties':{'rights':[]}}",
        RefusalCode.InvalidMember,
        "properties.rights"
    )]
    [InlineData(
        "namespaces/site-a/authorizationRules/r",
        "{'properties':{'rights':['Send','Send']}}",
        RefusalCode.InvalidMember,
        "properties.rights"
    )]
    [InlineData(
        "namespaces/site-a/authorizationRules/r",
        "{'properties':{'rights':['Manage','Send']}}",
        RefusalCode.InvalidMember,
        "properties.rights"
    )]
    [InlineData(
        "namespaces/site-a/authorizationRules/r",
        "{'properties':{'rights':['Own']}}",
        RefusalCode.InvalidMember,
        "properties.rights[0]"
    )]
    [InlineData(
        "namespaces/site-a/hybridConnections/camera/authorizationRules/r",
        "{'properties':{'rights':['Manage']}}",
        RefusalCode.InvalidMember,
        "properties.rights"
    )]
    internal void Refuses_WhatAzureRefuses(string id, string body, RefusalCode code, string target) =>
        Site().AssertRefused(code, target, Relay + id, body);

    [Fact]
    public void Refuses_NamespaceThatAnotherGroupHas()
    {
        var site = Site();
        const string Other = "/subscriptions/5be00000-0000-4000-8000-0000000005a0/resourceGroups/other";
        site.Put(Other, "{'location':'east'}");
        var refusal = site.AssertRefused(
            RefusalCode.Overlap,
            "name",
            $"{Other}/providers/Microsoft.Relay/namespaces/SITE-A",
            "{'location':'east'}"
        );
        Assert.Equal(Space, refusal.ConflictsWith);
    }

    [Fact]
    public void Refuses_TheThirteenthAuthorizationRule()
    {
        var site = Site();
        for (var i = 0; i < 11; i++)
            site.Put($"{Space}/authorizationRules/r{i}", "{'properties':{'rights':['Send']}}");
        site.AssertRefused(
            RefusalCode.Conflict,
            "name",
            $"{Space}/authorizationRules/r11",
            "{'properties':{'rights':['Send']}}"
        );
        site.Put($"{Connection}/authorizationRules/r11", "{'properties':{'rights':['Send']}}");
        Assert.False(site.Put($"{Space}/authorizationRules/r10", "{'properties':{'rights':['Listen']}}").Created);
    }

    [Fact]
    public void Refuses_ToDeleteTheRulesOfANamespace() =>
        Site()
            .AssertRefused(
                RefusalCode.MethodNotAllowed,
                $"{Space}/networkRuleSets/default",
                Site().TryDelete($"{Space}/networkRuleSets/default")
            );

    [Fact]
    public void Removes_Everything_WithItsNamespace()
    {
        var site = Site();
        site.Put($"{Connection}/authorizationRules/r", "{'properties':{'rights':['Send']}}");
        NetworkRulesTests.Rules(site, Connection, "");
        var before = site.RowOf(Space);
        var gone = site.Delete(Space);
        Assert.Null(gone.Row);
        Assert.Same(before, gone.Before);
        Assert.False(gone.Created);
        Assert.Null(gone.Operation);
        Assert.Empty(site.State.Range("microsoft.relay/"));
        Assert.Empty(site.State.Range("weft.relay/"));
        Assert.Empty(site.State.Range("relaykeys|"));
    }

    [Fact]
    public void Completes_AtOnceWithAllThatStandsUnder() =>
        Assert.All(
            AllKinds.List.All.Where(kind => kind.IsSynchronous),
            kind =>
                Assert.All(
                    AllKinds.List.ChildKindsOf(kind.Type),
                    under => Assert.True(under.IsSynchronous, $"{under.Type} stands under {kind.Type}")
                )
        );

    [Theory]
    [InlineData(
        "{'properties':{'ipRules':[{'ipMask':'10.0.0.1/8'}]}}",
        RefusalCode.InvalidMember,
        "properties.ipRules[0].ipMask",
        "10.0.0.0/8"
    )]
    [InlineData(
        "{'properties':{'ipRules':[{'ipMask':'::ffff:10.0.0.0/104'}]}}",
        RefusalCode.InvalidMember,
        "properties.ipRules[0].ipMask",
        "10.0.0.0/8"
    )]
    [InlineData(
        "{'properties':{'ipRules':[{'action':'Allow'}]}}",
        RefusalCode.MissingMember,
        "properties.ipRules[0].ipMask",
        "required"
    )]
    [InlineData(
        "{'properties':{'ipRules':[{'ipMask':'10.0.0.0/8','apliesTo':'senders'}]}}",
        RefusalCode.UnknownMember,
        "properties.ipRules[0].apliesTo",
        "appliesTo"
    )]
    [InlineData(
        "{'properties':{'ipRules':[{'ipMask':'10.0.0.0/8','services':[]}]}}",
        RefusalCode.InvalidMember,
        "properties.ipRules[0].services",
        "1 to 16"
    )]
    [InlineData(
        "{'properties':{'ipRules':[{'ipMask':'10.0.0.0/8','services':['a b']}]}}",
        RefusalCode.InvalidMember,
        "properties.ipRules[0].services[0]",
        "a b"
    )]
    [InlineData(
        "{'properties':{'ipRules':[{'ipMask':'10.0.0.0/8','services':['ssh'],'appliesTo':'listeners'}]}}",
        RefusalCode.InvalidMember,
        "properties.ipRules[0].services",
        "listener"
    )]
    [InlineData(
        "{'properties':{'defaultAction':'Maybe'}}",
        RefusalCode.InvalidMember,
        "properties.defaultAction",
        "Allow, Deny"
    )]
    [InlineData("{'ipRules':[]}", RefusalCode.UnknownMember, "ipRules", "ipRules")]
    internal void Refuses_RuleSetThatCouldMeanAnother(string body, RefusalCode code, string target, string says) =>
        Assert.Contains(
            says,
            TestSite.Small().AssertRefused(code, target, Set, body).Message,
            StringComparison.Ordinal
        );

    [Theory]
    [InlineData(128, true)]
    [InlineData(129, false)]
    public void Accepts_AtMost128Rules(int count, bool taken)
    {
        var rules = new JsonArray([
            .. Enumerable.Range(0, count).Select(i => (JsonNode)new JsonObject { ["ipMask"] = $"10.0.{i}.0/24" }),
        ]);
        var site = TestSite.Small();
        var outcome = site.TryPut(
            Set,
            new JsonObject { ["properties"] = new JsonObject { ["ipRules"] = rules } }.ToJsonString()
        );
        Assert.Equal(taken, outcome.Refusal is null);
    }

    [Theory]
    [InlineData("~c/l3Networks/n6")]
    [InlineData("~c/cloudServicesNetworks/egress")]
    [InlineData("~c/kubernetesClusters/k1/agentPools/workers")]
    public void Refuses_RuleSetWhereNothingIsReached(string at) =>
        Assert.Equal(
            RefusalCode.InvalidResourceType,
            TestSite.Small().TryPut($"{at}/providers/Weft.Relay/networkRuleSets/default", "{}").Refusal!.Code
        );

    [Fact]
    public void Denies_ByDefaultOnceItIsThere()
    {
        var site = TestSite.Small();
        site.Put(Set, "{}");
        Assert.Equal("Deny", Property(site, Set, "defaultAction"));
        Assert.True(
            site.Put(Set, site.Render(Set).ToJsonString()).Unchanged,
            "what was read and sent back is no change"
        );
    }

    [Theory]
    [InlineData("{'keyType':'PrimaryKey'}", "drawn", "second-key")]
    [InlineData("{'keyType':'secondarykey'}", "first-key", "drawn")]
    [InlineData(
        "{'keyType':'PrimaryKey','key':'0123456789abcdef0123456789abcdef'}",
        "0123456789abcdef0123456789abcdef",
        "second-key"
    )]
    public void Regenerates_OneKey(string arguments, string primary, string secondary) =>
        Assert.Equal(
            new RelayKeys(primary, secondary),
            new RelayKeys("first-key", "second-key").Regenerate(TestSite.Body(arguments), "drawn").Value
        );

    [Theory]
    [InlineData("{}", "keyType")]
    [InlineData("{'keyType':'Third'}", "keyType")]
    [InlineData("{'keyType':'PrimaryKey','key':'short-and-secret'}", "key")]
    [InlineData("{'keyType':'PrimaryKey','key':'0123456789 abcdef 0123456789abcdef'}", "key")]
    [InlineData("{'keyType':'PrimaryKey','kee':'x'}", "kee")]
    public void Refuses_InvalidKey_WithoutShowingIt(string arguments, string target)
    {
        var refusal = new RelayKeys("first-key", "second-key").Regenerate(TestSite.Body(arguments), "drawn").Refusal!;
        Assert.Equal(target, refusal.Target);
        Assert.DoesNotContain("secret-", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("short-and-secret", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Accepts_TheExamples_AndBackAsTheyAreRead()
    {
        var site = TestSite.Example().Apply(Examples.Documents("relay"));
        Assert.All(
            AllKinds
                .List.All.Where(kind => kind.IsSynchronous)
                .SelectMany(kind => new ReadTransaction(site.State).List(kind.Type)),
            row =>
            {
                var id = ResourceKind.IdOf(row).ToString();
                Assert.True(site.Put(id, site.Render(id).ToJsonString()).Unchanged, id);
            }
        );
        var east = Examples
            .Documents()
            .Select(d => d["id"]!.ToString())
            .Single(id => id.EndsWith("/kubernetesClusters/core-east", StringComparison.Ordinal));
        var answers = new[] { "198.51.100.7", "198.51.100.8", "10.20.0.9", "2001:db8:51::1" }.Select(from =>
            NetworkRules
                .Evaluate(
                    site.State,
                    TestSite.Id(east),
                    AppliesTo.Senders,
                    "kubernetes",
                    Weft.Addressing.Address.Parse(from).Value
                )
                .Summary
        );
        Assert.Equal(
            [
                "cluster core-east: allow 198.51.100.7/32 (senders; kubernetes,ssh)",
                "cluster core-east: deny by default",
                "Nexus Cluster edge-east: deny by default",
                "cluster core-east: deny by default",
            ],
            answers
        );
        site.Delete(
            Examples
                .Documents("relay")
                .Select(d => d["id"]!.ToString())
                .Single(id => id.EndsWith("/edge-east-relay", StringComparison.Ordinal))
        );
    }

    private static TestSite Site()
    {
        var site = TestSite.Small();
        site.Accept(
            site.Verbs.Put(
                site.Request(
                    Space,
                    TestSite.Body("{'location':'east','sku':{'name':'Standard','tier':'Standard'}}")
                ) with
                {
                    RandomKeys = ["first-key", "second-key"],
                },
                new ReadTransaction(site.State)
            )
        );
        site.Put(Connection, "{'properties':{'userMetadata':'on the roof'}}");
        return site;
    }

    private static string Property(TestSite site, string id, string member) =>
        site.Render(id)["properties"]![member]!.ToString();

    private static System.Collections.Immutable.ImmutableArray<Mutation> Completed(TestSite site) =>
        site.Operations.Complete(site.State, TestSite.Now);
}
