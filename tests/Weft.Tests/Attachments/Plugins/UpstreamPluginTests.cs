using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Weft.Tests.Attachments.Plugins;

/// <summary>
/// Every definition of the golden files, given to the upstream plugins of Debian in a node's and a pod's namespace, as
/// Multus would give it. The addresses come from a script in weft-ipam's place: its own tests show the rest.
/// </summary>
public sealed class UpstreamPluginTests : IDisposable
{
    private const string Plugins = "/usr/lib/cni";
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("weft-upstream");
    private readonly string _node = $"weft-n-{Guid.NewGuid().ToString("n")[..8]}";
    private readonly string _pod = $"weft-p-{Guid.NewGuid().ToString("n")[..8]}";

    /// <summary>
    /// All but those of sriov-cni, whose rules DefinitionTests hold, and of weft-trunk, which TrunkProcessTests run.
    /// </summary>
    public static TheoryData<string, string> OfDebian()
    {
        var data = new TheoryData<string, string>();
        foreach (var row in DefinitionRendererTests.Definitions().Select(row => row.Data))
        {
            var config = JsonNode.Parse(JsonNode.Parse(row.Item2)!["spec"]!["config"]!.ToString())!.AsObject();
            if (DefinitionRendererTests.PluginsOf(config).First()["type"]!.ToString() is not ("sriov" or "weft-trunk"))
                data.Add(row.Item1, row.Item2);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(OfDebian))]
    public void Creates_AndRemoves_ThePodsInterface(string title, string text)
    {
        var config = JsonNode.Parse(JsonNode.Parse(text)!["spec"]!["config"]!.ToString())!.AsObject();
        var plugins = DefinitionRendererTests.PluginsOf(config).ToList();
        var type = plugins[0]["type"]!.ToString();
        Assert.SkipUnless(Environment.UserName == "root", "needs root: it makes interfaces");
        Assert.SkipUnless(File.Exists($"{Plugins}/{type}"), "containernetworking-plugins isn't installed");
        Prepare(plugins[0]["master"]?.ToString() ?? "eth1");

        if (Add(title, config, plugins) is not { } result)
            return;
        Assert.Equal("net1", result["interfaces"]!.AsArray()[^1]!["name"]!.ToString());
        IsAsConfigured(plugins);
        foreach (var plugin in plugins.AsEnumerable().Reverse())
            Assert.Equal(0, Run("DEL", Whole(config, plugin, result)).Status);
        Assert.DoesNotContain("net1", Ip("-n", _pod, "-br", "link"), StringComparison.Ordinal);
    }

    public void Dispose()
    {
        foreach (var space in new[] { _node, _pod }.Where(space => File.Exists($"/run/netns/{space}")))
            Start("ip", ["netns", "delete", space], "", []);
        _folder.Delete(true);
    }

    /// <summary>Asks one plugin after the other; null where this kernel has no IPVLAN.</summary>
    private JsonNode? Add(string title, JsonObject config, List<JsonObject> plugins)
    {
        JsonNode? result = null;
        foreach (var plugin in plugins)
        {
            var (status, output) = Run("ADD", Whole(config, plugin, result));
            if (plugins[0]["type"]!.ToString() == "ipvlan" && status != 0 && !HasIpvlan())
            {
                // Everything was read and the parent found; only this kernel has no IPVLAN.
                Assert.Contains("failed to create ipvlan: operation not supported", output, StringComparison.Ordinal);
                return null;
            }

            Assert.True(status == 0, $"{title}: {plugin["type"]}: {output}");
            result = JsonNode.Parse(output);
        }

        return result;
    }

    /// <summary>The pod's interface has the MTU, the kind, the mode and the address that were asked for.</summary>
    private void IsAsConfigured(List<JsonObject> plugins)
    {
        var link = JsonNode
            .Parse(Ip("-n", _pod, "-j", "-d", "link", "show", "net1"))!
            .AsArray()
            .Single(l => l!.AsObject().Count > 0)!;
        if (plugins.Select(p => p["mtu"]).OfType<JsonNode>().FirstOrDefault() is { } mtu)
            Assert.Equal(mtu.GetValue<int>(), link["mtu"]!.GetValue<int>());
        if (plugins[0]["mode"] is { } mode)
            Assert.Equal(
                (plugins[0]["type"]!.ToString(), mode.ToString()),
                (link["linkinfo"]!["info_kind"]!.ToString(), link["linkinfo"]!["info_data"]!["mode"]!.ToString())
            );
        if (plugins[0].ContainsKey("ipam"))
            Assert.Contains("192.0.2.9/24", Ip("-n", _pod, "-br", "address", "show", "net1"), StringComparison.Ordinal);
    }

    private bool HasIpvlan() =>
        Start("ip", ["-n", _node, "link", "add", "probe", "link", "far", "type", "ipvlan"], "", []).Status == 0;

    private void Prepare(string port)
    {
        Ip("netns", "add", _node);
        Ip("netns", "add", _pod);
        // The name has a dot where it is a VLAN's; a veth stands for it as well.
        Ip("-n", _node, "link", "add", port, "mtu", "9000", "type", "veth", "peer", "name", "far", "mtu", "9000");
        Ip("-n", _node, "link", "set", port, "up");
        Ip("-n", _node, "link", "set", "far", "up");
        foreach (var plugin in Directory.GetFiles(Plugins))
            File.CreateSymbolicLink(Path.Combine(_folder.FullName, Path.GetFileName(plugin)), plugin);
        var ipam = Path.Combine(_folder.FullName, "weft-ipam");
        File.WriteAllText(
            ipam,
            """
            #!/bin/sh
            [ "$CNI_COMMAND" = ADD ] || exit 0
            echo '{"cniVersion":"1.0.0","ips":[{"address":"192.0.2.9/24"}],"dns":{}}'

            """
        );
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(ipam, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>
    /// One plugin's configuration as it comes to it: with the envelope, what capabilities bring, and the device of the
    /// pod's resource.
    /// </summary>
    private static string Whole(JsonObject config, JsonObject plugin, JsonNode? result)
    {
        var whole = plugin.DeepClone().AsObject();
        whole["cniVersion"] = config["cniVersion"]!.DeepClone();
        whole["name"] = config["name"]!.DeepClone();
        var runtime = new JsonObject();
        if (plugin["capabilities"]?["ips"] is not null && plugin["ipam"]?["type"]?.ToString() == "static")
            runtime["ips"] = new JsonArray("192.0.2.9/24");
        if (runtime.Count > 0)
            whole["runtimeConfig"] = runtime;
        whole.Remove("capabilities");
        // A PCI device is what no namespace has; by its name the plugin takes any.
        if (plugin["type"]!.ToString() == "host-device")
            whole["device"] = "eth1";
        if (result is not null)
            whole["prevResult"] = result.DeepClone();
        return whole.ToJsonString();
    }

    private (int Status, string Output) Run(string command, string config)
    {
        var type = JsonNode.Parse(config)!["type"]!.ToString();
        return Start(
            "ip",
            ["netns", "exec", _node, Path.Combine(_folder.FullName, type)],
            config,
            [
                ("CNI_COMMAND", command),
                ("CNI_CONTAINERID", "c1"),
                ("CNI_NETNS", $"/run/netns/{_pod}"),
                ("CNI_IFNAME", "net1"),
                ("CNI_PATH", _folder.FullName),
                ("CNI_ARGS", ""),
            ]
        );
    }

    private static string Ip(params string[] arguments)
    {
        var (status, output) = Start("ip", arguments, "", []);
        Assert.True(status == 0, $"ip {string.Join(' ', arguments)}: {output}");
        return output;
    }

    private static (int Status, string Output) Start(
        string program,
        string[] arguments,
        string input,
        (string Name, string Value)[] environment
    )
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        if (input.Length > 0)
            process.StandardInput.Write(input);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output.Length > 0 ? output : error.GetAwaiter().GetResult());
    }
}
