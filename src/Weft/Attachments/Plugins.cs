using System.Collections.Frozen;
using Weft.Attachments.Renderers;

namespace Weft.Attachments;

/// <summary>The renderers, by plugin.</summary>
public static class Plugins
{
    private static readonly FrozenDictionary<PluginType, IPluginRenderer> All =
        new IPluginRenderer[] { new SriovRenderer(), new DpdkRenderer(), new OSDeviceRenderer(), new MacvlanRenderer(), new IpvlanRenderer() }
            .ToFrozenDictionary(renderer => renderer.Plugin);

    /// <summary>The renderer of a plugin: every plugin has one.</summary>
    public static IPluginRenderer Find(PluginType plugin) => All[plugin];
}
