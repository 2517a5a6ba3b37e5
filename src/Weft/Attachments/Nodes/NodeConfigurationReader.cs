using System.Collections.Immutable;
using System.Text.Json;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Attachments.Nodes;

/// <summary>Reads a node's configuration member by member, and keeps every fault that it meets.</summary>
internal sealed class NodeConfigurationReader
{
    // Names go on to command lines, files and netlink.
    private const InterfaceNameRules NameRules =
        InterfaceNameRules.NoControlCharacters | InterfaceNameRules.NoBackslash | InterfaceNameRules.AsciiOnly;

    // Settings under these names are of the whole node, and the last is its loopback.
    private static readonly string[] KernelNames = ["all", "default", "lo"];

    private readonly List<Refusal> _findings;

    public NodeConfigurationReader(List<Refusal> findings) => _findings = findings;

    public ImmutableArray<T> ReadList<T>(
        JsonElement holder,
        string member,
        string path,
        Func<JsonElement, string, T?> read
    )
        where T : class
    {
        // A list that is missing is not an empty one: read as empty it would take away all there is.
        if (holder.Member(member).ValueKind != JsonValueKind.Array)
        {
            _findings.Add(new Refusal(RefusalCode.MissingMember, $"the desired state has no list '{path}'", path));
            return [];
        }

        return [.. holder.Elements(member).Select((element, i) => read(element, $"{path}[{i}]")).OfType<T>()];
    }

    public NodeLink? ReadLink(JsonElement body, string path)
    {
        var port = body.Member("port");
        if (
            ReadInterfaceName(body, "name", path) is not { } name
            || ReadInterfaceName(port, "name", $"{path}.port") is not { } portName
        )
            return null;
        var addresses = ReadAddresses(body, path);
        var uplink = new Uplink(
            portName,
            ReadMacAddress(port, $"{path}.port"),
            ReadMtu(port, $"{path}.port"),
            ReadFlag(port, "trunk", $"{path}.port") ? null : name
        );
        return new NodeLink(
            name,
            uplink,
            ReadVlan(body, path),
            ReadMtu(body, path),
            addresses,
            ReadList(body, "routes", $"{path}.routes", ReadRoute),
            ReadLine(body, "why", path)
        )
        {
            Parent = IsAbsent(body, "parent") ? null : ReadInterfaceName(body, "parent", path),
        };
    }

    public PhysicalFunction? ReadPort(JsonElement body, string path) =>
        ReadInterfaceName(body, "name", path) is not { } name
            ? null
            : new PhysicalFunction(
                name,
                ReadMacAddress(body, path),
                ReadPciAddress(body, path),
                ReadMtu(body, path),
                ReadList(body, "functions", $"{path}.functions", ReadFunction)
            );

    public PassthroughDevice? ReadDevice(JsonElement body, string path) =>
        ReadInterfaceName(body, "name", path) is not { } name
            ? null
            : new PassthroughDevice(
                name,
                ReadMacAddress(body, path),
                ReadPciAddress(body, path),
                ReadLine(body, "network", path),
                ReadMtu(body, path),
                ReadDriver(body, path)
            );

    public TrunkGuard? ReadGuard(JsonElement body, string path)
    {
        if (ReadInterfaceName(body, "interface", path) is not { } name)
            return null;
        if (VlanSet.Parse(body.Text("vlans") ?? "", $"{path}.vlans").TryGet(out var vlans, out var refusal))
            return new TrunkGuard(name, ReadLine(body, "network", path), vlans, ReadFlag(body, "untagged", path));
        _findings.Add(refusal);
        return null;
    }

    private VirtualFunction? ReadFunction(JsonElement body, string path)
    {
        if (body.Integer("index") is not ({ } index and >= 0 and <= 1023))
        {
            _findings.Add(RefusalOf($"{path}.index", "a function has an index from 0 to 1023"));
            return null;
        }

        return new VirtualFunction(
            (int)index,
            ReadLine(body, "network", path),
            ReadVlan(body, path),
            ReadFlag(body, "trust", path),
            ReadFlag(body, "spoofCheck", path),
            ReadMtu(body, path),
            ReadDriver(body, path)
        );
    }

    private NodeRoute? ReadRoute(JsonElement body, string path)
    {
        if (
            Prefix.Parse(body.Text("to") ?? "", $"{path}.to").TryGet(out var to, out var refusal)
            && Address.Parse(body.Text("via") ?? "", $"{path}.via").TryGet(out var via, out refusal)
        )
            return new NodeRoute(to, via, ReadMetric(body, path));
        _findings.Add(refusal);
        return null;
    }

    private ImmutableArray<(Address Address, int Length)> ReadAddresses(JsonElement body, string path)
    {
        // As with other lists: one that is missing would take away what is there.
        if (body.Member("addresses").ValueKind == JsonValueKind.Array)
            return
            [
                .. body.Elements("addresses")
                    .Select(
                        (each, i) =>
                            ReadAddress(
                                each.ValueKind == JsonValueKind.String ? each.GetString()! : $"{each}",
                                $"{path}.addresses[{i}]"
                            )
                    ),
            ];
        _findings.Add(
            new Refusal(
                RefusalCode.MissingMember,
                $"the desired state has no list '{path}.addresses'",
                $"{path}.addresses"
            )
        );
        return [];
    }

    private (Address Address, int Length) ReadAddress(string text, string path)
    {
        var slash = text.LastIndexOf('/');
        if (
            slash > 0
            && int.TryParse(text.AsSpan(slash + 1), System.Globalization.NumberStyles.None, null, out var length)
            && Address.Parse(text[..slash], path).TryGet(out var address, out _)
            && length <= address.Bits
        )
            return (address, length);
        _findings.Add(RefusalOf(path, $"'{text}' is no address with a length"));
        return default;
    }

    private int? ReadVlan(JsonElement body, string path)
    {
        // A tag that isn't understood must not be taken for none: its frames would leave untagged.
        if (IsAbsent(body, "vlan"))
            return null;
        if (body.Integer("vlan") is { } number && VlanSet.IsVlan(number))
            return (int)number;
        _findings.Add(RefusalOf($"{path}.vlan", $"{TextOf(body, "vlan")} is no VLAN; it must be 1 to 4094"));
        return null;
    }

    private int? ReadMetric(JsonElement body, string path)
    {
        if (IsAbsent(body, "metric"))
            return null;
        if (body.Integer("metric") is { } number and >= 0 and <= int.MaxValue)
            return (int)number;
        _findings.Add(
            RefusalOf($"{path}.metric", $"{TextOf(body, "metric")} is no metric; it must be 0 to {int.MaxValue}")
        );
        return null;
    }

    private bool ReadFlag(JsonElement body, string member, string path)
    {
        if (!IsAbsent(body, member) && body.Member(member).ValueKind is not (JsonValueKind.True or JsonValueKind.False))
            _findings.Add(RefusalOf($"{path}.{member}", $"{TextOf(body, member)} is neither true nor false"));
        return body.Member(member).ValueKind == JsonValueKind.True;
    }

    private int ReadMtu(JsonElement body, string path)
    {
        if (body.Integer("mtu") is { } mtu and >= 68 and <= 65535)
            return (int)mtu;
        _findings.Add(RefusalOf($"{path}.mtu", "an MTU is 68 to 65535"));
        return 1500;
    }

    private FunctionDriver ReadDriver(JsonElement body, string path)
    {
        // By name alone: a number would pass for one too.
        if (
            Enum.TryParse<FunctionDriver>(body.Text("driver"), out var driver)
            && Enum.GetName(driver) == body.Text("driver")
        )
            return driver;
        _findings.Add(
            RefusalOf(
                $"{path}.driver",
                $"'{body.Text("driver")}' is no driver; it must be {string.Join(" or ", Enum.GetNames<FunctionDriver>())}"
            )
        );
        return default;
    }

    private string? ReadMacAddress(JsonElement body, string path)
    {
        var text = TextOf(body, "macAddress");
        if (text is null || MacAddress.TryParse(text, MacAddressNotations.Colons, out _, out _))
            return text;
        _findings.Add(RefusalOf($"{path}.macAddress", $"'{text}' is no MAC address"));
        return null;
    }

    private string? ReadPciAddress(JsonElement body, string path)
    {
        var text = TextOf(body, "pciAddress");
        if (text is null || PciAddress.IsValid(text))
            return text;
        _findings.Add(RefusalOf($"{path}.pciAddress", $"'{text}' is no address on the PCI bus, such as 0000:3b:00.0"));
        return null;
    }

    /// <summary>A text that goes into comments of files: a line break in it would begin a line of its own there.</summary>
    private string ReadLine(JsonElement body, string member, string path)
    {
        var text = body.Text(member) ?? "";
        if (text.Any(char.IsControl) || (!IsAbsent(body, member) && body.Text(member) is null))
            _findings.Add(RefusalOf($"{path}.{member}", "it must be one line of text, without control characters"));
        return text;
    }

    private string? ReadInterfaceName(JsonElement body, string member, string path)
    {
        var text = body.Text(member);
        if (InterfaceName.TryParse(text, NameRules, out var name, out _) && !KernelNames.Contains(name.ToString()))
            return name.ToString();
        _findings.Add(RefusalOf($"{path}.{member}", $"'{text}' can be no interface's name"));
        return null;
    }

    private static bool IsAbsent(JsonElement body, string member) =>
        body.Member(member).ValueKind == JsonValueKind.Undefined;

    /// <summary>A member as text, whatever it is: one that should be text and is a number isn't absent.</summary>
    private static string? TextOf(JsonElement body, string member) =>
        IsAbsent(body, member) ? null : body.Text(member) ?? body.Member(member).GetRawText();

    private static Refusal RefusalOf(string path, string why) =>
        new(RefusalCode.InvalidMember, $"{path} of the desired state is not applied: {why}", path);
}
