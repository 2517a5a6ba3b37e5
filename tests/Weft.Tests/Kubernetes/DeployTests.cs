using System.Diagnostics;
using System.Runtime.Versioning;
using YamlDotNet.RepresentationModel;

namespace Weft.Tests.Kubernetes;

/// <summary>What is shipped to install the agents.</summary>
[SupportedOSPlatform("linux")]
public sealed class DeployTests
{
    private const string EnforcedLevel = "pod-security.kubernetes.io/enforce";
    private static readonly string Deploy = Path.Combine(Repository.Root, "deploy");

    [Fact]
    public async Task Renders_EveryObjectByKustomize()
    {
        var documents = await Render("example");
        var names = documents.Select(d => $"{Kind(d)} {Text(d, "metadata", "name")}").Order(StringComparer.Ordinal);
        Assert.Equal(
            [
                "ClusterRole weft-agent",
                "ClusterRoleBinding weft-agent",
                "ConfigMap weft-agent",
                "ConfigMap weft-agent-node",
                "DaemonSet weft-agent-node",
                "Deployment weft-agent",
                "MutatingWebhookConfiguration weft-agent",
                "Namespace weft-node-system",
                "Namespace weft-system",
                "NetworkPolicy default-deny",
                "NetworkPolicy weft-agent",
                "PodDisruptionBudget weft-agent",
                "Role weft-agent",
                "Role weft-agent",
                "RoleBinding weft-agent",
                "RoleBinding weft-agent",
                "Secret weft-enrollment",
                "Service weft-agent-webhook",
                "ServiceAccount weft-agent",
                "ServiceAccount weft-agent-node",
                "ValidatingAdmissionPolicy weft-agent-pods",
                "ValidatingAdmissionPolicyBinding weft-agent-pods",
                "ValidatingWebhookConfiguration weft-agent",
            ],
            names
        );
        var images = documents
            .Where(d => Kind(d) is "Deployment" or "DaemonSet")
            .SelectMany(d => Containers((YamlMappingNode)d["spec"]["template"]["spec"]))
            .Select(c => Text(c, "image"));
        Assert.All(images, image => Assert.StartsWith("registry.example/", image, StringComparison.Ordinal));
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

    /// <summary>
    /// The cluster's agent passes the level "restricted" of the Pod Security Standards; only nodes' agents have more, in a
    /// namespace of their own, and each no more than it names.
    /// </summary>
    [Fact]
    public async Task Gives_OnlyNodesMoreThanRestricted()
    {
        var documents = await Render("example");
        foreach (var workload in documents.Where(d => Kind(d) is "Deployment" or "DaemonSet"))
        {
            var pod = (YamlMappingNode)workload["spec"]["template"]["spec"];
            var containers = Containers(pod).ToList();
            Assert.All(containers, c => Assert.Equal("false", Text(c, "securityContext", "allowPrivilegeEscalation")));
            Assert.All(containers, c => Assert.Equal("true", Text(c, "securityContext", "readOnlyRootFilesystem")));
            Assert.All(containers, c => Assert.Equal(["ALL"], List(c, "securityContext", "capabilities", "drop")));
            Assert.Equal("RuntimeDefault", Text(pod, "securityContext", "seccompProfile", "type"));
            var added = containers.SelectMany(c => List(c, "securityContext", "capabilities", "add")).ToList();
            if (Namespace(workload) == "weft-node-system")
            {
                Assert.Equal(["NET_ADMIN", "NET_RAW", "SYS_MODULE", "SYS_PTRACE"], added);
                continue;
            }

            Assert.Empty(added);
            Assert.Empty(HostPaths(pod));
            Assert.Equal("true", Text(pod, "securityContext", "runAsNonRoot"));
            Assert.All(["hostNetwork", "hostPID", "hostIPC"], member => Assert.Null(Text(pod, member)));
        }

        var levels = documents
            .Where(d => Kind(d) == "Namespace")
            .ToDictionary(d => Text(d, "metadata", "name")!, d => Text(d, "metadata", "labels", EnforcedLevel));
        Assert.Equal("restricted", levels["weft-system"]);
        Assert.Equal("privileged", levels["weft-node-system"]);
    }

    /// <summary>Without devices nodes' agents see neither other processes nor the host's sysfs, and load no modules.</summary>
    [Fact]
    public async Task Gives_NodesWithoutDevicesLess()
    {
        var documents = await Render("base");
        var pod = (YamlMappingNode)documents.Single(d => Kind(d) == "DaemonSet")["spec"]["template"]["spec"];
        Assert.Equal(
            ["NET_ADMIN", "NET_RAW"],
            Containers(pod).SelectMany(c => List(c, "securityContext", "capabilities", "add"))
        );
        Assert.Null(Text(pod, "hostPID"));
        Assert.Equal(["/opt/cni/bin", "/run/weft", "/var/lib/weft-agent"], HostPaths(pod));
        Assert.DoesNotContain(documents, d => Namespace(d) == "kube-system");
    }

    [Theory]
    [InlineData("weftd.service", null, "30")]
    [InlineData("weft-agent.service", null, "30")]
    // Modules and other users' files cost what they are worth.
    [InlineData("weft-agent.service", "weft-agent-devices.conf", "35")]
    public async Task Verifies_TheUnitBySystemd(string name, string? addition, string threshold)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/systemd-analyze"), "systemd-analyze isn't installed (systemd)");
        var cancel = TestContext.Current.CancellationToken;
        var folder = Directory.CreateTempSubdirectory("weft-unit-");
        var unit = Path.Join(folder.FullName, name);
        var text = await File.ReadAllTextAsync(Path.Combine(Deploy, "systemd", name), cancel);
        // It looks for the program, which isn't installed here.
        text = text.Replace("/usr/local/bin/weftd", "/bin/true", StringComparison.Ordinal)
            .Replace("/usr/local/bin/weft-agent", "/bin/true", StringComparison.Ordinal);
        await File.WriteAllTextAsync(unit, text, cancel);
        if (addition is not null)
        {
            var drops = Directory.CreateDirectory($"{unit}.d").FullName;
            File.Copy(Path.Combine(Deploy, "systemd", addition), Path.Join(drops, "devices.conf"));
        }

        var (code, said, error) = await Run("/usr/bin/systemd-analyze", "verify", unit);
        Assert.True(code == 0 && (said + error).Length == 0, said + error);
        // In tenths: 3.0 of 10, the lower the better.
        var (passes, score, _) = await Run(
            "/usr/bin/systemd-analyze",
            "security",
            "--offline=true",
            $"--threshold={threshold}",
            unit
        );
        Assert.Contains("Overall exposure level", score, StringComparison.Ordinal);
        Assert.True(passes == 0, score.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]);
        folder.Delete(true);
    }

    private static async Task<List<YamlMappingNode>> Render(string folder)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/kubectl"), "kubectl isn't installed (kubernetes-client)");
        var (code, text, error) = await Run("/usr/bin/kubectl", "kustomize", Path.Combine(Deploy, "kustomize", folder));
        Assert.True(code == 0, error);
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return [.. stream.Documents.Select(d => (YamlMappingNode)d.RootNode)];
    }

    private static string? Kind(YamlMappingNode document) => Text(document, "kind");

    private static string? Namespace(YamlMappingNode document) => Text(document, "metadata", "namespace");

    private static IEnumerable<YamlMappingNode> Containers(YamlMappingNode pod) =>
        new[] { "initContainers", "containers" }
            .Where(member => pod.Children.ContainsKey(member))
            .SelectMany(member => ((YamlSequenceNode)pod[member]).Children)
            .Cast<YamlMappingNode>();

    private static IEnumerable<string> HostPaths(YamlMappingNode pod) =>
        ((YamlSequenceNode)pod["volumes"])
            .Children.Select(volume => Text((YamlMappingNode)volume, "hostPath", "path"))
            .OfType<string>()
            .Order(StringComparer.Ordinal);

    private static string? Text(YamlMappingNode holder, params string[] path) =>
        (Find(holder, path) as YamlScalarNode)?.Value;

    private static IEnumerable<string> List(YamlMappingNode holder, params string[] path) =>
        (Find(holder, path) as YamlSequenceNode)?.Children.Select(item => $"{item}") ?? [];

    private static YamlNode? Find(YamlNode holder, ReadOnlySpan<string> path) =>
        path.IsEmpty ? holder
        : holder is YamlMappingNode map && map.Children.TryGetValue(path[0], out var next) ? Find(next, path[1..])
        : null;

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
