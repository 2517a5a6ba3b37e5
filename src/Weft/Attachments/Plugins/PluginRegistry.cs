using System.Collections.Frozen;

namespace Weft.Attachments.Plugins;

/// <summary>The plugins, by type.</summary>
internal static class PluginRegistry
{
    private static readonly FrozenDictionary<PluginType, IPlugin> All = new IPlugin[]
    {
        new SriovPlugin(),
        new DpdkPlugin(),
        new OSDevicePlugin(),
        new MacvlanPlugin(),
        new IpvlanPlugin(),
    }.ToFrozenDictionary(renderer => renderer.Type);

    /// <summary>The plugin of a type: every type has one.</summary>
    public static IPlugin Get(PluginType plugin) => All[plugin];
}
