using System.Globalization;
using System.Text.Json.Serialization;

namespace Weft.Agent.Nodes.Operations;

/// <summary>
/// One change of a node, as data: it can be described, executed, undone, and kept on the disk. Interfaces are named as
/// they are called when the operation's turn comes.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "step")]
[JsonDerivedType(typeof(RenameLink), "rename")]
[JsonDerivedType(typeof(SetLinkUp), "up")]
[JsonDerivedType(typeof(SetMtu), "mtu")]
[JsonDerivedType(typeof(AddVlan), "addVlan")]
[JsonDerivedType(typeof(RemoveVlan), "removeVlan")]
[JsonDerivedType(typeof(AddAddress), "addAddress")]
[JsonDerivedType(typeof(RemoveAddress), "removeAddress")]
[JsonDerivedType(typeof(AddRoute), "addRoute")]
[JsonDerivedType(typeof(RemoveRoute), "removeRoute")]
[JsonDerivedType(typeof(SetSysctl), "setting")]
[JsonDerivedType(typeof(SetAutoProbe), "autoProbe")]
[JsonDerivedType(typeof(SetFunctionCount), "functionCount")]
[JsonDerivedType(typeof(SetFunctionSetting), "function")]
[JsonDerivedType(typeof(BindDriver), "driver")]
[JsonDerivedType(typeof(SetFunctionLink), "functionLink")]
[JsonDerivedType(typeof(LoadGuards), "guards")]
[JsonDerivedType(typeof(WriteServiceFiles), "files")]
internal abstract record NodeOperation
{
    /// <summary>
    /// The object and the setting of it that is changed; what the agent owns is kept by it. Null for what leaves
    /// nothing behind.
    /// </summary>
    [JsonIgnore]
    public abstract string? Key { get; }

    /// <summary>Whether it takes away what another operation of the same key has made.</summary>
    [JsonIgnore]
    public virtual bool Removes => false;

    /// <summary>The object, for people: <c>n6</c>, <c>function 3 of ens1</c>.</summary>
    [JsonIgnore]
    public abstract string Subject { get; }

    /// <summary>What it does, in a few words.</summary>
    [JsonIgnore]
    public abstract string Description { get; }

    /// <summary>What takes it back; null where nothing need be taken back.</summary>
    public abstract NodeOperation? Undo();

    /// <summary>
    /// Both together, where this follows an earlier operation of the same key: what was there before is what the
    /// earlier one found.
    /// </summary>
    /// <returns>One operation, or null where they cancel out.</returns>
    public virtual NodeOperation? Compose(NodeOperation earlier) => this;

    /// <inheritdoc/>
    public sealed override string ToString() => $"{Subject}: {Description}";
}

/// <summary>Gives a port the name that is wanted, and keeps its old one as another name; or takes that back.</summary>
/// <param name="KeepsOld">Whether the old name is kept as another name.</param>
internal sealed record RenameLink(string From, string To, bool KeepsOld) : NodeOperation
{
    public override string Key => $"name {(KeepsOld ? To : From)}";
    public override bool Removes => !KeepsOld;
    public override string Subject => From;
    public override string Description => $"name it {To}";

    public override NodeOperation Undo() => new RenameLink(To, From, !KeepsOld);

    public override NodeOperation Compose(NodeOperation earlier) => this with { From = ((RenameLink)earlier).From };
}

/// <summary>Sets an interface up or down.</summary>
internal sealed record SetLinkUp(string Link, bool Up) : NodeOperation
{
    public override string Key => $"up {Link}";
    public override string Subject => Link;
    public override string Description => Up ? "set it up" : "set it down";

    public override NodeOperation Undo() => this with { Up = !Up };

    public override NodeOperation? Compose(NodeOperation earlier) => ((SetLinkUp)earlier).Up == Up ? this : null;
}

/// <summary>Sets an interface's MTU.</summary>
/// <param name="Mtu">The MTU in bytes.</param>
internal sealed record SetMtu(string Link, int Mtu, int Was) : NodeOperation
{
    public override string Key => $"mtu {Link}";
    public override string Subject => Link;
    public override string Description => $"MTU {Mtu} (is {Was})";

    public override NodeOperation Undo() => this with { Mtu = Was, Was = Mtu };

    public override NodeOperation? Compose(NodeOperation earlier) =>
        ((SetMtu)earlier).Was == Mtu ? null : this with { Was = ((SetMtu)earlier).Was };
}

/// <summary>Makes an interface that tags.</summary>
/// <param name="Mtu">Its MTU in bytes.</param>
internal sealed record AddVlan(string Link, string Parent, int Vlan, int Mtu) : NodeOperation
{
    /// <summary>The number the kernel gave it; 0 until it is made.</summary>
    public int Index { get; init; }

    public override string Key => $"link {Link}";
    public override string Subject => Link;
    public override string Description => $"make it on {Parent} with the tag {Vlan} and MTU {Mtu}";

    public override NodeOperation Undo() => new RemoveVlan(Link, Parent, Vlan, Mtu);
}

/// <summary>Takes an interface that tags away.</summary>
/// <param name="Mtu">Its MTU in bytes.</param>
internal sealed record RemoveVlan(string Link, string Parent, int Vlan, int Mtu) : NodeOperation
{
    public override string Key => $"link {Link}";
    public override bool Removes => true;
    public override string Subject => Link;
    public override string Description => "take it away";

    public override NodeOperation Undo() => new AddVlan(Link, Parent, Vlan, Mtu);
}

/// <summary>Gives an interface an address.</summary>
internal sealed record AddAddress(string Link, string Address, int Length) : NodeOperation
{
    public override string Key => $"address {Link} {Address}/{Length}";
    public override string Subject => Link;
    public override string Description => $"address {Address}/{Length}";

    public override NodeOperation Undo() => new RemoveAddress(Link, Address, Length);
}

/// <summary>Takes an address away.</summary>
internal sealed record RemoveAddress(string Link, string Address, int Length) : NodeOperation
{
    public override string Key => $"address {Link} {Address}/{Length}";
    public override bool Removes => true;
    public override string Subject => Link;
    public override string Description => $"take away the address {Address}/{Length}";

    public override NodeOperation Undo() => new AddAddress(Link, Address, Length);
}

/// <summary>A route, as operations carry it.</summary>
/// <param name="Via">The next hop, or null.</param>
/// <param name="Metric">Its priority; 0 for the system's own.</param>
internal sealed record RouteSpec(string To, string? Via, int Metric)
{
    /// <summary>Who made it; 4 (static) for ours.</summary>
    public int Protocol { get; init; } = 4;

    /// <summary>Its scope.</summary>
    public int Scope { get; init; }

    /// <summary>The source address it prefers, or null.</summary>
    public string? Source { get; init; }

    /// <inheritdoc/>
    public override string ToString() =>
        To
        + (Via is null ? "" : $" via {Via}")
        + (Metric == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" metric {Metric}"));
}

/// <summary>Adds a route.</summary>
internal sealed record AddRoute(string Link, RouteSpec Route) : NodeOperation
{
    public override string Key => $"route {Link} {Route}";
    public override string Subject => Link;
    public override string Description => $"route {Route}";

    public override NodeOperation Undo() => new RemoveRoute(Link, Route);
}

/// <summary>Takes a route away.</summary>
internal sealed record RemoveRoute(string Link, RouteSpec Route) : NodeOperation
{
    public override string Key => $"route {Link} {Route}";
    public override bool Removes => true;
    public override string Subject => Link;
    public override string Description => $"take away the route {Route}";

    public override NodeOperation Undo() => new AddRoute(Link, Route);
}

/// <summary>Sets one of the kernel's IPv6 settings of an interface.</summary>
/// <param name="Name">The setting: a file in <c>/proc/sys/net/ipv6/conf/LINK</c>.</param>
internal sealed record SetSysctl(string Link, string Name, string Value, string Was) : NodeOperation
{
    public override string Key => $"setting {Link} {Name}";
    public override string Subject => Link;
    public override string Description => $"{Name}={Value} (is {Was})";

    public override NodeOperation Undo() => this with { Value = Was, Was = Value };

    public override NodeOperation? Compose(NodeOperation earlier) =>
        ((SetSysctl)earlier).Was == Value ? null : this with { Was = ((SetSysctl)earlier).Was };
}
