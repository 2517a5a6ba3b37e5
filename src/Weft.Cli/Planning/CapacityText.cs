using System.Globalization;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Contracts;

namespace Weft.Cli.Planning;

/// <summary>
/// How full things are after a plan, for people: what changes, what is nearly full, and with details everything.
/// </summary>
internal sealed class CapacityText(Terminal terminal, bool detailed)
{
    /// <summary>From here on a pool is worth a line though the plan takes nothing from it: nine tenths.</summary>
    private const double NearlyFull = 0.9;

    /// <summary>Prints it; nothing where there is nothing to say.</summary>
    public void Write(PlannedCapacity capacity)
    {
        List<string> lines =
        [
            .. capacity.Addresses.Where(IsWorthALine).Select(FormatAddresses),
            .. capacity.Functions.Select(FormatFunctions),
            .. capacity.Vlans.Where(vlans => detailed || vlans.Network is not null).Select(FormatVlans),
            .. capacity.Hugepages.Select(FormatPages),
        ];
        if (lines.Count == 0)
            return;
        terminal.WriteLine("");
        terminal.WriteLine("Capacity", TextStyle.Heading);
        foreach (var line in lines)
            terminal.WriteLine($"  {line}");
    }

    private bool IsWorthALine(AddressCapacity addresses)
    {
        var (free, size) = (NumberOf(addresses.FreeAfter), NumberOf(addresses.Size));
        return detailed || addresses.Held != addresses.HeldAfter || (size > 0 && free <= size * (1 - NearlyFull));
    }

    private static string FormatAddresses(AddressCapacity addresses)
    {
        var held =
            addresses.Held == addresses.HeldAfter
                ? $"{addresses.HeldAfter}"
                : $"{addresses.Held} -> {addresses.HeldAfter}";
        return $"{Label.For(addresses.Network)} {addresses.Prefix}: {held} of {addresses.Size} addresses held, "
            + $"{addresses.FreeAfter} free";
    }

    private static string FormatFunctions(FunctionCapacity functions)
    {
        var total = functions.Total is { } known ? $" of {known}" : "";
        var networks = (functions.Networks ?? []).Select(FormatNetwork).ToList();
        var ofNetworks = networks.Count > 0 ? $": {string.Join(", ", networks)}" : "";
        return $"{functions.Node} {functions.Port}: {functions.Declared}{total} virtual functions declared{ofNetworks}";
    }

    private static string FormatNetwork(NetworkFunctionCapacity network)
    {
        var inPool = network.Pooled is { } pooled && pooled != network.Declared ? $" ({pooled} in its pool)" : "";
        return $"{Label.For(network.Network)} {network.Declared}{inPool}";
    }

    private static string FormatVlans(VlanCapacity vlans)
    {
        var count = $"{vlans.Node} {vlans.Port}: {vlans.Vlans} VLANs";
        var limit = vlans.Limit is { } most ? $", {most} at most" : "";
        return vlans.Network is { } network
            ? $"{count} on each of {vlans.Functions} functions ({Label.For(network)}){limit}"
            : count;
    }

    private static string FormatPages(HugepageCapacity pages)
    {
        var found = pages.Total is { } total ? $", {total} there, {pages.Free} free" : "";
        return $"{pages.Node}: {pages.Wanted} huge pages of {pages.Kilobytes} KiB wanted{found}";
    }

    private static double NumberOf(string digits) =>
        double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
