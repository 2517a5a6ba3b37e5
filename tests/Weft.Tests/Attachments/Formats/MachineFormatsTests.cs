using System.Text.RegularExpressions;
using Weft.Addressing;
using Weft.Attachments;
using Weft.Attachments.Formats;
using Weft.Attachments.Nodes;
using Weft.Fleet;
using Weft.Resources;
using YamlDotNet.RepresentationModel;

namespace Weft.Tests.Attachments.Formats;

/// <summary>A machine's interfaces for the program that runs it, byte for byte and read by libvirt itself.</summary>
public sealed class MachineFormatsTests : IDisposable
{
    private const string Nets = "/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud";

    private static readonly MachineConfiguration Probe = new(
        "Probe1",
        false,
        [
            new MachineInterface(
                "n6",
                "02:00:00:00:00:06",
                Nets + "/l3Networks/n6",
                VlanSet.Create([606]),
                false,
                9000
            ),
            new MachineInterface(
                "ha",
                "02:00:00:00:00:07",
                Nets + "/l2Networks/Heart_Beat",
                VlanSet.Create([750]),
                false,
                1500
            ),
            new MachineInterface(
                "ran",
                "02:00:00:00:00:08",
                Nets + "/trunkedNetworks/ran--east",
                VlanSet.Parse("602-603,750").Value,
                true,
                1500
            ),
            new MachineInterface(
                "one",
                "02:00:00:00:00:09",
                Nets + "/trunkedNetworks/one",
                VlanSet.Create([700]),
                true,
                1500
            ),
        ]
    );

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("weft-machines");

    internal static TheoryData<MachineHost> Hosts() => [.. Enum.GetValues<MachineHost>()];

    internal static TheoryData<MachineFormat, MachineHost> Cases()
    {
        var data = new TheoryData<MachineFormat, MachineHost>();
        foreach (var format in Enum.GetValues<MachineFormat>())
        {
            foreach (var host in Enum.GetValues<MachineHost>())
                data.Add(format, host);
        }

        return data;
    }

    public void Dispose() => _root.Delete(true);

    [Theory]
    [MemberData(nameof(Cases))]
    internal void Renders_AMachineForEachHost(MachineFormat format, MachineHost host) =>
        Golden.Compare($"machine.{format}-{host}", Golden.Text(MachineFormats.Render(format, Probe, host).Value));

    [Fact]
    public void Renders_VirtioFromBefore10_WhereTheMachineAsksForIt()
    {
        var old = Probe with { IsTransitional = true };
        Assert.All(
            MachineFormats.Render(MachineFormat.Libvirt, old, MachineHost.Bridge).Value,
            file => Assert.Contains("<model type='virtio-transitional'/>", file.Content, StringComparison.Ordinal)
        );
        Assert.Contains(
            "useVirtioTransitional: true",
            MachineFormats.Render(MachineFormat.KubeVirt, old, MachineHost.Bridge).Value.Single().Content,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Reads_BackWhatIsSent()
    {
        using var wire = System.Text.Json.JsonDocument.Parse(Probe.ToJson().ToJsonString());
        var read = MachineConfiguration.Read(wire.RootElement, "Probe1").Value;
        Assert.Equal(Probe.Interfaces, read.Interfaces);
        using var damaged = System.Text.Json.JsonDocument.Parse(
            """{"interfaces":[{"name":"n6","macAddress":"02:00:00:00:00:06","vlans":"9999","mtu":1}]}"""
        );
        Assert.Equal(
            "machine.interfaces[0].network",
            MachineConfiguration.Read(damaged.RootElement, "x").Refusal!.Target
        );
    }

    [Theory]
    [InlineData("probe1")]
    [InlineData("router1")]
    public void Travels_InTheMachinesDesiredState(string name)
    {
        var site = TestSite.Example();
        var id = ResourceId
            .Parse(
                Examples
                    .Documents()
                    .Select(d => d["id"]!.ToString())
                    .Single(i => i.EndsWith($"virtualMachines/{name}", StringComparison.Ordinal))
            )
            .Value;
        var machine = MachineRenderer.Render(site.State, id, site.Limits).Nodes.Single().Machine!;
        Assert.NotEmpty(machine.Interfaces);
        Assert.All(
            machine.Interfaces,
            link => Assert.Equal(AddressClaims.MacAddressOf(id, link.Name), link.MacAddress)
        );
        Assert.All(
            machine.Interfaces,
            link => Assert.Equal(link.IsTrunk, link.Network.Contains("trunkedNetworks", StringComparison.Ordinal))
        );
        foreach (var host in Enum.GetValues<MachineHost>())
            Validate(MachineFormats.Render(MachineFormat.Libvirt, machine, host).Value);
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    internal void Libvirt_KeepsWhatItIsTold(MachineHost host)
    {
        ExternalTool.Require("virsh");
        var files = MachineFormats.Render(MachineFormat.Libvirt, Probe, host).Value;
        Validate(files);
        // libvirt's own test driver: the real parser, without a hypervisor. What it doesn't know it drops silently, so
        // it must say it back.
        var path = Domain(files);
        var (status, output) = ExternalTool.Run(
            "virsh",
            "-c",
            "test:///default",
            $"define {path}; dumpxml --inactive probe"
        );
        Assert.True(status == 0, output);
        foreach (
            var line in files
                .SelectMany(file => file.Content.Split('\n'))
                .Select(line => line.Trim())
                .Where(line => line.EndsWith("/>", StringComparison.Ordinal))
        )
            Assert.Contains(line, output, StringComparison.Ordinal);
        Assert.Equal(host == MachineHost.OpenVSwitch ? 2 : 0, Regex.Count(output, "<vlan trunk='yes'>"));
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    internal void KubeVirt_AdmitsTheSection(MachineHost host)
    {
        var stream = new YamlStream();
        stream.Load(
            new StringReader(MachineFormats.Render(MachineFormat.KubeVirt, Probe, host).Value.Single().Content)
        );
        var root = stream.Documents[0].RootNode;
        Assert.Equal("kubevirt.io/v1", root["apiVersion"].ToString());
        var spec = root["spec"]["template"]["spec"];
        var interfaces = ((YamlSequenceNode)spec["domain"]["devices"]["interfaces"]).Cast<YamlMappingNode>().ToList();
        var networks = ((YamlSequenceNode)spec["networks"]).Cast<YamlMappingNode>().ToList();
        // What pkg/network/admitter refuses: names without a partner or twice, other letters, no binding or two, no
        // source or two, a MAC address that is none.
        Assert.Equal(interfaces.Select(i => i["name"].ToString()), networks.Select(n => n["name"].ToString()));
        Assert.Equal(interfaces.Count, interfaces.Select(i => i["name"].ToString()).Distinct().Count());
        Assert.All(interfaces, IsAdmittedInterface);
        Assert.All(networks, IsAdmittedNetwork);
    }

    [Fact]
    public void Refuses_NamesThatWouldBeOne()
    {
        var twins = Probe with
        {
            Interfaces =
            [
                Probe.Interfaces[0],
                Probe.Interfaces[1],
                Probe.Interfaces[2] with
                {
                    Network = Nets + "/l3Networks/heart-beat",
                    Name = "n.6",
                },
                Probe.Interfaces[3] with
                {
                    Name = "N-6",
                },
                Probe.Interfaces[3] with
                {
                    Name = "@@",
                },
            ],
        };
        foreach (var format in Enum.GetValues<MachineFormat>())
        {
            var refusal = MachineFormats.Render(format, twins, MachineHost.Bridge).Refusal!;
            Assert.Contains(
                refusal.Findings,
                finding => finding.Message.Contains("'heart-beat'", StringComparison.Ordinal)
            );
            Assert.Contains(
                refusal.Findings,
                finding => finding.Message.Contains("n.6 and N-6", StringComparison.Ordinal)
            );
            Assert.Contains(refusal.Findings, finding => finding.Message.Contains("'@@'", StringComparison.Ordinal));
        }
    }

    private static void IsAdmittedInterface(YamlMappingNode one)
    {
        var keys = one.Children.Keys.Select(key => key.ToString()).ToList();
        Assert.Matches("^[A-Za-z0-9-_]+$", one["name"].ToString());
        Assert.Matches("^([0-9a-f]{2}:){5}[0-9a-f]{2}$", one["macAddress"].ToString());
        Assert.Single(keys.Intersect(["bridge", "masquerade", "sriov", "passtBinding", "binding"]));
        Assert.Empty(keys.Except(["name", "macAddress", "model", "bridge", "sriov"]));
        Assert.True(!keys.Contains("model") || one["model"].ToString() == "virtio");
    }

    private static void IsAdmittedNetwork(YamlMappingNode one)
    {
        Assert.Equal(["name", "multus"], one.Children.Keys.Select(key => key.ToString()));
        Assert.Matches("^default/[a-z0-9]([a-z0-9-]*[a-z0-9])?$", one["multus"]["networkName"].ToString());
    }

    private void Validate(IEnumerable<NodeFile> files)
    {
        if (ExternalTool.PathOf("virt-xml-validate") is null || ExternalTool.PathOf("xmllint") is null)
            return;
        var (status, output) = ExternalTool.Run("virt-xml-validate", Domain(files), "domain");
        Assert.True(status == 0, output);
    }

    private string Domain(IEnumerable<NodeFile> files)
    {
        var path = Path.Combine(_root.FullName, $"{Guid.NewGuid():N}.xml");
        File.WriteAllText(
            path,
            "<domain type='test'><name>probe</name><memory>1024</memory><os><type>hvm</type></os><devices>\n"
                + string.Concat(files.Select(file => file.Content))
                + "</devices></domain>\n"
        );
        return path;
    }
}
