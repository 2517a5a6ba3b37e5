using System.Text.Json.Nodes;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Tests.Fleet;

public sealed class ClusterAuthorityTests
{
    private const string K1 = "~c/kubernetesClusters/k1";
    private static readonly string One = AuthorityPem.Certificate("one"),
        Two = AuthorityPem.Certificate("two");

    [Fact]
    public void Reads_CertificatesAlone()
    {
        Assert.Equal(One, ClusterAuthority.Parse(One).Value);
        Assert.Equal(One + Two, ClusterAuthority.Parse((One + Two).ReplaceLineEndings("\r\n")).Value);
        Assert.Equal(
            One + Two,
            ClusterAuthority
                .Parse($"Certificate:\n    Data:\n        Version: 3 (0x2)\n{One}\n# the next one\n{Two.TrimEnd()}")
                .Value
        );
    }

    [Fact]
    public void Refuses_WhatIsNoCertificate_AndDoesntShowIt()
    {
        var (certificate, key) = AuthorityPem.Create("three");
        string[] wrong =
        [
            "",
            "no certificate",
            key,
            certificate + key,
            key + certificate,
            certificate.Replace("CERTIFICATE", "TRUSTED CERTIFICATE", StringComparison.Ordinal),
            certificate.Replace("CERTIFICATE", "PUBLIC KEY", StringComparison.Ordinal),
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n" + certificate,
            certificate + certificate[..^40],
            key[..^40] + certificate,
        ];
        foreach (var text in wrong)
        {
            var refusal = ClusterAuthority.Parse(text).Refusal;
            Assert.Equal((RefusalCode.InvalidMember, "certificateAuthority"), (refusal?.Code, refusal?.Target));
            Assert.DoesNotContain(key.Split('\n')[1], refusal!.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Refuses_MoreThanAClusterCanHave()
    {
        Assert.Equal(
            RefusalCode.RequestTooLarge,
            ClusterAuthority.Parse(One + new string('\n', ClusterAuthority.MaxLength)).Refusal?.Code
        );
        Assert.Null(ClusterAuthority.Parse(One + new string('\n', ClusterAuthority.MaxLength - One.Length)).Refusal);
    }

    [Fact]
    public void Finds_TheNewestReport_OfAgentsThatServeTheCluster()
    {
        var site = TestSite.Small();
        var cluster = TestSite.Id(K1);
        Assert.Null(ClusterAuthority.Find(site.State, cluster));
        var (first, second) = (site.Enrol(K1, "first"), site.Enrol(K1, "second"));
        Report(site, first, One, "2026-11-22T10:00:02Z");
        Report(site, second, Two, "2026-11-22T10:00:01Z");
        Assert.Equal(One, ClusterAuthority.Find(site.State, cluster));
        Report(site, second, Two, "2026-11-22T10:00:03Z");
        Assert.Equal(Two, ClusterAuthority.Find(site.State, cluster));
        Report(site, first, null, "2026-11-22T10:00:04Z");
        Assert.Equal(Two, ClusterAuthority.Find(site.State, cluster));

        // Enrolled anew by that name, for a node: what it said before counts no more.
        var id = ResourceId.Parse(second).Value;
        site.Commit(
            Mutation.Put(
                id,
                new JsonObject
                {
                    ["id"] = id.ToString(),
                    ["properties"] = new JsonObject { ["node"] = "w1" },
                }
            )
        );
        Assert.Null(ClusterAuthority.Find(site.State, cluster));
    }

    private static void Report(TestSite site, string agent, string? authority, string at) =>
        site.Commit(
            new AgentStatus("sha256-1", 1, true, "", at) { CertificateAuthority = authority }.ToMutation(agent)
        );
}
