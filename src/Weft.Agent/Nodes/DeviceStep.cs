using System.Collections.Immutable;

namespace Weft.Agent.Nodes;

/// <summary>Sets whether the kernel's drivers take new functions of a port by themselves.</summary>
internal sealed record SetAutoProbe(string Port, string Device, bool On) : NodeStep
{
    public override string Key => $"autoprobe {Device}";
    public override string Subject => Port;
    public override string Does => $"drivers take its functions by themselves: {(On ? "yes" : "no")}";
    public override NodeStep Undo() => this with { On = !On };
    public override NodeStep? After(NodeStep earlier) => ((SetAutoProbe)earlier).On == On ? this : null;
}

/// <summary>Makes a port's virtual functions.</summary>
/// <param name="Was">How many there are: they are taken away first.</param>
internal sealed record SetFunctionCount(string Port, string Device, int Count, int Was) : NodeStep
{
    public override string Key => $"functions {Device}";
    public override string Subject => Port;
    public override string Does => $"{Count} virtual functions (has {Was})";
    public override NodeStep Undo() => this with { Count = Was, Was = Count };
    public override NodeStep? After(NodeStep earlier) => ((SetFunctionCount)earlier).Was == Count ? null : this with { Was = ((SetFunctionCount)earlier).Was };
}

/// <summary>What of a virtual function its physical function decides.</summary>
internal enum FunctionSide
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
internal sealed record SetFunction(string Port, int Index, FunctionSide Side, string Value, string? Was) : NodeStep
{
    public override string Key => $"function {Port} {Index} {Side}";
    public override string Subject => $"function {Index} of {Port}";
    public override string Does => (Side, Value) switch
    {
        (FunctionSide.Vlan, "0") => "the card adds no tag",
        (FunctionSide.Vlan, _) => $"the card tags with {Value}",
        (FunctionSide.Mac, _) => $"MAC address {Value}",
        (FunctionSide.Trust, _) => $"trust {Value}",
        _ => $"spoof check {Value}",
    };

    public override NodeStep? Undo() => Was is null ? null : this with { Value = Was, Was = Value };
    public override NodeStep? After(NodeStep earlier) => ((SetFunction)earlier).Was == Value ? null : this with { Was = ((SetFunction)earlier).Was };
}

/// <summary>A device on a PCI bus: by its address, or as a function of a port, which has an address only once it is made.</summary>
/// <param name="Function">Its index among the port's functions; null where the address is its own.</param>
internal sealed record StepDevice(string Name, string Address, int? Function);

/// <summary>Gives a device to a driver.</summary>
/// <param name="Driver">The driver's name; empty for the kernel's own choice; null for none.</param>
/// <param name="Was">The driver it had; null for none.</param>
internal sealed record BindDriver(StepDevice Device, string? Driver, string? Was) : NodeStep
{
    /// <summary>The kernel's own choice.</summary>
    public const string Kernel = "";

    /// <summary>The driver for programs in user space.</summary>
    public const string UserSpace = "vfio-pci";

    public override string Key => $"driver {Device.Address} {Device.Function}";
    public override string Subject => Device.Name;
    public override string Does => Driver switch { null => $"take it from {Was}", Kernel => "give it to the kernel's driver", _ => $"give it to {Driver}" };

    // What the kernel's own driver had goes back to whatever the kernel chooses.
    public override NodeStep Undo() => this with { Driver = Was is null or UserSpace ? Was : Kernel, Was = Driver };
    public override NodeStep? After(NodeStep earlier)
    {
        var was = ((BindDriver)earlier).Was;
        return was == Driver || (Driver == Kernel && was is not (null or UserSpace)) ? null : this with { Was = was };
    }
}

/// <summary>Sets up the interface of a device once its driver has made it.</summary>
/// <param name="Mtu">Its MTU in bytes.</param>
internal sealed record SetFunctionLink(StepDevice Device, int Mtu) : NodeStep
{
    public override string? Key => null;
    public override string Subject => Device.Name;
    public override string Does => $"its interface up, MTU {Mtu}";
    public override NodeStep? Undo() => null;
}

/// <summary>Loads the filters on trunks' parents in place of those that are there.</summary>
/// <param name="Tables">The tables, all of family <c>netdev</c>.</param>
/// <param name="Text">Their text for nft; empty to take them away.</param>
internal sealed record LoadGuards(ImmutableArray<string> Tables, string Text, string Was) : NodeStep
{
    /// <summary>A fingerprint of what the kernel shows once it is loaded; null until then.</summary>
    public string? Shown { get; init; }

    public override string Key => "guards";
    public override bool TakesAway => Text.Length == 0;
    public override string Subject => "trunk guard";
    public override string Does => Text.Length == 0 ? $"take away the tables {string.Join(", ", Tables)}" : $"load the tables {string.Join(", ", Tables)}";
    public override NodeStep Undo() => new LoadGuards(Tables, Was, Text);
    public override NodeStep? After(NodeStep earlier) => ((LoadGuards)earlier).Was == Text ? null : this with { Was = ((LoadGuards)earlier).Was };
}

/// <summary>A file of the node's own network service.</summary>
/// <param name="Content">What it holds; null for none.</param>
/// <param name="Was">What it held; null for none.</param>
internal sealed record StepFile(string Path, string? Content, string? Was);

/// <summary>Writes the files of the node's own network service, and has it read them.</summary>
/// <param name="Service"><c>netplan</c> or <c>networkd</c>.</param>
internal sealed record WriteFiles(string Service, ImmutableArray<StepFile> Files) : NodeStep
{
    public override string Key => $"files {Service}";
    public override string Subject => Service;
    public override string Does => $"{string.Join(", ", Files.Select(f => f.Content is null ? $"remove {f.Path}" : f.Content == f.Was ? $"keep {f.Path}" : $"write {f.Path}"))}, and have it read";
    public override NodeStep Undo() => this with { Files = [.. Files.Select(f => new StepFile(f.Path, f.Was, f.Content))] };
    public override NodeStep? After(NodeStep earlier)
    {
        var both = ((WriteFiles)earlier).Files.ToDictionary(f => f.Path, StringComparer.Ordinal);
        foreach (var file in Files)
            both[file.Path] = both.TryGetValue(file.Path, out var first) ? file with { Was = first.Was } : file;
        var left = both.Values.Where(f => f.Content != f.Was).OrderBy(f => f.Path, StringComparer.Ordinal).ToImmutableArray();
        return left.IsEmpty ? null : this with { Files = left };
    }
}
