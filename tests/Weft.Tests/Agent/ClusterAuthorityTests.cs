using System.Runtime.Versioning;
using Weft.Agent;

namespace Weft.Tests.Agent;

/// <summary>
/// The CA certificates of a cluster's API server: where the agent takes them from, and what it tells of them.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class ClusterAuthorityTests
{
    private const string PodAuthority = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";

    [Theory]
    [InlineData("--kubernetes", PodAuthority)]
    [InlineData("--kubernetes --node w1", null)]
    [InlineData("--kubernetes --cluster-ca /etc/cluster/ca.crt", "/etc/cluster/ca.crt")]
    [InlineData("--kubeconfig /etc/kubeconfig", null)]
    [InlineData("--kubeconfig /etc/kubeconfig --cluster-ca /etc/cluster/ca.crt", "/etc/cluster/ca.crt")]
    [InlineData("--relay-target kubernetes=10.0.0.1:6443 --cluster-ca /etc/cluster/ca.crt", "/etc/cluster/ca.crt")]
    [InlineData("", null)]
    public async Task Takes_TheFileThatTheOptionsSay(string options, string? file)
    {
        AgentOptions? read = null;
        var parsed = new CommandLine()
            .Command(found =>
            {
                read = found;
                return Task.FromResult(0);
            })
            .Parse($"--server https://weft.example --state /tmp/state --name east {options}");

        Assert.Empty(parsed.Errors);
        Assert.Equal(0, await parsed.InvokeAsync(cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(file, read!.ClusterAuthority);
    }

    [Fact]
    public void Refuses_TheClustersFile_ForAnAgentOfANode()
    {
        var parsed = new CommandLine()
            .Command(_ => Task.FromResult(0))
            .Parse(
                "--server https://weft.example --state /tmp/state --name w1 --node w1 --cluster-ca /etc/cluster/ca.crt"
            );

        Assert.StartsWith(
            "--cluster-ca is the cluster's, and --node is given",
            Assert.Single(parsed.Errors).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Reports_WhatTheFileHolds_AndAgainWhenItWasReplaced()
    {
        await using var harness = await AgentHarness.Create();
        var (one, two) = (AuthorityPem.Certificate("one"), AuthorityPem.Certificate("two"));
        var mounted = Mount(harness, "1", one);
        harness.Options = harness.Options with { Node = null, ClusterAuthority = mounted };
        await harness.StartAgent();
        harness.Plane.SetDesired("sha256-1", []);
        await harness.Plane.Until(
            () => ReportedAuthority(harness) is [.., var last] && last == one,
            "the first authority is reported"
        );

        Mount(harness, "2", two);

        await harness.Plane.Until(
            () => ReportedAuthority(harness) is [.., var last] && last == two,
            "the second authority is reported, without another picture"
        );
        Assert.Equal([one, two], ReportedAuthority(harness).Distinct());
        Assert.DoesNotContain("cluster-ca-unread", harness.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keeps_WhatItHad_WhenTheFileHoldsSomethingElse_AndNeverSaysWhat()
    {
        await using var harness = await AgentHarness.Create();
        var (certificate, key) = AuthorityPem.Create("one");
        var mounted = Mount(harness, "1", certificate);
        harness.Options = harness.Options with { Node = null, ClusterAuthority = mounted };
        await harness.StartAgent();
        harness.Plane.SetDesired("sha256-1", []);
        await harness.Plane.Until(
            () => ReportedAuthority(harness) is [.., var last] && last == certificate,
            "the authority is reported"
        );

        Mount(harness, "2", key);
        await AgentHarness.Eventually(
            () => harness.Log.Contains("cluster-ca-unread", StringComparison.Ordinal),
            "the agent says what is wrong"
        );
        harness.Plane.SetDesired("sha256-22", []);
        await harness.Plane.UntilReported("sha256-22", "Applied");

        Assert.All(ReportedAuthority(harness), told => Assert.Equal(certificate, told));
        Assert.Contains("holds a block that is no CERTIFICATE", harness.Log, StringComparison.Ordinal);
        Assert.DoesNotContain(key.Split('\n')[1], harness.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reports_None_WhileThereIsNoFile_AndSaysItOnce()
    {
        await using var harness = await AgentHarness.Create();
        harness.Options = harness.Options with
        {
            Node = null,
            ClusterAuthority = Path.Join(harness.Root, "none", "ca.crt"),
        };
        await harness.StartAgent();
        foreach (var i in Enumerable.Range(1, 5))
        {
            harness.Plane.SetDesired($"sha256-{new string('1', i)}", []);
            await harness.Plane.UntilReported($"sha256-{new string('1', i)}", "Applied");
        }

        Assert.All(harness.Plane.Reports, report => Assert.Null(report.CertificateAuthority));
        Assert.Equal(2, harness.Log.Split("cluster-ca-unread").Length);
    }

    private static List<string?> ReportedAuthority(AgentHarness harness) =>
        [.. harness.Plane.Reports.Select(report => report.CertificateAuthority)];

    /// <summary>
    /// Exchanges the file as the kubelet does: a link to a directory of its own, replaced in one step.
    /// </summary>
    private static string Mount(AgentHarness harness, string version, string content)
    {
        var place = Directory.CreateDirectory(Path.Join(harness.Root, "serviceaccount")).FullName;
        var data = Directory.CreateDirectory(Path.Join(place, $"..{version}")).FullName;
        File.WriteAllText(Path.Join(data, "ca.crt"), content);
        var fresh = Path.Join(place, "..data_tmp");
        _ = Directory.CreateSymbolicLink(fresh, $"..{version}");
        using var move = System.Diagnostics.Process.Start("mv", ["-T", fresh, Path.Join(place, "..data")]);
        move.WaitForExit();
        Assert.Equal(0, move.ExitCode);
        var mounted = Path.Join(place, "ca.crt");
        if (!File.Exists(mounted))
            _ = File.CreateSymbolicLink(mounted, "..data/ca.crt");
        return mounted;
    }
}
