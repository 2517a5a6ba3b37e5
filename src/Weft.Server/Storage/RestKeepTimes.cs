using Weft.Networks;
using Weft.Resources;

namespace Weft.Server.Storage;

/// <summary>For how long what was given up of each network is remembered: while it cools, or is kept for who had it.</summary>
internal sealed class RestKeepTimes
{
    /// <summary>The most that are read at a start: some seconds.</summary>
    public const int MaxRead = 1 << 20;

    private readonly Dictionary<string, long> _ofNetworks = new(StringComparer.Ordinal);
    private readonly long _standard;

    private RestKeepTimes(long standard) => Longest = _standard = standard;

    /// <summary>The longest of all, in milliseconds.</summary>
    public long Longest { get; private set; }

    /// <summary>Reads it off the pools that are declared.</summary>
    public static RestKeepTimes Of(IEnumerable<Row> rows, StoreSettings settings)
    {
        var times = new RestKeepTimes(1_000L * settings.CoolDownSeconds);
        var pools = $"{StoreKey.PartitionOf(DeclaredPool.ResourceType)}|";
        foreach (var row in rows.Where(row => row.Key.StartsWith(pools, StringComparison.Ordinal)))
        {
            var rests = PoolSpec.Read(row).Rules.RestsAt(settings.CoolDownSeconds, 0);
            var keep = rests.StickyPods.IsEmpty ? rests.CoolDown : Math.Max(rests.CoolDown, rests.Keep);
            times._ofNetworks[ResourceKind.IdOf(row).Parent!.Key] = keep;
            times.Longest = Math.Max(times.Longest, keep);
        }

        return times;
    }

    /// <summary>That of a network, in milliseconds.</summary>
    public long Of(string networkKey) => _ofNetworks.GetValueOrDefault(networkKey, _standard);
}
