using System.Collections.Immutable;
using System.Globalization;

namespace Weft.Attachments.DevicePools;

/// <summary>
/// The entries of <c>pfNames</c> and <c>rootDevices</c>, read as the device plugin reads them, faults included.
/// </summary>
/// <remarks>
/// Source: sriov-network-device-plugin 40b6f50, pkg/resources/deviceSelectors.go, getItem and isSelected.
/// </remarks>
internal static class FunctionEntries
{
    /// <summary>Functions as the device plugin reads them: <c>ens1f0#0-3,6</c>.</summary>
    /// <returns>One entry: of a second one for the same port the plugin takes no notice.</returns>
    public static string Format(string port, IEnumerable<int> indexes)
    {
        var ranges = new List<(int First, int Last)>();
        foreach (var index in indexes)
        {
            if (ranges.Count > 0 && ranges[^1].Last == index - 1)
                ranges[^1] = (ranges[^1].First, index);
            else
                ranges.Add((index, index));
        }

        return $"{port}#{string.Join(',', ranges.Select(range => FormatRange(range.First, range.Last)))}";
    }

    /// <summary>
    /// The entry that counts for a port: the first that names it, in whatever case. A second one is never looked at.
    /// </summary>
    public static string? FindEntry(ImmutableArray<string> entries, string port) =>
        entries.FirstOrDefault(entry => entry.Split('#')[0].Equals(port, StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether an entry takes the function of an index; why not, where it doesn't.</summary>
    public static bool Includes(string entry, int index, out string why)
    {
        why = $"its function {index} isn't in '{entry}'";
        var fields = entry.Split('#');
        if (fields.Length == 1)
            return true;
        if (fields.Length > 2)
        {
            why = $"'{entry}' has more than one '#', and the plugin takes it for nothing";
            return false;
        }

        foreach (var part in fields[1].Split(','))
        {
            if (!TryParseRange(part, out var first, out var last))
            {
                why = $"'{part}' in '{entry}' is no index and no range, and the plugin reads no further";
                return false;
            }

            if (index >= first && index <= last)
                return true;
        }

        return false;
    }

    private static string FormatRange(int first, int last) =>
        first == last
            ? first.ToString(CultureInfo.InvariantCulture)
            : string.Create(CultureInfo.InvariantCulture, $"{first}-{last}");

    private static bool TryParseRange(string part, out int first, out int last)
    {
        last = 0;
        var ends = part.Split('-');
        if (!part.Contains('-', StringComparison.Ordinal))
            return TryParseNumber(part, out first) && TryParseNumber(part, out last);
        first = 0;
        return ends.Length == 2 && TryParseNumber(ends[0], out first) && TryParseNumber(ends[1], out last);
    }

    private static bool TryParseNumber(string text, out int number) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);
}
