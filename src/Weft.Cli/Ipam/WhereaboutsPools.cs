using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Addressing;

namespace Weft.Cli.Ipam;

/// <summary>
/// Reads whereabouts' pools, as <c>kubectl get ippools.whereabouts.cni.cncf.io -A -o json</c> prints them: of each its range,
/// and who has the addresses at which distance from its start.
/// </summary>
internal static class WhereaboutsPools
{
    /// <summary>Reads pools; those whose range is of none of the prefixes are another network's, and left out.</summary>
    public static List<ImportEntry> Read(
        string path,
        JsonNode json,
        IReadOnlyList<Prefix> prefixes,
        List<string> skipped,
        List<string> findings
    )
    {
        var entries = new List<ImportEntry>();
        var pools = json as JsonArray ?? json["items"] as JsonArray ?? [json.DeepClone()];
        foreach (var pool in pools.OfType<JsonObject>())
        {
            var name = pool["metadata"]?["name"]?.ToString() ?? "?";
            var place = $"{path}: ippool {name}";
            var range = pool["spec"]?["range"]?.ToString();
            if (ReadStart(range) is not { } start)
                findings.Add($"{place}: its range, '{range}', is no prefix");
            else if (!prefixes.Any(prefix => prefix.Contains(start)))
                skipped.Add($"left out ippool {name}: {range} is of another network");
            else
                ReadAllocations(place, start, pool["spec"]?["allocations"] as JsonObject ?? [], entries, findings);
        }

        return entries;
    }

    /// <summary>Distances are counted from the range's address as it is written, host bits and all.</summary>
    private static Address? ReadStart(string? range) =>
        range?.Split('/') is [var text, _] && Address.TryParse(text, out var start) ? start : null;

    private static void ReadAllocations(
        string place,
        Address start,
        JsonObject allocations,
        List<ImportEntry> entries,
        List<string> findings
    )
    {
        foreach (var (distance, allocation) in allocations)
        {
            if (
                !UInt128.TryParse(distance, NumberStyles.None, CultureInfo.InvariantCulture, out var offset)
                || (start.Family == AddressFamily.IPv4 && start.Value + offset > uint.MaxValue)
            )
            {
                findings.Add($"{place}: '{distance}' is no distance from {start}");
                continue;
            }

            var address = new Address(start.Family, start.Value + offset).ToString();
            var pod = allocation?["podref"]?.ToString() is { Length: > 0 } named ? named : null;
            // A pod with several interfaces is one holder of all of its addresses.
            var name = pod ?? $"{allocation?["id"]} {allocation?["ifname"]}".Trim();
            entries.Add(new ImportEntry($"{place}, {distance}", address, name.Length > 0 ? name : null, null, pod));
        }
    }
}
