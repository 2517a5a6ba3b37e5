using Weft.Addressing;

namespace Weft.Attachments.Nodes;

/// <summary>
/// Judges a configuration by the node's own policy. Whoever sends it isn't trusted: what is refused is left out and
/// told, and the rest is applied. Contract: docs/specs/node-apply.md, "Policy".
/// </summary>
internal sealed class NodePolicyRules
{
    private readonly NodePolicy _policy;
    private readonly NodeFacts _facts;
    private readonly PortRules _ports;
    private readonly List<PolicyFinding> _refused = [];

    private NodePolicyRules(NodePolicy policy, NodeFacts facts) =>
        (_policy, _facts, _ports) = (policy, facts, new PortRules(policy, facts));

    /// <summary>What of a configuration may be applied, and what not.</summary>
    public static PolicyVerdict Judge(NodeConfiguration wanted, NodePolicy policy, NodeFacts facts)
    {
        var rules = new NodePolicyRules(policy, facts);
        var allowed = wanted with
        {
            Links = new LinkRules(policy, facts, rules._ports, rules._refused.Add).Allowed(wanted.Links),
            PhysicalFunctions = [.. wanted.PhysicalFunctions.Select(rules.Allowed).OfType<PhysicalFunction>()],
            Devices = [.. wanted.Devices.Where(rules.IsAllowed)],
            Guards = [.. wanted.Guards.Select(rules.Narrowed)],
        };
        return new PolicyVerdict(rules.WithoutCuttingGuards(allowed), [.. rules._refused]);
    }

    private PhysicalFunction? Allowed(PhysicalFunction port)
    {
        var member = $"physicalFunctions '{port.Name}'";
        var found = _facts.FindPort(port.MacAddress, port.PciAddress, port.Name).ToList();
        var against =
            _ports.AgainstNames(port.Name)
            ?? _ports.AgainstPort(found)
            ?? _ports.AgainstDevice(port.PciAddress, found)
            ?? AgainstManagement(port, found);
        if (against is { } rule)
        {
            _refused.Add(new PolicyFinding(member, $"{port.Count} functions", rule.Rule, rule.Reason));
            return null;
        }

        return port with
        {
            Functions = [.. port.Functions.Where(function => IsAllowed(member, function))],
        };
    }

    private bool IsAllowed(string member, VirtualFunction function)
    {
        if (_ports.AgainstVlan(function.Vlan) is not { } rule)
            return true;
        _refused.Add(new PolicyFinding($"{member} functions", $"function {function.Index}", rule.Rule, rule.Reason));
        return false;
    }

    private PortRule? AgainstManagement(PhysicalFunction port, List<NodeInterface> found)
    {
        if (!_policy.Management.IsProtected)
            return null;
        if (_ports.AgainstTakingName(port.Name, found) is { } taken)
            return taken;
        if (found.Find(i => i.IsManagement) is not { } management)
            return null;
        if (management.Name != port.Name)
            return PortRules.Rename(management, port.Name);
        if (_facts.HasNetworkService && port.MacAddress is not null)
            return new(ManagementPolicy.Rule, $"the node is managed by {management.Name}, which stays as it is");
        return _ports.AgainstWidening(management, port.Mtu);
    }

    private bool IsAllowed(PassthroughDevice device)
    {
        // Once a driver of user space has it, only its address on the bus is left of it.
        var found = _facts
            .Interfaces.Where(i => device.PciAddress is not null && i.PciAddress == device.PciAddress)
            .Union(_facts.FindPort(device.MacAddress, device.PciAddress, device.Name))
            .ToList();
        var management = _policy.Management.IsProtected ? found.Find(i => i.IsManagement) : null;
        var against =
            _ports.AgainstNames(device.Name)
            ?? _ports.AgainstPort(found)
            ?? _ports.AgainstDevice(device.PciAddress, found)
            ?? (
                management is null
                    ? null
                    : new PortRule(
                        ManagementPolicy.Rule,
                        $"the node is managed by {management.Name}, which is given to no pod"
                    )
            );
        if (against is not { } rule)
            return true;
        _refused.Add(
            new PolicyFinding(
                $"devices '{device.Name}'",
                device.PciAddress ?? device.MacAddress ?? device.Name,
                rule.Rule,
                rule.Reason
            )
        );
        return false;
    }

    /// <summary>A guard lets pass what is allowed of it. It is not left out: without it pods could send any tag.</summary>
    private TrunkGuard Narrowed(TrunkGuard guard)
    {
        var refused = VlanSet.Create(guard.Vlans.Where(vlan => _policy.Vlans.RuleAgainst(vlan) is not null));
        if (refused.Count == 0)
            return guard;
        var rule = _ports.AgainstVlan(refused.First())!.Value;
        _refused.Add(
            new PolicyFinding(
                $"guards '{guard.Interface}' vlans",
                refused.ToString(),
                rule.Rule,
                "weftd has no say about these VLANs here, and they don't pass"
            )
        );
        return guard with { Vlans = guard.Vlans.Except(refused) };
    }

    /// <summary>
    /// Guards are judged as they are loaded: one for each interface, with what the node's own interfaces there send.
    /// </summary>
    private NodeConfiguration WithoutCuttingGuards(NodeConfiguration configuration)
    {
        var refused = new HashSet<string>(StringComparer.Ordinal);
        foreach (var guard in NodeLayout.Arrange(configuration).Guards)
        {
            if (Against(guard) is not { } rule)
                continue;
            refused.Add(guard.Interface);
            var passes = $"{guard.Vlans}{(guard.Untagged ? " and untagged" : "")}";
            _refused.Add(
                new PolicyFinding($"guards '{guard.Interface}'", $"only {passes} pass", rule.Rule, rule.Reason)
            );
        }

        return configuration with
        {
            Guards = [.. configuration.Guards.Where(guard => !refused.Contains(guard.Interface))],
        };
    }

    private PortRule? Against(TrunkGuard guard)
    {
        var found = _facts.FindNamed(guard.Interface).ToList();
        if ((_ports.AgainstNames(guard.Interface) ?? _ports.AgainstPort(found)) is { } rule)
            return rule;
        var cut = found.Find(i =>
            i.IsManagement && ((i.CarriesUntagged && !guard.Untagged) || i.CarriesVlans.Except(guard.Vlans).Count > 0)
        );
        if (cut is null || !_policy.Management.IsProtected)
            return null;
        var what =
            cut.CarriesUntagged && !guard.Untagged ? "untagged frames" : $"VLAN {cut.CarriesVlans.Except(guard.Vlans)}";
        return new(ManagementPolicy.Rule, $"the node is managed by {cut.Name}, and this would drop its {what}");
    }
}
