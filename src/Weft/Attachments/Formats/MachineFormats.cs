using System.Collections.Immutable;
using System.Globalization;
using System.Security;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Attachments.Nodes;
using Weft.Attachments.Plugins;

namespace Weft.Attachments.Formats;

/// <summary>The programs that run virtual machines and are told of their interfaces.</summary>
internal enum MachineFormat
{
    /// <summary>An <c>interface</c> element of libvirt's domain XML for each interface.</summary>
    Libvirt,

    /// <summary>The network section of a <c>VirtualMachine</c> of KubeVirt.</summary>
    KubeVirt,
}

/// <summary>
/// How a host carries its machines' networks: it decides who tags, and a frame is tagged exactly once.
/// </summary>
internal enum MachineHost
{
    /// <summary>
    /// A network of the host for each of ours, whose VLAN the host takes care of. What a trunk lets pass is up to the
    /// host too.
    /// </summary>
    Bridge,

    /// <summary>
    /// Open vSwitch: the tags stand at the interface, because the switch takes them there, a trunk's too.
    /// </summary>
    OpenVSwitch,

    /// <summary>
    /// A pool of virtual functions: the card tags, one VLAN a function; a function for a trunk gets none.
    /// </summary>
    Sriov,
}

/// <summary>Renders a virtual machine's interfaces for the program that runs it.</summary>
/// <remarks>
/// Sources: libvirt's formatdomain, "Network interfaces" (VLAN tags for Open vSwitch and, one of them, for virtual
/// functions; no MTU for the latter); KubeVirt's <c>v1.Interface</c>, <c>v1.Network</c> and the admission of them
/// (pkg/network/admitter). docs/specs/node-configuration.md, "Machines".
/// </remarks>
internal static class MachineFormats
{
    /// <summary>Renders a format.</summary>
    /// <returns>The files, or every fault of the configuration.</returns>
    public static Outcome<ImmutableArray<NodeFile>> Render(
        MachineFormat format,
        MachineConfiguration machine,
        MachineHost host
    )
    {
        var findings = Validate(machine).ToList();
        if (findings.Count > 0)
            return Refusal.Combine(findings, machine.Name);
        ImmutableArray<NodeFile> files =
            format == MachineFormat.Libvirt
                ?
                [
                    .. machine.Interfaces.Select(i => new NodeFile(
                        $"{i.Name}.interface.xml",
                        "0644",
                        RenderLibvirt(machine, i, host)
                    )),
                ]
                :
                [
                    new NodeFile(
                        $"{DnsLabel.From(machine.Name)}.virtualmachine.yaml",
                        "0644",
                        RenderKubeVirt(machine, host)
                    ),
                ];
        return files;
    }

    private static IEnumerable<Refusal> Validate(MachineConfiguration machine)
    {
        foreach (
            var same in machine
                .Interfaces.GroupBy(i => i.Label, StringComparer.Ordinal)
                .Where(g => g.Select(i => i.Network).Distinct(StringComparer.OrdinalIgnoreCase).Count() > 1)
        )
        {
            yield return new Refusal(
                RefusalCode.Overlap,
                $"{string.Join(" and ", same.Select(i => i.Network))} would both be the host's network '{same.Key}'; rename one of them",
                "networkAttachments"
            );
        }

        foreach (
            var same in machine
                .Interfaces.GroupBy(i => KubeVirtNameOf(i.Name), StringComparer.Ordinal)
                .Where(g => g.Count() > 1)
        )
            yield return new Refusal(
                RefusalCode.Overlap,
                $"the interfaces {string.Join(" and ", same.Select(i => i.Name))} would both be '{same.Key}'; "
                    + "give one of them another name",
                "networkAttachments"
            );
        foreach (
            var odd in machine.Interfaces.Where(i =>
                !DnsLabel.IsValid(KubeVirtNameOf(i.Name)) || !DnsLabel.IsValid(i.Label)
            )
        )
            yield return new Refusal(
                RefusalCode.InvalidMember,
                $"the interface '{odd.Name}' on {odd.Network} can't be written: "
                    + $"'{KubeVirtNameOf(odd.Name)}' and '{odd.Label}' must be DNS labels",
                "networkAttachments"
            );
    }

    private static string RenderLibvirt(MachineConfiguration machine, MachineInterface link, MachineHost host)
    {
        var text = new StringBuilder(
            "<!-- Drawn by Weft. It is drawn anew when the site changes; edits here are lost.\n"
        );
        text.Append(
            CultureInfo.InvariantCulture,
            $"     {EscapeComment($"{machine.Name}, {link.Name}: {DescribeVlans(link, host)}")} -->\n<interface type='network'>\n"
        );
        text.Append(
            CultureInfo.InvariantCulture,
            $"  <mac address='{SecurityElement.Escape(link.MacAddress)}'/>\n  <source network='{SecurityElement.Escape(link.Label)}'/>\n"
        );
        var tags = host switch
        {
            MachineHost.OpenVSwitch => link.Vlans,
            MachineHost.Sriov when !link.IsTrunk => link.Vlans,
            _ => Addressing.VlanSet.Empty,
        };
        if (tags.Count > 0)
        {
            text.Append(link.IsTrunk ? "  <vlan trunk='yes'>\n" : "  <vlan>\n");
            foreach (var vlan in tags)
                text.Append(CultureInfo.InvariantCulture, $"    <tag id='{vlan}'/>\n");
            text.Append("  </vlan>\n");
        }

        if (host != MachineHost.Sriov)
            text.Append(
                CultureInfo.InvariantCulture,
                $"  <model type='{(machine.IsTransitional ? "virtio-transitional" : "virtio")}'/>\n  <mtu size='{link.Mtu}'/>\n"
            );
        return text.Append("</interface>\n").ToString();
    }

    private static JsonObject KubeVirtInterface(MachineInterface link, MachineHost host)
    {
        var body = new JsonObject { ["name"] = KubeVirtNameOf(link.Name), ["macAddress"] = link.MacAddress };
        if (host != MachineHost.Sriov)
            body["model"] = "virtio";
        body[host == MachineHost.Sriov ? "sriov" : "bridge"] = new JsonObject();
        return body;
    }

    private static JsonObject KubeVirtNetwork(MachineInterface link) =>
        new()
        {
            ["name"] = KubeVirtNameOf(link.Name),
            ["multus"] = new JsonObject { ["networkName"] = $"{DefinitionRenderer.Namespace}/{link.Label}" },
        };

    private static string RenderKubeVirt(MachineConfiguration machine, MachineHost host)
    {
        var devices = new JsonObject
        {
            ["interfaces"] = new JsonArray([
                .. machine.Interfaces.Select(link => (JsonNode)KubeVirtInterface(link, host)),
            ]),
        };
        if (machine.IsTransitional)
            devices["useVirtioTransitional"] = true;
        var spec = new JsonObject
        {
            ["domain"] = new JsonObject { ["devices"] = devices },
            ["networks"] = new JsonArray([.. machine.Interfaces.Select(link => (JsonNode)KubeVirtNetwork(link))]),
        };
        var body = Manifest
            .Create(
                "kubevirt.io/v1",
                "VirtualMachine",
                null,
                DnsLabel.From(machine.Name),
                new JsonObject { ["spec"] = new JsonObject { ["template"] = new JsonObject { ["spec"] = spec } } }
            )
            .Body;
        var notes = machine.Interfaces.Select(link => $"#   {link.Name}: {DescribeVlans(link, host)}\n");
        return NetplanDocument.GeneratedHeader + string.Concat(notes) + Yaml.Write(body);
    }

    private static string DescribeVlans(MachineInterface link, MachineHost host) =>
        (host, link.IsTrunk) switch
        {
            (MachineHost.Bridge, true) =>
                $"the host's network {link.Label} passes VLANs {link.Vlans} tagged, and must drop others",
            (MachineHost.Bridge, false) => $"the host's network {link.Label} is VLAN {link.Vlans}, untagged here",
            (MachineHost.OpenVSwitch, true) =>
                $"a trunk of VLANs {link.Vlans} on the Open vSwitch network {link.Label}",
            (MachineHost.OpenVSwitch, false) => $"VLAN {link.Vlans} of the Open vSwitch network {link.Label}",
            (_, true) =>
                $"a function of pool {link.Label} without a VLAN; the fabric's port must allow {link.Vlans} and no other",
            (_, false) => $"a function of pool {link.Label}, which tags VLAN {link.Vlans}",
        };

    // A comment ends at two hyphens, and names may have them.
    private static string EscapeComment(string text) => text.Replace("--", "- -", StringComparison.Ordinal);

    /// <summary>A name as KubeVirt takes it for a network: letters, digits and hyphens.</summary>
    private static string KubeVirtNameOf(string name) =>
        new([.. name.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')]);
}
