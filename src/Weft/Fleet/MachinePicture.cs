using Weft.Addressing;
using Weft.Attachments;
using Weft.Attachments.Renderers;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>Draws what a standalone machine's network should look like: the network-config that cloud-init reads at its first boot.</summary>
public static class MachinePicture
{
    /// <summary>Draws a machine.</summary>
    /// <returns>The picture; without files for a machine that is gone.</returns>
    public static DesiredState Draw(Image image, ResourceId machine, Limits limits)
    {
        if (new Snapshot(image).Get(machine) is not { } row)
            return new DesiredState(machine, image.Revision, [], [], []);
        var id = ResourceKind.IdOf(row);
        var interfaces = VirtualMachine.AttachmentsOf(row, image)
            .Select(a => (Attachment: a, Network: Network.Of(image, a.Network, limits)!)).Where(i => i.Network is not null).ToList();
        var file = new NodeFile("network-config", "0644", NetworkConfig.Write([.. interfaces.Select(i => Link(image, id, i.Attachment, i.Network))]));
        var shown = new MachineConfiguration(id.Name, ResourceKind.PropertiesOf(row).Text("virtioInterface") == "Transitional",
            [.. interfaces.Select(i => new MachineInterface(i.Attachment.Name, MachineAddresses.MacOf(id, i.Attachment.Name), i.Network.Id.ToString(), i.Network.Vlans, i.Network.Type == NetworkType.Trunked, i.Network.Mtu))]);
        return new DesiredState(id, image.Revision, [], [new NodeFiles(id.Name, [file]) { Machine = shown }], []);
    }

    private static NodeLink Link(Image image, ResourceId machine, MachineAttachment attachment, Network network)
    {
        var port = new Uplink(attachment.Name, MachineAddresses.MacOf(machine, attachment.Name), network.Mtu, network.Id.Key);
        var leases = NetworkPool.HoldingsOf(image, attachment.Network).Of(MachineAddresses.HolderOf(machine, attachment.Name).Id);
        var addresses = leases.Select(l => (l.Address, network.Subnets.FirstOrDefault(s => s.Prefix.Contains(l.Address))?.Prefix.Length ?? l.Address.Bits));
        var routes = attachment.IsDefaultGateway ? network.Subnets.Select(s => new NodeRoute(Everything(s.Prefix.Family), s.Gateway)) : [];
        return new NodeLink(attachment.Name, port, null, network.Mtu, [.. addresses], [.. routes], Comment(network));
    }

    private static string Comment(Network network) => network.Type switch
    {
        NetworkType.Trunked => $"{network.Id.Name}: a trunk of VLANs {network.Vlans}; the machine tags for itself",
        NetworkType.L2 => $"{network.Id.Name}: VLAN {network.Vlan}, handed over untagged; the machine addresses it for itself",
        _ => $"{network.Id.Name}: VLAN {network.Vlan}, handed over untagged",
    };

    private static Prefix Everything(AddressFamily family) => Prefix.Of(new Address(family, 0), 0);
}
