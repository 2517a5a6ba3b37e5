using System.Collections.Immutable;
using Weft.Attachments.DevicePools;

namespace Weft.Agent.Nodes.Operations;

/// <summary>Sets whether the kernel's drivers take new functions of a port by themselves.</summary>
internal sealed record SetAutoProbe(string Port, string Device, bool On) : NodeOperation
{
    public override string Key => $"autoprobe {Device}";
    public override string Subject => Port;
    public override string Description => $"drivers take its functions by themselves: {(On ? "yes" : "no")}";

    public override NodeOperation Undo() => this with { On = !On };

    public override NodeOperation? Compose(NodeOperation earlier) => ((SetAutoProbe)earlier).On == On ? this : null;
}

/// <summary>Makes a port's virtual functions.</summary>
/// <param name="Was">How many there are: they are taken away first.</param>
internal sealed record SetFunctionCount(string Port, string Device, int Count, int Was) : NodeOperation
{
    public override string Key => $"functions {Device}";
    public override string Subject => Port;
    public override string Description => $"{Count} virtual functions (has {Was})";

    public override NodeOperation Undo() => this with { Count = Was, Was = Count };

    public override NodeOperation? Compose(NodeOperation earlier) =>
        ((SetFunctionCount)earlier).Was == Count ? null : this with { Was = ((SetFunctionCount)earlier).Was };
}

/// <summary>What of a virtual function its physical function decides.</summary>
internal enum FunctionSetting
{
    /// <summary>Its MAC address.</summary>
    Mac,

    /// <summary>The VLAN the card tags with; 0 for none.</summary>
    Vlan,

    /// <summary>Whether it is trusted: <c>on</c> or <c>off</c>.</summary>
    Trust,

    /// <summary>Whether other senders' addresses are dropped: <c>on</c> or <c>off</c>.</summary>
    SpoofCheck,
}

/// <summary>Sets one side of a virtual function, by its physical function.</summary>
/// <param name="Was">What it was, or null where the function is new.</param>
internal sealed record SetFunctionSetting(string Port, int Index, FunctionSetting Side, string Value, string? Was)
    : NodeOperation
{
    public override string Key => $"function {Port} {Index} {Side}";
    public override string Subject => $"function {Index} of {Port}";
    public override string Description =>
        (Side, Value) switch
        {
            (FunctionSetting.Vlan, "0") => "the card adds no tag",
            (FunctionSetting.Vlan, _) => $"the card tags with {Value}",
            (FunctionSetting.Mac, _) => $"MAC address {Value}",
            (FunctionSetting.Trust, _) => $"trust {Value}",
            _ => $"spoof check {Value}",
        };

    public override NodeOperation? Undo() => Was is null ? null : this with { Value = Was, Was = Value };

    public override NodeOperation? Compose(NodeOperation earlier) =>
        ((SetFunctionSetting)earlier).Was == Value ? null : this with { Was = ((SetFunctionSetting)earlier).Was };
}

/// <summary>
/// A device on a PCI bus: by its address, or as a function of a port, which has an address only once it is made.
/// </summary>
/// <param name="Function">Its index among the port's functions; null where the address is its own.</param>
internal sealed record DeviceReference(string Name, string Address, int? Function);

/// <summary>Gives a device to a driver.</summary>
/// <param name="Driver">The driver's name; empty for the kernel's own choice; null for none.</param>
/// <param name="Was">The driver it had; null for none.</param>
internal sealed record BindDriver(DeviceReference Device, string? Driver, string? Was) : NodeOperation
{
    /// <summary>The kernel's own choice.</summary>
    public const string Kernel = "";

    /// <summary>The driver for programs in user space.</summary>
    public const string UserSpace = DeviceDrivers.Vfio;

    public override string Key => $"driver {Device.Address} {Device.Function}";
    public override string Subject => Device.Name;
    public override string Description =>
        Driver switch
        {
            null => $"take it from {Was}",
            Kernel => "give it to the kernel's driver",
            _ => $"give it to {Driver}",
        };

    // What the kernel's own driver had goes back to whatever the kernel chooses.
    public override NodeOperation Undo() =>
        this with
        {
            Driver = Was is null or UserSpace ? Was : Kernel,
            Was = Driver,
        };

    public override NodeOperation? Compose(NodeOperation earlier)
    {
        var was = ((BindDriver)earlier).Was;
        return was == Driver || (Driver == Kernel && was is not (null or UserSpace)) ? null : this with { Was = was };
    }
}

/// <summary>Sets up the interface of a device once its driver has made it.</summary>
/// <param name="Mtu">Its MTU in bytes.</param>
internal sealed record SetFunctionLink(DeviceReference Device, int Mtu) : NodeOperation
{
    public override string? Key => null;
    public override string Subject => Device.Name;
    public override string Description => $"its interface up, MTU {Mtu}";

    public override NodeOperation? Undo() => null;
}

/// <summary>Loads the filters on trunks' parents in place of those that are there.</summary>
/// <param name="Tables">The tables, all of family <c>netdev</c>.</param>
/// <param name="Text">Their text for nft; empty to take them away.</param>
internal sealed record LoadGuards(ImmutableArray<string> Tables, string Text, string Was) : NodeOperation
{
    /// <summary>A fingerprint of what the kernel shows once it is loaded; null until then.</summary>
    public string? Shown { get; init; }

    public override string Key => "guards";
    public override bool Removes => Text.Length == 0;
    public override string Subject => "trunk guard";
    public override string Description =>
        Text.Length == 0
            ? $"take away the tables {string.Join(", ", Tables)}"
            : $"load the tables {string.Join(", ", Tables)}";

    public override NodeOperation Undo() => new LoadGuards(Tables, Was, Text);

    public override NodeOperation? Compose(NodeOperation earlier) =>
        ((LoadGuards)earlier).Was == Text ? null : this with { Was = ((LoadGuards)earlier).Was };
}

/// <summary>A file of the node's own network service.</summary>
/// <param name="Content">What it holds; null for none.</param>
/// <param name="Was">What it held; null for none.</param>
internal sealed record ServiceFile(string Path, string? Content, string? Was);

/// <summary>Writes the files of the node's own network service, and has it read them.</summary>
/// <param name="Service"><c>netplan</c> or <c>networkd</c>.</param>
internal sealed record WriteServiceFiles(string Service, ImmutableArray<ServiceFile> Files) : NodeOperation
{
    public override string Key => $"files {Service}";
    public override string Subject => Service;
    public override string Description => $"{string.Join(", ", Files.Select(Describe))}, and have it read";

    public override NodeOperation Undo() =>
        this with
        {
            Files = [.. Files.Select(f => new ServiceFile(f.Path, f.Was, f.Content))],
        };

    private static string Describe(ServiceFile file) =>
        file.Content is null ? $"remove {file.Path}"
        : file.Content == file.Was ? $"keep {file.Path}"
        : $"write {file.Path}";

    public override NodeOperation? Compose(NodeOperation earlier)
    {
        var both = ((WriteServiceFiles)earlier).Files.ToDictionary(f => f.Path, StringComparer.Ordinal);
        foreach (var file in Files)
            both[file.Path] = both.TryGetValue(file.Path, out var first) ? file with { Was = first.Was } : file;
        var left = both
            .Values.Where(f => f.Content != f.Was)
            .OrderBy(f => f.Path, StringComparer.Ordinal)
            .ToImmutableArray();
        return left.IsEmpty ? null : this with { Files = left };
    }
}
