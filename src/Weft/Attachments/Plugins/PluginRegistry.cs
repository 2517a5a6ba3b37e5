using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Weft.Attachments.Plugins;

/// <summary>The plugins: the one list of their names, for the schema, for messages and for lint.</summary>
internal static class PluginRegistry
{
    /// <summary>The plugin of an attachment that names none. Source: Azure Operator Nexus, <c>pluginType</c>.</summary>
    public static readonly IPlugin Default = new SriovPlugin();

    /// <summary>
    /// The plugins in the order of the API's enumeration. The number is its place in messages that name several: what is
    /// easiest to change to comes first.
    /// </summary>
    private static readonly (IPlugin Plugin, int Place)[] Entries =
    [
        (new DpdkPlugin(), 3),
        (Default, 2),
        (new OSDevicePlugin(), 4),
        (new MacvlanPlugin(), 1),
        (new IpvlanPlugin(), 5),
    ];

    /// <summary>All plugins.</summary>
    public static ImmutableArray<IPlugin> All { get; } = [.. Entries.Select(entry => entry.Plugin)];

    private static readonly FrozenDictionary<string, CniBinary> Binaries = All.SelectMany(plugin => plugin.Binaries)
        .Concat(ForeignBinaries.All)
        .DistinctBy(binary => binary.Name)
        .ToFrozenDictionary(binary => binary.Name, StringComparer.Ordinal);

    /// <summary>The values of <c>pluginType</c> as a schema lists them, with an asterisk before the default.</summary>
    public static string SchemaValues =>
        string.Join('|', All.Select(plugin => plugin == Default ? $"*{plugin.Name}" : plugin.Name));

    /// <summary>The plugin of a name.</summary>
    /// <param name="name">A value that the schema has let pass.</param>
    public static IPlugin Get(string name) => All.First(plugin => plugin.Name == name);

    /// <summary>The names of some plugins, as a sentence lists them.</summary>
    /// <param name="conjunction">The word before the last: <c>and</c> or <c>or</c>.</param>
    /// <returns>Such as <c>SRIOV, DPDK or IPVLAN</c>.</returns>
    public static string ListNames(Func<IPlugin, bool> which, string conjunction)
    {
        var names = Entries
            .Where(entry => which(entry.Plugin))
            .OrderBy(entry => entry.Place)
            .Select(entry => entry.Plugin.Name)
            .ToList();
        return names.Count < 2 ? string.Concat(names) : $"{string.Join(", ", names[..^1])} {conjunction} {names[^1]}";
    }

    /// <summary>The names of plugins of which a definition can name some CNI plugin.</summary>
    public static string ListNamesByBinary(Func<CniBinary, bool> which, string conjunction) =>
        ListNames(plugin => plugin.Binaries.Any(which), conjunction);

    /// <summary>
    /// The plugins that a network can be attached by where there are no devices to give: they serve every type of
    /// network.
    /// </summary>
    public static string ListDeviceless(Func<IPlugin, bool>? which = null) =>
        ListNames(
            plugin =>
                !plugin.NeedsDevices
                && Enum.GetValues<Networks.NetworkType>().All(type => plugin.ReasonNotServing(type) is null)
                && (which is null || which(plugin)),
            "or"
        );

    /// <summary>What is known of a CNI plugin.</summary>
    /// <param name="type">The configuration's <c>type</c>.</param>
    /// <returns>A binary of that name, of which nothing may be known.</returns>
    public static CniBinary BinaryOf(string type) => Binaries.GetValueOrDefault(type) ?? new CniBinary(type);
}
