using System.Text;
using Weft.Attachments.Nodes;

namespace Weft.Tests.Attachments.Nodes;

/// <summary>The file of a node's policy: what it doesn't understand it doesn't take.</summary>
public sealed class NodePolicyReaderTests
{
    [Fact]
    public void Reads_AllOfIt()
    {
        var policy = Read(
            """
            {
              "interfaces": { "allow": ["ens*", "n6"], "deny": ["ens1"] },
              "prefixes": { "allow": ["10.0.0.0/8"], "deny": ["10.96.0.0/12", "fd00::/8"] },
              "routes": { "allow": ["10.30.0.0/16"], "deny": [] },
              "vlans": { "allow": "100-200,300", "deny": "150" },
              "devices": { "allow": ["0000:3b:00.*"], "deny": ["0000:3b:00.7"] },
              "modules": { "allow": ["8021q"], "deny": ["vfio*"] },
              "management": {
                "protect": false, "interfaces": ["oob*"], "prefixes": ["192.0.2.0/24"], "mayOverlap": ["10.0.0.0/8"], "mayWiden": true
              }
            }
            """
        ).Value;
        Assert.Null(policy.Interfaces.RuleAgainst("ens2"));
        Assert.Equal("interfaces.deny 'ens1'", policy.Interfaces.RuleAgainst("ens1"));
        Assert.Equal("interfaces.allow", policy.Interfaces.RuleAgainst("eth0"));
        Assert.Equal(["10.96.0.0/12", "fd00::/8"], policy.Prefixes.Deny.Select(prefix => prefix.ToString()));
        Assert.Equal(["10.30.0.0/16"], policy.Routes.Allow!.Value.Select(prefix => prefix.ToString()));
        Assert.Null(policy.Vlans.RuleAgainst(300));
        Assert.Equal("vlans.deny 150", policy.Vlans.RuleAgainst(150));
        Assert.Equal("vlans.allow", policy.Vlans.RuleAgainst(301));
        Assert.Null(policy.Devices.RuleAgainst("0000:3b:00.1"));
        Assert.Equal("devices.deny '0000:3b:00.7'", policy.Devices.RuleAgainst("0000:3b:00.7"));
        Assert.Equal("modules.deny 'vfio*'", policy.Modules.RuleAgainst("vfio-pci"));
        Assert.Equal("modules.allow", policy.Modules.RuleAgainst("ice"));
        var management = policy.Management;
        Assert.Equal((false, true), (management.IsProtected, management.MayWiden));
        Assert.Equal(["oob*"], management.Interfaces);
        Assert.Equal("192.0.2.0/24", Assert.Single(management.Prefixes).ToString());
        Assert.Equal("10.0.0.0/8", Assert.Single(management.MayOverlap).ToString());
    }

    [Fact]
    public void Protects_TheManagement_WhateverIsLeftOut()
    {
        foreach (var text in (string[])["{}", """{"management":{}}""", """{"management":{"mayWiden":false}}"""])
        {
            var policy = Read(text).Value;
            Assert.Equal((true, false), (policy.Management.IsProtected, policy.Management.MayWiden));
            Assert.Null(policy.Interfaces.RuleAgainst("any"));
            Assert.Null(policy.Vlans.RuleAgainst(1));
        }

        // A list without anything in it allows nothing.
        Assert.Equal("interfaces.allow", Read("""{"interfaces":{"allow":[]}}""").Value.Interfaces.RuleAgainst("any"));
        Assert.Equal("vlans.allow", Read("""{"vlans":{"allow":""}}""").Value.Vlans.RuleAgainst(1));
    }

    [Theory]
    [InlineData("*", "anything", true)]
    [InlineData("eth*", "eth", true)]
    [InlineData("eth*", "weth1", false)]
    [InlineData("*.100", "bond0.100", true)]
    [InlineData("*.100", "bond0.1001", false)]
    [InlineData("e*s*f0", "ens1f0", true)]
    [InlineData("e*s*f0", "ef0", false)]
    [InlineData("a*a", "a", false)]
    [InlineData("eth0", "eth0", true)]
    [InlineData("eth0", "eth00", false)]
    public void Matches_Patterns(string pattern, string name, bool isDenied) =>
        Assert.Equal(
            isDenied,
            Read("""{"interfaces":{"deny":["PATTERN"]}}""".Replace("PATTERN", pattern, StringComparison.Ordinal))
                .Value.Interfaces.RuleAgainst(name)
                is not null
        );

    [Theory]
    [InlineData("""{"interface":{}}""", "interface")]
    [InlineData("""{"name":"w1"}""", "name")]
    [InlineData("""{"interfaces":{"denied":["eth0"]}}""", "interfaces.denied")]
    [InlineData("""{"interfaces":null}""", "interfaces")]
    [InlineData("""{"interfaces":{"allow":null}}""", "interfaces.allow")]
    [InlineData("""{"interfaces":["eth0"]}""", "interfaces")]
    [InlineData("""{"interfaces":{"deny":"eth0"}}""", "interfaces.deny")]
    [InlineData("""{"interfaces":{"deny":["eth 0"]}}""", "interfaces.deny[0]")]
    [InlineData("""{"interfaces":{"deny":[""]}}""", "interfaces.deny[0]")]
    [InlineData("""{"interfaces":{"deny":[null]}}""", "interfaces.deny[0]")]
    [InlineData("""{"prefixes":{"deny":["10.96.0.1/12"]}}""", "prefixes.deny[0]")]
    [InlineData("""{"prefixes":{"deny":["10.96.0.0"]}}""", "prefixes.deny[0]")]
    [InlineData("""{"routes":{"allow":["::/129"]}}""", "routes.allow[0]")]
    [InlineData("""{"vlans":{"deny":"0"}}""", "vlans.deny")]
    [InlineData("""{"vlans":{"deny":4000}}""", "vlans.deny")]
    [InlineData("""{"devices":{"deny":["3B:00.0"]}}""", "devices.deny[0]")]
    [InlineData("""{"modules":{"deny":["a b"]}}""", "modules.deny[0]")]
    [InlineData("""{"management":{"protect":"no"}}""", "management.protect")]
    [InlineData("""{"management":{"prefixes":["x"]}}""", "management.prefixes[0]")]
    public void Refuses_WhatIsNoPolicy(string text, string member)
    {
        var finding = Assert.Single(Read(text).Refusal!.Findings);
        Assert.Equal(member, finding.Target);
        Assert.Contains(member.Split('.')[^1].Split('[')[0], finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_EverythingThatIsWrong_AndWhereItIsNoJson()
    {
        var findings = Read("""{"x":1,"interfaces":{"deny":["a b"]},"management":{"y":2}}""").Refusal!.Findings;
        Assert.Equal(3, findings.Length);
        Assert.Contains("at line 3", Read("{\n\"vlans\":\n{,}}").Refusal!.Message, StringComparison.Ordinal);
        Assert.NotNull(Read("""{"vlans":{},"vlans":{}}""").Refusal);
        Assert.NotNull(Read("interfaces: {}").Refusal);
    }

    private static Outcome<NodePolicy> Read(string text) => NodePolicyReader.Read(Encoding.UTF8.GetBytes(text));
}
