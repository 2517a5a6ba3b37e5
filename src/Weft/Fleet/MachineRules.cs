using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>What the interfaces of one machine must keep, each for itself and together.</summary>
internal static class MachineRules
{
    /// <summary>Checks the interfaces.</summary>
    /// <param name="gatewayTaken">Whether the cloud services interface has the default route already.</param>
    public static void Check(
        ValidationContext context,
        ImmutableArray<MachineAttachment> attachments,
        bool gatewayTaken
    )
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [CloudServicesNetwork.Interface] = "cloudServicesNetworkAttachment",
        };
        var gateway = gatewayTaken ? "cloudServicesNetworkAttachment" : null;
        var asked = new Dictionary<(string Network, Address Address), string>();
        foreach (var attachment in attachments)
        {
            if (!names.TryAdd(attachment.Name, attachment.Path))
                context.AddError(
                    RefusalCode.Overlap,
                    $"{attachment.Path}.networkAttachmentName",
                    $"'{attachment.Path}.networkAttachmentName': the interface name '{attachment.Name}' is taken by "
                        + $"{names[attachment.Name]}"
                );
            if (attachment.IsDefaultGateway)
            {
                if (gateway is not null)
                    context.AddError(
                        RefusalCode.Overlap,
                        $"{attachment.Path}.defaultGateway",
                        $"'{attachment.Path}.defaultGateway': {gateway} has the default route already; one interface may"
                    );
                gateway ??= attachment.Path;
                if (attachment.Network.Type != L3Network.ResourceType)
                    context.AddError(
                        RefusalCode.Mismatch,
                        $"{attachment.Path}.defaultGateway",
                        $"'{attachment.Path}.defaultGateway': {attachment.Network.Name} has no gateway; only an L3 network has one",
                        attachment.Network
                    );
            }

            CheckAddresses(context, attachment, asked);
        }
    }

    private static void CheckAddresses(
        ValidationContext context,
        MachineAttachment attachment,
        Dictionary<(string Network, Address Address), string> asked
    )
    {
        var method = $"{attachment.Path}.ipAllocationMethod";
        if (attachment.Network.Type != L3Network.ResourceType)
        {
            if (attachment.AllocationMethod != "Disabled")
                context.AddError(
                    RefusalCode.Mismatch,
                    method,
                    $"'{method}': {attachment.Network.Name} has no addresses to give; write Disabled",
                    attachment.Network
                );
            return;
        }

        var texts = StaticAddressTexts(context, attachment).ToList();
        if (attachment.AllocationMethod == "Static" && texts.Count == 0)
            context.AddError(
                RefusalCode.MissingMember,
                $"{attachment.Path}.ipv4Address",
                $"'{attachment.Path}': Static needs an ipv4Address or an ipv6Address"
            );
        if (attachment.AllocationMethod != "Static" || context.Transaction.Get(attachment.Network) is not { } row)
            return;
        var pool = NetworkPool.PoolOf(context.Transaction.State, row, context.Limits);
        foreach (var (member, family, text) in texts)
            CheckStaticAddress(context, attachment, pool, $"{attachment.Path}.{member}", family, text, asked);
    }

    private static void CheckStaticAddress(
        ValidationContext context,
        MachineAttachment attachment,
        AddressPool pool,
        string path,
        AddressFamily family,
        string text,
        Dictionary<(string Network, Address Address), string> asked
    )
    {
        if (!Address.Parse(text, path).TryGet(out var address, out var refusal))
        {
            context.AddError(refusal with { Message = $"'{path}': {refusal.Message}" });
            return;
        }

        var holder = AddressClaims.HolderOf(context.Id, attachment.Name);
        var prefixes = pool.PrefixesOf(family);
        if (address.Family != family || prefixes.Length == 0)
            context.AddError(
                RefusalCode.AddressNotUsable,
                path,
                $"'{path}': {address}: {attachment.Network.Name} has {(prefixes.Length == 0 ? $"no {family} subnet" : prefixes)}",
                attachment.Network
            );
        else if (pool.FindObstacle(holder, address) is { } obstacle)
            context.AddError(Unusable(pool, obstacle, path, attachment.Network));
        else if (pool.Holdings.LeaseOf(address) is { } lease && lease.Holder.Id != holder.Id)
            context
                .About(ResourceId.TryParse(lease.Holder.Owner, out var owner) ? [owner] : [])
                .AddError(
                    RefusalCode.AddressHeld,
                    path,
                    $"'{path}': {address} in {attachment.Network.Name} is held by {lease.Holder.Text} since {lease.Since}",
                    attachment.Network
                );
        else if (!asked.TryAdd((attachment.Network.Key, address), path))
            context.AddError(
                RefusalCode.AddressHeld,
                path,
                $"'{path}': {address} is asked for by {asked[(attachment.Network.Key, address)]} too",
                attachment.Network
            );
    }

    private static IEnumerable<(string Member, AddressFamily Family, string Text)> StaticAddressTexts(
        ValidationContext context,
        MachineAttachment attachment
    )
    {
        var index = int.Parse(
            attachment.Path[(attachment.Path.IndexOf('[', StringComparison.Ordinal) + 1)..^1],
            System.Globalization.CultureInfo.InvariantCulture
        );
        var element = ResourceKind.PropertiesOf(context.Proposed).Elements("networkAttachments").ElementAt(index);
        if (element.Text("ipv4Address") is { Length: > 0 } v4)
            yield return ("ipv4Address", AddressFamily.IPv4, v4);
        if (element.Text("ipv6Address") is { Length: > 0 } v6)
            yield return ("ipv6Address", AddressFamily.IPv6, v6);
    }

    private static Refusal Unusable(AddressPool pool, AddressObstacle obstacle, string path, ResourceId network) =>
        new(RefusalCode.AddressNotUsable, $"'{path}': {obstacle.Reason}", path, network.ToString())
        {
            BlocksOf = obstacle.Kind == ObstacleKind.InBlock ? pool.Blocked.Network : null,
        };
}
