using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Weft.Attachments.Formats;
using YamlDotNet.RepresentationModel;

namespace Weft.Tests.Attachments.Formats;

/// <summary>What is rendered for nodes, read by the programs it is rendered for.</summary>
public sealed partial class FormatConformanceTests : IDisposable
{
    /// <summary>What a node with a trunk port without a MAC address has of its own: Weft stands on it.</summary>
    private const string OwnFile = """
        network:
          version: 2
          ethernets:
            eno1: {optional: true, dhcp4: false}
          bonds:
            bond0:
              interfaces: [eno1]
              mtu: 9000
              addresses: [192.0.2.7/24]
              routes: [{to: default, via: 192.0.2.1}]
              parameters: {mode: 802.3ad}

        """;

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("weft-formats");

    public void Dispose() => _root.Delete(true);

    /// <summary>
    /// Two ways to one end: what netplan makes of our netplan file, and our files for networkd, must say the same to
    /// networkd.
    /// </summary>
    [Theory]
    [MemberData(nameof(NodeCases.Names), MemberType = typeof(NodeCases))]
    public void Netplan_AndNetworkd_Agree(string name)
    {
        ExternalTool.Require("netplan");
        var theirs = SettingsOf(Generated(name));
        var ours = SettingsOf(
            NodeFormats
                .Render(NodeFormat.Networkd, NodeCases.All[name])
                .Value.Where(file =>
                    file.Path.StartsWith("/etc/systemd/", StringComparison.Ordinal)
                    && !file.Content.Contains("Unmanaged=", StringComparison.Ordinal)
                )
                .ToDictionary(
                    file =>
                        Path.GetFileName(file.Path) == "60-weft.conf"
                            ? Path.GetFileName(Path.GetDirectoryName(file.Path)!)
                            : Path.GetFileName(file.Path),
                    file => file.Content
                )
        );
        // What the node's own file says is not ours; what networkd is to leave alone netplan has no word for, and says
        // nothing of.
        theirs.RemoveWhere(fact =>
            fact.Contains("eno1", StringComparison.Ordinal)
            || (
                fact.StartsWith("bond0 ", StringComparison.Ordinal)
                && !fact.Contains(" VLAN=", StringComparison.Ordinal)
            )
        );
        // For a port that has its name already netplan also has udev set the MTU, by the kernel's first name for it,
        // which may be another.
        if (NodeCases.All[name].Links is [{ Uplink: { MacAddress: null, IsTrunkPort: false } }])
            theirs.RemoveWhere(fact => fact.Contains(" .link ", StringComparison.Ordinal));
        Assert.NotEmpty(ours);
        Assert.Equal(theirs.Order(StringComparer.Ordinal), ours.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("virtual-l3")]
    [InlineData("virtual-trunk-node")]
    [InlineData("card-l3")]
    [InlineData("card-functions")]
    public void CloudInit_Converts_ToNetplan(string name)
    {
        ExternalTool.Require("cloud-init");
        var content = NodeFormats.Render(NodeFormat.CloudInit, NodeCases.All[name]).Value.Single().Content;
        var file = Path.Combine(_root.FullName, "network-config");
        File.WriteAllText(file, content);
        // Before 23.4 it knows no schema of network-config; then it must at least read it and write it as netplan has
        // it.
        var (status, output) = ExternalTool.Run("cloud-init", "schema", "-t", "network-config", "-c", file);
        if (output.Contains("unrecognized arguments", StringComparison.Ordinal))
            (status, output) = ExternalTool.Run(
                "cloud-init",
                "devel",
                "net-convert",
                "-p",
                file,
                "-k",
                "yaml",
                "-d",
                Path.Combine(_root.FullName, "out"),
                "-D",
                "ubuntu",
                "-O",
                "netplan"
            );
        Assert.True(status == 0, output);
    }

    [Theory]
    [MemberData(nameof(NodeCases.Names), MemberType = typeof(NodeCases))]
    public void Nmstate_AcceptsEveryMember(string name)
    {
        var files = NodeFormats.Render(NodeFormat.Nmstate, NodeCases.All[name]).Value;
        NmstateRules.Check(Tree(files[0].Content));
        var policy = Tree(NodeFormats.Render(NodeFormat.Nncp, NodeCases.All[name]).Value.Single().Content).AsObject();
        Assert.Equal(
            ("nmstate.io/v1", "NodeNetworkConfigurationPolicy", "w1"),
            (
                policy["apiVersion"]!.ToString(),
                policy["kind"]!.ToString(),
                policy["spec"]!["nodeSelector"]!["kubernetes.io/hostname"]!.ToString()
            )
        );
        Assert.Equal(["nodeSelector", "desiredState"], policy["spec"]!.AsObject().Select(member => member.Key));
        NmstateRules.Check(policy["spec"]!["desiredState"]!);
        if (ExternalTool.PathOf("nmstatectl") is null)
            return;
        var file = Path.Combine(_root.FullName, "state.yml");
        File.WriteAllText(file, files[0].Content);
        var (status, output) = ExternalTool.Run("nmstatectl", "format", file);
        Assert.True(status == 0, output);
    }

    [Fact]
    public void Nmstate_AcceptsRemovals()
    {
        var before = NodeCases.All["card-functions"] with { Guards = NodeCases.All["card-trunk-pods"].Guards };
        var state = Tree(NodeFormats.Render(NodeFormat.Nmstate, NodeCases.Node([]), before).Value[0].Content);
        NmstateRules.Check(state);
        Assert.Equal(
            ["ha", "ens1f0", "ens1f1"],
            state["interfaces"]!
                .AsArray()
                .Where(i => i!["state"]!.ToString() == "absent")
                .Select(i => i!["name"]!.ToString())
        );
    }

    [Theory]
    [InlineData("interfaces:\n- {name: a, type: vlan, state: up, vlan: {base-iface: b, id: 5, color: red}}\n")]
    [InlineData("interfaces:\n- {name: a, type: ethernet, state: up, ipv4: {enabled: false}, ethernets: {}}\n")]
    [InlineData("interfaces:\n- {name: a, type: vlan, state: up, vlan: {id: 5}}\n")]
    [InlineData("interfaces:\n- {name: a, type: ethernet, state: up, identifier: mac-address}\n")]
    [InlineData("interfaces: []\nroutes:\n  config:\n  - {destination: 10.0.0.0/8, next-hop-address: 10.1.1.1}\n")]
    public void NmstateRules_RefuseWhatNmstateRefuses(string yaml) =>
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => NmstateRules.Check(Tree(yaml)));

    [Theory]
    [MemberData(nameof(NodeCases.Guarded), MemberType = typeof(NodeCases))]
    public void Nft_AcceptsTheGuard_Twice(string name)
    {
        ExternalTool.RequireRoot();
        ExternalTool.Require("nft", "ip", "unshare");
        var rules = NodeFormats.Render(NodeFormat.Nftables, NodeCases.All[name]).Value;
        var parent = NodeCases.All[name].Guards[0].Interface;
        var file = $"{_root.FullName}/g.nft";
        var table = $"table netdev {TrunkGuardRuleset.TableNameOf(parent)}";
        var (status, output) = ExternalTool.Run(
            "unshare",
            [
                "-n",
                "sh",
                "-c",
                $"set -e; ip link add {parent} type veth peer name other; cat >{file}; "
                    + $"nft -c -f {file}; nft -f {file}; nft -f {file}; nft list tables; nft list {table}",
            ],
            rules.Single().Content,
            []
        );
        Assert.True(status == 0, output);
        Assert.Equal(
            2,
            Regex.Count(output, Regex.Escape($"{table}\n")) + Regex.Count(output, Regex.Escape($"{table} {{"))
        );
        Assert.Contains("hook egress", output, StringComparison.Ordinal);
    }

    private Dictionary<string, string> Generated(string name)
    {
        var root = Path.Combine(_root.FullName, name);
        var folder = Directory.CreateDirectory(Path.Combine(root, "etc", "netplan")).FullName;
        var file = NodeFormats
            .Render(NodeFormat.Netplan, NodeCases.All[name])
            .Value.Single(f => f.Path == "/etc/netplan/60-weft.yaml");
        WriteFile(Path.Combine(folder, "60-weft.yaml"), file.Content);
        if (name.StartsWith("bond-", StringComparison.Ordinal))
            WriteFile(Path.Combine(folder, "50-cloud-init.yaml"), OwnFile);
        var (status, output) = ExternalTool.Run("netplan", "generate", "--root-dir", root);
        Assert.True(status == 0 && output.Length == 0, $"{name}: {output}\n{file.Content}");
        return Directory
            .GetFiles(Path.Combine(root, "run", "systemd", "network"))
            .ToDictionary(path => Path.GetFileName(path), File.ReadAllText);
    }

    private static void WriteFile(string path, string content)
    {
        File.WriteAllText(path, content);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    /// <summary>
    /// Files of networkd as facts: which interface, kind of file, section, key and value. Defaults that one of the two
    /// spells out are left away.
    /// </summary>
    private static HashSet<string> SettingsOf(Dictionary<string, string> files)
    {
        var facts = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, content) in files)
        {
            var about = Name().Match(name).Groups[1].Value;
            var (section, route) = ("", "");
            foreach (var line in content.Split('\n').Where(line => line.Length > 0 && line[0] != '#'))
            {
                if (line[0] == '[')
                    (section, route) = (line, "");
                else if (section is "[Route]")
                    facts.Add($"{about} [Route] {route += line + " "}".TrimEnd());
                else if (!Default().IsMatch(line) && !line.StartsWith("VLAN=", StringComparison.Ordinal))
                    facts.Add($"{about} {Path.GetExtension(name)} {section} {line}");
                else if (line.StartsWith("VLAN=", StringComparison.Ordinal))
                    facts.Add($"{about} VLAN={line[5..]}");
            }
        }

        // The parts of a route grow line by line; only the whole counts.
        facts.RemoveWhere(fact =>
            fact.Contains("[Route]", StringComparison.Ordinal)
            && facts.Any(other => other.Length > fact.Length && other.StartsWith(fact, StringComparison.Ordinal))
        );
        return facts;
    }

    private static JsonNode Tree(string yaml)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(yaml));
        return Of(stream.Documents[0].RootNode);
    }

    private static JsonNode Of(YamlNode node) =>
        node switch
        {
            YamlMappingNode map => new JsonObject(
                map.Children.Select(pair =>
                    KeyValuePair.Create(((YamlScalarNode)pair.Key).Value!, (JsonNode?)Of(pair.Value))
                )
            ),
            YamlSequenceNode list => new JsonArray([.. list.Children.Select(Of)]),
            YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain, Value: "true" or "false" } flag =>
                JsonValue.Create(flag.Value == "true"),
            YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain } number
                when int.TryParse(number.Value, out var value) => JsonValue.Create(value),
            _ => JsonValue.Create(((YamlScalarNode)node).Value!),
        };

    [GeneratedRegex(@"^(?:10-netplan-|60-weft-)?(.*)\.(?:link|network|netdev)(?:\.d)?$")]
    private static partial Regex Name();

    // DHCP is off and WakeOnLan left alone unless said; carriers are waited for by ports in netplan's, and by nobody in
    // ours; .link says the MTU in both.
    [GeneratedRegex("^(?:DHCP=no|WakeOnLan=off|ConfigureWithoutCarrier=yes)$")]
    private static partial Regex Default();
}

/// <summary>
/// The rules by which nmstate 2.2 reads a desired state: it refuses members that it doesn't know, so every mapping is
/// checked against the list of those that it has, and what they must be.
/// </summary>
internal static class NmstateRules
{
    public static void Check(JsonNode state)
    {
        Only(state, "interfaces", "routes");
        foreach (var each in state["interfaces"]!.AsArray())
            Interface(each!);
        foreach (var route in state["routes"]?["config"]?.AsArray() ?? [])
        {
            Only(route!, "state", "destination", "next-hop-address", "next-hop-interface", "metric");
            Assert.NotNull(route!["next-hop-interface"]);
            Assert.True(route["state"] is null || route["state"]!.ToString() == "absent");
            Assert.True(Weft.Addressing.Prefix.TryParse(route["destination"]?.ToString(), out _));
            Assert.True(Weft.Addressing.Address.TryParse(route["next-hop-address"]?.ToString(), out _));
        }
    }

    private static void Interface(JsonNode body)
    {
        var type = body["type"]!.ToString();
        Assert.Contains(type, new[] { "ethernet", "vlan" });
        Assert.Contains(body["state"]!.ToString(), new[] { "up", "absent" });
        Assert.InRange(body["name"]!.ToString().Length, 1, 15);
        Only(body, "name", "type", "state", "identifier", "mac-address", "mtu", "ipv4", "ipv6", type);
        if (body["identifier"] is { } identifier)
            Assert.Matches("^mac-address ([0-9A-F]{2}:){5}[0-9A-F]{2}$", $"{identifier} {body["mac-address"]}");
        if (body["state"]!.ToString() == "absent")
            return;
        if (type == "vlan")
        {
            Only(body["vlan"]!, "base-iface", "id");
            Assert.NotNull(body["vlan"]!["base-iface"]);
            Assert.InRange(body["vlan"]!["id"]!.GetValue<int>(), 1, 4094);
        }

        Stack(body["ipv4"], false);
        Stack(body["ipv6"], true);
        if (body["ethernet"]?["sr-iov"] is { } functions)
        {
            Only(body["ethernet"]!, "sr-iov");
            Only(functions, "total-vfs", "vfs");
            foreach (var function in functions["vfs"]?.AsArray() ?? [])
            {
                Only(function!, "id", "trust", "spoof-check", "vlan-id");
                Assert.InRange(function!["id"]!.GetValue<int>(), 0, functions["total-vfs"]!.GetValue<int>() - 1);
                Assert.InRange(function["vlan-id"]!.GetValue<int>(), 0, 4094);
            }
        }
    }

    private static void Stack(JsonNode? stack, bool six)
    {
        if (stack is null)
            return;
        Only(stack, six ? ["enabled", "dhcp", "autoconf", "address"] : ["enabled", "dhcp", "address"]);
        _ = stack["enabled"]!.GetValue<bool>();
        foreach (var address in stack["address"]?.AsArray() ?? [])
        {
            Only(address!, "ip", "prefix-length");
            Assert.Equal(
                six,
                Weft.Addressing.Address.Parse(address!["ip"]!.ToString()).Value.Family
                    == Weft.Addressing.AddressFamily.IPv6
            );
            Assert.InRange(address["prefix-length"]!.GetValue<int>(), 0, six ? 128 : 32);
        }
    }

    private static void Only(JsonNode body, params string[] members) =>
        Assert.All(body.AsObject(), member => Assert.Contains(member.Key, members));
}
