using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Attachments;
using Weft.Attachments.Formats;
using Weft.Attachments.Nodes;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>
/// Renders what a standalone machine's network should look like: the network-config that cloud-init reads at its first
/// boot.
/// </summary>
internal static class MachineRenderer
{
    /// <summary>Renders a machine.</summary>
    /// <returns>The desired state; without files for a machine that is gone.</returns>
    public static DesiredState Render(StoreState state, ResourceId machine, Limits limits)
    {
        if (new ReadTransaction(state).Get(machine) is not { } row)
            return new DesiredState(machine, state.Revision, [], [], []);
        var id = ResourceKind.IdOf(row);
        var interfaces = VirtualMachine
            .AttachmentsOf(row, state)
            .Select(a => (Attachment: a, Network: Network.Find(state, a.Network, limits)!))
            .Where(i => i.Network is not null)
            .ToList();
        var file = new NodeFile(
            "network-config",
            "0644",
            NetplanDocument.Write([.. interfaces.Select(i => LinkOf(state, id, i.Attachment, i.Network))])
        );
        var shown = new MachineConfiguration(
            id.Name,
            ResourceKind.PropertiesOf(row).Text("virtioInterface") == "Transitional",
            [
                .. interfaces.Select(i => new MachineInterface(
                    i.Attachment.Name,
                    AddressClaims.MacAddressOf(id, i.Attachment.Name),
                    i.Network.Id.ToString(),
                    i.Network.Vlans,
                    i.Network.Type == NetworkType.Trunked,
                    i.Network.Mtu
                )),
            ]
        );
        return new DesiredState(id, state.Revision, [], [new RenderedNode(id.Name, [file]) { Machine = shown }], []);
    }

    private static NodeLink LinkOf(StoreState state, ResourceId machine, MachineAttachment attachment, Network network)
    {
        var port = new Uplink(
            attachment.Name,
            AddressClaims.MacAddressOf(machine, attachment.Name),
            network.Mtu,
            network.Id.Key
        );
        var leases = NetworkPool
            .HoldingsOf(state, attachment.Network)
            .LeasesOf(AddressClaims.HolderOf(machine, attachment.Name).Id);
        var addresses = leases.Select(l =>
            (
                l.Address,
                network.Subnets.FirstOrDefault(s => s.Prefix.Contains(l.Address))?.Prefix.Length ?? l.Address.Bits
            )
        );
        var routes = attachment.IsDefaultGateway
            ? SubnetsInUse(network, leases)
                .Where(s => s.Gateway is not null)
                .Select(s => new NodeRoute(DefaultRoutePrefix(s.Prefix.Family), s.Gateway!.Value))
            : [];
        return new NodeLink(attachment.Name, port, null, network.Mtu, [.. addresses], [.. routes], CommentOf(network));
    }

    /// <summary>The subnets that a machine has an address of; of a family that it has none of, the first.</summary>
    private static IEnumerable<Subnet> SubnetsInUse(Network network, ImmutableArray<Lease> leases) =>
        network
            .Subnets.GroupBy(subnet => subnet.Prefix.Family)
            .Select(family =>
                family.FirstOrDefault(subnet => leases.Any(lease => subnet.Prefix.Contains(lease.Address)))
                ?? family.First()
            );

    private static string CommentOf(Network network) =>
        network.Type switch
        {
            NetworkType.Trunked => $"{network.Id.Name}: a trunk of VLANs {network.Vlans}; the machine tags for itself",
            NetworkType.L2 =>
                $"{network.Id.Name}: VLAN {network.Vlan}, handed over untagged; the machine addresses it for itself",
            _ => $"{network.Id.Name}: VLAN {network.Vlan}, handed over untagged",
        };

    private static Prefix DefaultRoutePrefix(AddressFamily family) => Prefix.FromAddress(new Address(family, 0), 0);
}
