using System.Diagnostics;
using System.Runtime.Versioning;
using YamlDotNet.RepresentationModel;

namespace Weft.Tests.Kubernetes;

/// <summary>What is shipped to install the agents.</summary>
[SupportedOSPlatform("linux")]
public sealed class DeployTests
{
    private static readonly string Deploy = Path.Combine(Repository.Root, "deploy");

    [Fact]
    public async Task Renders_EveryObjectByKustomize()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/kubectl"), "kubectl isn't installed (kubernetes-client)");
        var (code, text, error) = await Run("/usr/bin/kubectl", "kustomize", Path.Combine(Deploy, "kustomize/example"));
        Assert.True(code == 0, error);
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        var names = stream
            .Documents.Select(d => (YamlMappingNode)d.RootNode)
            .Select(d => $"{d.Children["kind"]} {((YamlMappingNode)d.Children["metadata"]).Children["name"]}")
            .Order(StringComparer.Ordinal);
        Assert.Equal(
            [
                "ClusterRole weft-agent",
                "ClusterRoleBinding weft-agent",
                "ConfigMap weft-agent",
                "DaemonSet weft-agent-node",
                "Deployment weft-agent",
                "MutatingWebhookConfiguration weft-agent",
                "Namespace weft-system",
                "Role weft-agent",
                "Role weft-agent",
                "RoleBinding weft-agent",
                "RoleBinding weft-agent",
                "Secret weft-enrollment",
                "Service weft-agent-webhook",
                "ServiceAccount weft-agent",
                "ServiceAccount weft-agent-node",
                "ValidatingWebhookConfiguration weft-agent",
            ],
            names
        );
        Assert.DoesNotContain("image: weft-agent\n", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("agent.yaml", "Deployment")]
    [InlineData("node-agent.yaml", "DaemonSet")]
    public void Starts_TheAgentByOptionsThatItHas(string file, string kind)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(File.ReadAllText(Path.Combine(Deploy, "kustomize/base", file))));
        var whole = stream
            .Documents.Select(d => (YamlMappingNode)d.RootNode)
            .Single(d => d.Children["kind"].ToString() == kind);
        var container = (YamlMappingNode)
            ((YamlSequenceNode)whole["spec"]["template"]["spec"]["containers"]).Children.Single();
        var arguments = ((YamlSequenceNode)container["args"])
            .Children.Select(a =>
                a.ToString()
                    .Replace("$(WEFT_SERVER)", "https://weft.example", StringComparison.Ordinal)
                    .Replace("$(WEFT_NAME)", "c1", StringComparison.Ordinal)
                    .Replace("$(NODE_NAME)", "w1", StringComparison.Ordinal)
                    .Replace("$(WEFT_CLUSTER)", Documents.East, StringComparison.Ordinal)
            )
            .ToArray();
        Weft.Agent.AgentOptions? read = null;
        var parsed = new Weft.Agent.CommandLine()
            .Command(options =>
            {
                read = options;
                return Task.FromResult(0);
            })
            .Parse(arguments);
        Assert.Empty(parsed.Errors);
        Assert.Equal(0, parsed.Invoke());
        Assert.Equal(
            kind == "Deployment" ? (true, "weft-agent-identity", 8443) : default,
            (
                read!.Kubernetes?.LeaderElection ?? false,
                read.Kubernetes?.IdentitySecret,
                read.Kubernetes?.WebhookListen?.Port ?? 0
            )
        );
    }

    [Fact]
    public async Task Verifies_TheUnitBySystemd()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/systemd-analyze"), "systemd-analyze isn't installed (systemd)");
        var folder = Directory.CreateTempSubdirectory("weft-unit-");
        var unit = Path.Join(folder.FullName, "weft-agent.service");
        // It looks for the program, which isn't installed here.
        await File.WriteAllTextAsync(
            unit,
            (
                await File.ReadAllTextAsync(
                    Path.Combine(Deploy, "systemd/weft-agent.service"),
                    TestContext.Current.CancellationToken
                )
            ).Replace("/usr/local/bin/weft-agent", "/bin/true", StringComparison.Ordinal),
            TestContext.Current.CancellationToken
        );
        var (code, said, error) = await Run("/usr/bin/systemd-analyze", "verify", unit);
        Assert.True(code == 0 && (said + error).Length == 0, said + error);
        var (_, score, _) = await Run("/usr/bin/systemd-analyze", "security", "--offline=true", "--threshold=40", unit);
        Assert.Contains("Overall exposure level", score, StringComparison.Ordinal);
        Assert.DoesNotContain(
            "UNSAFE",
            score.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1],
            StringComparison.Ordinal
        );
        folder.Delete(true);
    }

    private static async Task<(int Code, string Output, string Error)> Run(string program, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true }
        )!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await error);
    }
}
