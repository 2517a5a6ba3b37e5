using System.Collections.Immutable;
using System.Text.Json;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Attachments;

/// <summary>Reads a node's configuration member by member, and keeps every fault that it meets.</summary>
internal sealed class NodeConfigurationReader
{
    private readonly List<Refusal> _findings;

    public NodeConfigurationReader(List<Refusal> findings) => _findings = findings;

    public ImmutableArray<T> Each<T>(JsonElement holder, string member, string path, Func<JsonElement, string, T?> read)
        where T : class
    {
        // A list that is missing is not an empty one: read as empty it would take away all there is.
        if (holder.Member(member).ValueKind != JsonValueKind.Array)
        {
            _findings.Add(new Refusal(RefusalCode.MissingMember, $"the desired state has no list '{path}'", path));
            return [];
        }

        return [.. holder.Each(member).Select((element, i) => read(element, $"{path}[{i}]")).OfType<T>()];
    }

    public NodeLink? Link(JsonElement body, string path)
    {
        var port = body.Member("port");
        if (Name(body, "name", path) is not { } name || Name(port, "name", $"{path}.port") is not { } portName)
            return null;
        var addresses = body.Texts("addresses").Select((text, i) => Host(text, $"{path}.addresses[{i}]")).ToImmutableArray();
        var uplink = new Uplink(portName, port.Text("macAddress"), Mtu(port, $"{path}.port"), port.Member("trunk").ValueKind == JsonValueKind.True ? null : name);
        return new NodeLink(name, uplink, Vlan(body, path), Mtu(body, path), addresses, Each(body, "routes", $"{path}.routes", Route), body.Text("why") ?? "") { Parent = body.Text("parent") };
    }

    public PhysicalFunction? Port(JsonElement body, string path) => Name(body, "name", path) is not { } name ? null
        : new PhysicalFunction(name, body.Text("macAddress"), body.Text("pciAddress"), Mtu(body, path), Each(body, "functions", $"{path}.functions", Function));

    public PassedDevice? Device(JsonElement body, string path) => Name(body, "name", path) is not { } name ? null
        : new PassedDevice(name, body.Text("macAddress"), body.Text("pciAddress"), body.Text("network") ?? "", Mtu(body, path), Driver(body, path));

    public TrunkGuard? Guard(JsonElement body, string path)
    {
        if (Name(body, "interface", path) is not { } name)
            return null;
        if (VlanSet.Parse(body.Text("vlans") ?? "", $"{path}.vlans").TryGet(out var vlans, out var refusal))
            return new TrunkGuard(name, body.Text("network") ?? "", vlans, body.Member("untagged").ValueKind == JsonValueKind.True);
        _findings.Add(refusal);
        return null;
    }

    private VirtualFunction? Function(JsonElement body, string path)
    {
        if (body.Whole("index") is not ({ } index and >= 0 and <= 1023))
        {
            _findings.Add(Bad($"{path}.index", "a function has an index from 0 to 1023"));
            return null;
        }

        return new VirtualFunction((int)index, body.Text("network") ?? "", Vlan(body, path), body.Member("trust").ValueKind == JsonValueKind.True,
            body.Member("spoofCheck").ValueKind == JsonValueKind.True, Mtu(body, path), Driver(body, path));
    }

    private NodeRoute? Route(JsonElement body, string path)
    {
        if (Prefix.Parse(body.Text("to") ?? "", $"{path}.to").TryGet(out var to, out var refusal)
            && Address.Parse(body.Text("via") ?? "", $"{path}.via").TryGet(out var via, out refusal))
            return new NodeRoute(to, via, (int?)body.Whole("metric"));
        _findings.Add(refusal);
        return null;
    }

    private (Address Address, int Length) Host(string text, string path)
    {
        var slash = text.LastIndexOf('/');
        if (slash > 0 && int.TryParse(text.AsSpan(slash + 1), System.Globalization.NumberStyles.None, null, out var length)
            && Address.Parse(text[..slash], path).TryGet(out var address, out _) && length <= address.Bits)
            return (address, length);
        _findings.Add(Bad(path, $"'{text}' is no address with a length"));
        return default;
    }

    private int? Vlan(JsonElement body, string path)
    {
        var vlan = body.Whole("vlan");
        if (vlan is { } number && !VlanSet.IsVlan(number))
            _findings.Add(Bad($"{path}.vlan", $"{number} is no VLAN; it must be 1 to 4094"));
        return (int?)vlan;
    }

    private int Mtu(JsonElement body, string path)
    {
        if (body.Whole("mtu") is { } mtu and >= 68 and <= 65535)
            return (int)mtu;
        _findings.Add(Bad($"{path}.mtu", "an MTU is 68 to 65535"));
        return 1500;
    }

    private FunctionDriver Driver(JsonElement body, string path)
    {
        if (Enum.TryParse<FunctionDriver>(body.Text("driver"), out var driver))
            return driver;
        _findings.Add(Bad($"{path}.driver", $"'{body.Text("driver")}' is no driver; it must be {string.Join(" or ", Enum.GetNames<FunctionDriver>())}"));
        return default;
    }

    private string? Name(JsonElement body, string member, string path)
    {
        // The kernel's rule for names of interfaces: up to 15 bytes, no '/', no ':' and no blank, not '.' nor '..'.
        if (body.Text(member) is { Length: > 0 and <= 15 } name && name is not ("." or "..") && !name.Any(c => c is '/' or ':' or '\\' || char.IsWhiteSpace(c) || char.IsControl(c) || c > '~'))
            return name;
        _findings.Add(Bad($"{path}.{member}", $"'{body.Text(member)}' can be no interface's name"));
        return null;
    }

    private static Refusal Bad(string path, string why) => new(RefusalCode.InvalidMember, $"{path} of the desired state is not applied: {why}", path);
}
