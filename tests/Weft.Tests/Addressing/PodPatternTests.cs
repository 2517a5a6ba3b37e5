using Weft.Addressing;

namespace Weft.Tests.Addressing;

/// <summary>Which pods a pattern means, and which claim a pod's name says.</summary>
public sealed class PodPatternTests
{
    [Theory]
    [InlineData("db", true)]
    [InlineData("0", true)]
    [InlineData("db-0.east", true)]
    [InlineData("", false)]
    [InlineData("DB", false)]
    [InlineData("a/b", false)]
    [InlineData("a_b", false)]
    [InlineData("a b", false)]
    [InlineData("ä", false)]
    public void Knows_TheNameOfAClaim(string text, bool isOne) => Assert.Equal(isOne, PodPattern.IsClaimName(text));

    [Fact]
    public void Takes_AClaim_AsLongAsAnObjectsName()
    {
        Assert.True(PodPattern.IsClaimName(new string('a', 253)));
        Assert.False(PodPattern.IsClaimName(new string('a', 254)));
    }

    [Theory]
    [InlineData("core/upf-*", true)]
    [InlineData("*/*", true)]
    [InlineData("c?re/u.9", true)]
    [InlineData("upf-*", false)]
    [InlineData("/upf", false)]
    [InlineData("core/", false)]
    [InlineData("a/b/c", false)]
    [InlineData("core/Upf", false)]
    [InlineData("core/u_f", false)]
    [InlineData("*", false)]
    public void Knows_APattern(string text, bool isOne) => Assert.Equal(isOne, PodPattern.IsPattern(text));

    [Theory]
    [InlineData("vms/virt-launcher-*-?????", true)]
    [InlineData("vms/*", true)]
    [InlineData("vms/db", false)]
    [InlineData("vms/*-*", false)]
    [InlineData("v*/db", false)]
    [InlineData("?ms/*", false)]
    [InlineData("vm?/*", false)]
    [InlineData("*", false)]
    [InlineData("vms/D*", false)]
    public void Knows_APattern_ThatSaysAClaim(string text, bool isOne) =>
        Assert.Equal(isOne, PodPattern.IsClaimPattern(text));

    [Theory]
    [InlineData("core/upf-*", "core/upf-0", true)]
    [InlineData("core/upf-*", "core/upf-", true)]
    [InlineData("core/upf-*", "core/upf", false)]
    [InlineData("core/*-0", "core/a-0-b-0", true)]
    [InlineData("core/*-0", "core/a-0-b-1", false)]
    [InlineData("*/upf-0", "core/upf-0", true)]
    [InlineData("*", "core/upf-0", false)]
    [InlineData("core/upf-?", "core/upf-0", true)]
    [InlineData("core/upf-?", "core/upf-10", false)]
    [InlineData("core?upf-0", "core/upf-0", false)]
    [InlineData("core/upf-0", "core/upf-01", false)]
    [InlineData("core/upf-0*", "core/upf-0", true)]
    [InlineData("*re/*f-0", "core/upf-0", true)]
    public void Means_APod_OrNot(string pattern, string pod, bool isMeant) =>
        Assert.Equal(isMeant, PodPattern.Matches(pattern, pod));

    [Theory]
    [InlineData("vms/virt-launcher-*-?????", "vms/virt-launcher-db-x7k2p", "vms/db")]
    [InlineData("vms/virt-launcher-*-?????", "vms/virt-launcher-d-x7k2p", "vms/d")]
    [InlineData("vms/virt-launcher-*-?????", "vms/virt-launcher--x7k2p", null)]
    [InlineData("vms/virt-launcher-*-?????", "vms/virt-launcher-db-x7k2", null)]
    [InlineData("vms/virt-launcher-*-?????", "vms/hook-launcher-db-x7k2p", null)]
    [InlineData("vms/virt-launcher-*-?????", "core/virt-launcher-db-x7k2p", null)]
    [InlineData("vms/*-?", "vms/a/b-c", null)]
    [InlineData("vms/*-db", "vms/a-db", "vms/a")]
    [InlineData("vms/*-db", "vms/a+db", null)]
    [InlineData("vms/*", "vms/db-0", "vms/db-0")]
    [InlineData("vms/db", "vms/db", null)]
    public void Says_TheClaimOfAPod(string pattern, string pod, string? claim) =>
        Assert.Equal(claim, PodPattern.ClaimOf(pattern, pod));
}
