namespace Weft.EndToEnd.Lab;

/// <summary>
/// What Weft renders, applied by weft-agent in a machine whose kernel has 802.1Q and ipvlan and whose card has virtual
/// functions (docs/operations/lab.md).
/// </summary>
[Collection(nameof(VirtualLab))]
public sealed class LabTests(VirtualLab lab)
{
    /// <summary>The checks of each scenario, in their order: one that is left out is a failure, too.</summary>
    private static readonly Dictionary<string, string> Checks = new()
    {
        ["kernel"] = """
            tagged-reaches-far tag-on-the-wire shut-vlan-drops open-vlan-passes ipvlan-l2-reaches-far ipvlan-l3-reaches-far
            function-in-vlan-reaches-far card-tags vfio-pci-binds testpmd-starts testpmd-answers testpmd-counts
            """,
        ["osdevice"] = """
            weftd-serves site-is-applied agent-applies interface-tags interface-has-mtu trunk-has-each-vlan address-of-each-family
            address-on-the-trunk no-default-route reaches-by-ipv4 tag-on-the-wire reaches-by-ipv6 wide-frames-pass reaches-on-the-trunk
            verify-proves-the-node shut-vlan-drops verify-sees-the-shut-vlan verify-says-where open-vlan-passes
            pod-gets-address pod-reaches-far verify-proves-the-pod address-is-the-pools
            made-by-the-agent asked-by-hand-nothing-to-do agent-starts-again nothing-is-done-twice second-time-changes-nothing
            deleted-interface-is-back deleted-interface-reaches mtu-is-back address-is-back
            policy-refuses-it change-cuts-the-node-off change-is-taken-back way-is-back others-stayed agent-says-why
            """,
        ["macvlan"] = """
            weftd-serves site-is-applied agent-applies pod-one-is-attached pod-two-is-attached
            listed-tag-passes listed-tag-passes-inwards other-tag-is-dropped listed-tag-passes-still wire-saw-the-listed wire-saw-no-other
            node-keeps-its-own-vlan verify-proves-the-guard pod-hears-the-listed pod-hears-no-other
            siblings-do-not-meet siblings-do-not-meet-on-another-tag sibling-reaches-far
            without-guard-other-tag-passes guard-is-back other-tag-is-dropped-again listed-tag-passes-again
            """,
        ["ipvlan"] = """
            weftd-serves site-is-applied agent-applies first-gets-addresses second-gets-addresses addresses-differ first-reaches-far
            second-reaches-far siblings-meet one-mac-on-the-wire fabric-drops-shut-vlan-before fabric-drops-shut-vlan
            fabric-drops-shut-vlan-after address-is-the-pools address-goes-back trunk-is-attached trunk-has-pools-vlans
            trunk-has-no-vlan-without-address trunk-reaches-on-602 trunk-reaches-on-603 trunk-with-address-of-the-pod
            trunk-reaches-on-750 trunk-tag-on-the-wire trunk-goes one-vlan-is-attached one-vlan-reaches-far one-vlan-alone
            """,
        ["sriov"] = """
            weftd-serves site-is-applied agent-applies functions-are-made functions-have-the-vlan trunk-function-is-free
            functions-have-a-driver inventory-knows-the-functions pod-gets-function pod-reaches-far
            pod-reaches-far-by-ipv6 tag-on-the-wire no-tag-in-the-pod
            fabric-drops-shut-vlan-before fabric-drops-shut-vlan fabric-drops-shut-vlan-after
            second-pod-gets-function functions-of-one-network-meet before-foreign-mac foreign-mac-hears-nothing after-foreign-mac
            trunk-pod-gets-function trunk-pod-tags-602 trunk-pod-tags-603 trunk-tags-on-the-wire
            nothing-is-done-twice functions-in-use-are-left-alone function-comes-back function-is-ready-again vlan-of-function-is-back
            """,
        ["dpdk"] = """
            weftd-serves site-is-applied agent-applies function-has-vfio-pci function-has-the-vlan group-is-the-functions-alone
            testpmd-starts testpmd-answers-not-over-a-shut-vlan-before testpmd-answers-not-over-a-shut-vlan
            testpmd-answers-not-over-a-shut-vlan-after tag-on-the-wire nothing-is-done-twice still-answers testpmd-counts
            """,
        ["virtual"] = """
            weftd-serves site-is-applied agent-applies device-is-ready pod-gets-device device-is-in-the-pod pod-reaches-far
            tag-on-the-wire fabric-drops-shut-vlan-before fabric-drops-shut-vlan fabric-drops-shut-vlan-after device-comes-back
            """,
    };

    public static TheoryData<string> Scenarios => [.. Checks.Keys];

    [Fact]
    public void Knows_EveryScenario() =>
        Assert.Equal(
            Checks.Keys.Order(StringComparer.Ordinal),
            Directory
                .GetFiles(Path.Join(VirtualLab.Root, "lab", "scenarios"), "*.sh")
                .Select(Path.GetFileNameWithoutExtension)
                .Order(StringComparer.Ordinal)
        );

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void Passes_EveryCheckOf(string scenario)
    {
        Assert.SkipWhen(lab.Lacks is not null, lab.Lacks ?? "");
        var console = lab.ConsoleOf(scenario);
        var said = console
            .Split('\n')
            .Where(line =>
                line.StartsWith("ok ", StringComparison.Ordinal) || line.StartsWith("FAIL ", StringComparison.Ordinal)
            )
            .ToList();
        Assert.True(
            !said.Exists(line => line.StartsWith("FAIL ", StringComparison.Ordinal))
                && console.Contains("\nRESULT bad=0\n", StringComparison.Ordinal),
            console
        );
        Assert.Equal(
            Checks[scenario].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries),
            said.Select(line => line["ok ".Length..])
        );
    }
}
