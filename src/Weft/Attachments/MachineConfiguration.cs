using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Attachments;

/// <summary>An interface of a virtual machine, as the program that runs the machine must be told of it.</summary>
/// <param name="Vlans">The VLANs it carries: one, handed over untagged, or those of a trunk.</param>
/// <param name="Mtu">Its MTU in bytes.</param>
internal sealed record MachineInterface(
    string Name,
    string MacAddress,
    string Network,
    VlanSet Vlans,
    bool IsTrunk,
    int Mtu
)
{
    /// <summary>
    /// The network's name as a DNS label: what its NetworkAttachmentDefinition is called, and a host's network for it.
    /// </summary>
    public string Label => DnsLabel.From(Network[(Network.LastIndexOf('/') + 1)..]);
}

/// <summary>
/// The interfaces of a virtual machine: what every format of machine configuration but cloud-init's is written from.
/// </summary>
/// <param name="IsTransitional">Whether its virtio devices also speak the protocol from before virtio 1.0.</param>
internal sealed record MachineConfiguration(
    string Name,
    bool IsTransitional,
    ImmutableArray<MachineInterface> Interfaces
)
{
    private static readonly ImmutableArray<string> RequiredMembers = ["name", "macAddress", "network", "vlans"];

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="body">The member <c>machine</c> of a machine's desired state.</param>
    /// <returns>The configuration, or every fault of it.</returns>
    public static Outcome<MachineConfiguration> Read(JsonElement body, string name)
    {
        var findings = new List<Refusal>();
        if (body.Member("interfaces").ValueKind != JsonValueKind.Array)
            findings.Add(
                new Refusal(
                    RefusalCode.MissingMember,
                    "the desired state has no list 'machine.interfaces'",
                    "machine.interfaces"
                )
            );
        var interfaces = body.Elements("interfaces")
            .Select((element, i) => ReadInterface(element, $"machine.interfaces[{i}]", findings))
            .OfType<MachineInterface>()
            .ToImmutableArray();
        return findings.Count > 0
            ? Refusal.Combine(findings, name)
            : new MachineConfiguration(name, body.Member("transitional").ValueKind == JsonValueKind.True, interfaces);
    }

    /// <summary>The configuration as it stands in the machine's desired state.</summary>
    public JsonObject ToJson() =>
        new()
        {
            ["transitional"] = IsTransitional,
            ["interfaces"] = new JsonArray([
                .. Interfaces.Select(i =>
                    (JsonNode)
                        new JsonObject
                        {
                            ["name"] = i.Name,
                            ["macAddress"] = i.MacAddress,
                            ["network"] = i.Network,
                            ["vlans"] = i.Vlans.ToString(),
                            ["trunk"] = i.IsTrunk,
                            ["mtu"] = i.Mtu,
                        }
                ),
            ]),
        };

    private static MachineInterface? ReadInterface(JsonElement body, string path, List<Refusal> findings)
    {
        foreach (var member in RequiredMembers.Where(member => body.Text(member) is not { Length: > 0 }))
            findings.Add(new Refusal(RefusalCode.MissingMember, $"'{path}.{member}' is missing", $"{path}.{member}"));
        if (
            body.Text("name") is not { Length: > 0 } name
            || body.Text("macAddress") is not { Length: > 0 } mac
            || body.Text("network") is not { Length: > 0 } network
        )
            return null;
        if (
            VlanSet.Parse(body.Text("vlans") ?? "", $"{path}.vlans").TryGet(out var vlans, out var refusal)
            && body.Integer("mtu") is { } mtu and >= 68 and <= 65535
        )
            return new MachineInterface(
                name,
                mac,
                network,
                vlans,
                body.Member("trunk").ValueKind == JsonValueKind.True,
                (int)mtu
            );
        findings.Add(
            refusal ?? new Refusal(RefusalCode.InvalidMember, $"'{path}.mtu': an MTU is 68 to 65535", $"{path}.mtu")
        );
        return null;
    }
}
