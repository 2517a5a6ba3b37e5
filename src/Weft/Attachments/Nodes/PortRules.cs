namespace Weft.Attachments.Nodes;

/// <summary>Why a policy refuses something.</summary>
internal readonly record struct PortRule(string Rule, string Reason);

/// <summary>What a policy says of ports, by whatever they are found.</summary>
internal sealed class PortRules(NodePolicy policy, NodeFacts facts)
{
    /// <summary>The rule against names that a configuration has.</summary>
    public PortRule? AgainstNames(params IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            if (policy.Interfaces.RuleAgainst(name) is { } rule)
                return new(rule, $"weftd has no say about the interface {name}");
        }

        return null;
    }

    /// <summary>The rule against interfaces that a configuration leads to.</summary>
    public PortRule? AgainstPort(IEnumerable<NodeInterface> port)
    {
        foreach (var found in port)
        {
            if (policy.Interfaces.RuleAgainst(found.Names) is { } rule)
                return new(rule, $"weftd has no say about the interface {found.Name}");
            if (found.PciAddress is { } pci && policy.Devices.RuleAgainst(pci) is { } deviceRule)
                return new(deviceRule, $"weftd has no say about {pci}, which is {found.Name}");
        }

        return null;
    }

    /// <summary>The rule against a device that is taken or given as a whole.</summary>
    /// <param name="port">The interfaces that it has.</param>
    public PortRule? AgainstDevice(string? pciAddress, List<NodeInterface> port)
    {
        var known = pciAddress ?? port.Find(i => i.PciAddress is not null)?.PciAddress;
        if (known is null)
            return policy.Devices.Allow is null
                ? null
                : new(
                    "devices.allow",
                    "its address on the PCI bus is not known, so nobody can tell whether it is allowed"
                );
        return policy.Devices.RuleAgainst(known) is { } rule ? new(rule, $"weftd has no say about {known}") : null;
    }

    /// <summary>The rule against a tag; null stands for none.</summary>
    public PortRule? AgainstVlan(int? vlan) =>
        vlan is { } tag && policy.Vlans.RuleAgainst(tag) is { } rule
            ? new(rule, $"weftd has no say about VLAN {tag} here")
            : null;

    /// <summary>The rule against giving a name that the management's interface has.</summary>
    /// <param name="port">What is to have the name.</param>
    public PortRule? AgainstTakingName(string name, List<NodeInterface> port) =>
        facts.FindNamed(name).FirstOrDefault(i => i.IsManagement && !port.Contains(i)) is { } owner
            ? new(ManagementPolicy.Rule, $"{name} is a name of {owner.Name}, by which the node is managed")
            : null;

    /// <summary>The rule against a greater MTU of the management's interface.</summary>
    public PortRule? AgainstWidening(NodeInterface management, int mtu) =>
        mtu <= management.Mtu || policy.Management.MayWiden
            ? null
            : new(
                ManagementPolicy.Rule,
                $"the node is managed by {management.Name}, whose MTU of {management.Mtu} would become {mtu}; "
                    + "widen it by hand, or let it be widened by management.mayWiden"
            );

    /// <summary>The rule against another name for the management's interface.</summary>
    public static PortRule Rename(NodeInterface management, string name) =>
        new(ManagementPolicy.Rule, $"the node is managed by {management.Name}, which is not renamed to {name}");
}
