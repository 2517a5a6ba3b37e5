using System.Collections.Frozen;
using Weft.Attachments.Renderers;

namespace Weft.Attachments;

/// <summary>The plugins that are drawn, by type.</summary>
public static class Plugins
{
    private static readonly FrozenDictionary<PluginType, IPluginRenderer> All =
        new IPluginRenderer[] { new MacvlanRenderer(), new OSDeviceRenderer() }.ToFrozenDictionary(renderer => renderer.Plugin);

    /// <summary>The plugins that are drawn.</summary>
    public static IEnumerable<PluginType> Drawn => All.Keys.Order();

    /// <summary>The renderer of a plugin.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <returns>The renderer, or null for a plugin that this version doesn't draw.</returns>
    public static IPluginRenderer? Find(PluginType plugin) => All.GetValueOrDefault(plugin);
}
