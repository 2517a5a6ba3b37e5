using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Networks;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Tests.Access;

/// <summary>Roles as data, and the one function that judges by them.</summary>
public sealed class RoleTests
{
    private const string Scope = "/subscriptions/s/resourcegroups/g";

    private static readonly string[] Verbs =
    [
        "read",
        "write",
        "delete",
        "join",
        "connect",
        "listen",
        "verify",
        "administer",
    ];

    [Theory]
    [InlineData("Reader", "read")]
    [InlineData("RelayUser", "read connect")]
    [InlineData("RelayListener", "read listen")]
    [InlineData("Contributor", "read write delete join connect listen verify")]
    [InlineData("Owner", "read write delete join connect listen verify administer")]
    public void Gives_TheVerbsOfItsRow_OnEveryKind(string role, string verbs)
    {
        var principal = Principal((role, Scope));
        foreach (var kind in AllKinds.List.All.Select(kind => kind.Type.ToString()).Append(RoleRule.AnyKind))
        {
            Assert.Equal(verbs.Split(' '), Verbs.Where(verb => principal.Allows(verb, kind, $"{Scope}/x")));
            Assert.DoesNotContain(Verbs, verb => principal.Allows(verb, kind, "/subscriptions/s"));
            Assert.DoesNotContain(Verbs, verb => principal.Allows(verb, kind, $"{Scope}2/x"));
            Assert.DoesNotContain(Verbs, verb => principal.Allows(verb, kind, "/"));
        }
    }

    [Fact]
    public void Lets_NetworkUsersReadAndJoin_NetworksAndTheirClusters()
    {
        var principal = Principal(("NetworkUser", Scope));
        foreach (var kind in AllKinds.List.All)
        {
            var isOne = Network.IsNetworkType(kind.Type) || kind.Plural is "cloudservicesnetworks" or "clusters";
            Assert.Equal(
                isOne ? ["read", "join"] : [],
                Verbs.Where(verb => principal.Allows(verb, kind.Type.ToString(), Scope))
            );
        }
    }

    [Theory]
    [InlineData("join", "Microsoft.NetworkCloud/l3Networks", "NetworkUser")]
    [InlineData("join", "Microsoft.ManagedNetworkFabric/l3IsolationDomains", "Contributor")]
    [InlineData("read", "*", "Reader")]
    [InlineData("connect", "Microsoft.NetworkCloud/virtualMachines", "RelayUser")]
    [InlineData("delete", "Microsoft.NetworkCloud/virtualMachines", "Contributor")]
    [InlineData("administer", "*", "Owner")]
    public void Names_TheRoleThatGivesLeast(string verb, string kind, string role) =>
        Assert.Equal(role, Role.LeastFor(verb, kind));

    /// <summary>What a store of before holds: a name of a role and a scope, and nothing of groups or roles.</summary>
    [Fact]
    public void Reads_AssignmentsOfAnOlderStore()
    {
        var row = new Row(
            "principal|ann",
            1,
            Json.ToUtf8(
                JsonNode.Parse(
                    """
                    {"name":"ann","systemData":{},"tokenHash":"00",
                     "properties":{"assignments":[{"role":"Contributor","scope":"/subscriptions/S/resourceGroups/G"}]}}
                    """
                )!
            )
        );
        var principal = Identities.Of(AllKinds.EmptyState).Resolve(row);
        Assert.Equal("ann", principal.Name);
        Assert.True(principal.Allows("write", "Microsoft.NetworkCloud/l3Networks", $"{Scope}/x"));
        Assert.False(principal.Allows("administer", "*", "/"));
    }

    [Theory]
    [InlineData("/subscriptions/s/resourceGroups/g", "Microsoft.Resources/resourceGroups")]
    [InlineData("/subscriptions/s", null)]
    [InlineData("~vm", "Microsoft.NetworkCloud/virtualMachines")]
    [InlineData("~vm/providers/Weft.Relay/connections/default", "Microsoft.NetworkCloud/virtualMachines")]
    [InlineData("~vm/providers/Weft.Relay/networkRuleSets/default", "Weft.Relay/networkRuleSets")]
    [InlineData("/subscriptions/s/resourceGroups/g/providers/Foo.Bar/bars/b", null)]
    public void Judges_WhatIsComputed_AsWhatItStandsOn(string id, string? kind)
    {
        const string Machine = "/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud/virtualMachines/v";
        var parsed = ResourceId.Parse(id.Replace("~vm", Machine, StringComparison.Ordinal)).Value;
        Assert.Equal(kind, AllKinds.List.KindJudged(parsed)?.Type.ToString());
    }

    private static Principal Principal(params (string Role, string Scope)[] assignments) =>
        new("ann", [.. assignments.Select(a => new RoleAssignment(Role.FindBuiltIn(a.Role)!, a.Scope))]);
}
