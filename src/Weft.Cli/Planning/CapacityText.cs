using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli.Planning;

/// <summary>
/// How full things are after a plan, for people: what changes, what is nearly full, and with details everything.
/// </summary>
internal sealed class CapacityText(Terminal terminal, bool detailed)
{
    /// <summary>From here on a pool is worth a line though the plan takes nothing from it: nine tenths.</summary>
    private const double NearlyFull = 0.9;

    /// <summary>Prints it; nothing where there is nothing to say.</summary>
    public void Write(Plan plan)
    {
        var capacity = plan.Response["capacity"] as JsonObject ?? [];
        List<string> lines =
        [
            .. AddressLines(ListOf(capacity, "addresses")),
            .. FunctionLines(ListOf(capacity, "functions")),
            .. VlanLines(ListOf(capacity, "vlans")),
            .. PageLines(ListOf(capacity, "hugepages")),
        ];
        if (lines.Count == 0)
            return;
        terminal.WriteLine("");
        terminal.WriteLine("Capacity", TextStyle.Heading);
        foreach (var line in lines)
            terminal.WriteLine($"  {line}");
    }

    private IEnumerable<string> AddressLines(IEnumerable<JsonObject> addresses)
    {
        foreach (var one in addresses)
        {
            var (held, after, free, size) = (
                NumberOf(one, "held"),
                NumberOf(one, "heldAfter"),
                NumberOf(one, "freeAfter"),
                NumberOf(one, "size")
            );
            if (detailed || held != after || (size > 0 && free <= size * (1 - NearlyFull)))
                yield return $"{NetworkOf(one)} {TextOf(one, "prefix")}: {ChangeText(one, "held", "heldAfter")} of "
                    + $"{TextOf(one, "size")} addresses held, {TextOf(one, "freeAfter")} free";
        }
    }

    private static IEnumerable<string> FunctionLines(IEnumerable<JsonObject> functions)
    {
        foreach (var one in functions)
        {
            var networks = ListOf(one, "networks").Select(FunctionsOfNetwork).ToList();
            var total = TextOf(one, "total") is { Length: > 0 } known ? $" of {known}" : "";
            var ofNetworks = networks.Count > 0 ? $": {string.Join(", ", networks)}" : "";
            yield return $"{PortOf(one)}: {TextOf(one, "declared")}{total} virtual functions declared{ofNetworks}";
        }
    }

    private static string FunctionsOfNetwork(JsonObject network)
    {
        var (declared, pooled) = (TextOf(network, "declared"), network["pooled"]?.ToString());
        var inPool = pooled is not null && pooled != declared ? $" ({pooled} in its pool)" : "";
        return $"{NetworkOf(network)} {declared}{inPool}";
    }

    private IEnumerable<string> VlanLines(IEnumerable<JsonObject> vlans)
    {
        foreach (var one in vlans)
        {
            var vlanCount = $"{PortOf(one)}: {TextOf(one, "vlans")} VLANs";
            var limit = TextOf(one, "limit") is { Length: > 0 } most ? $", {most} at most" : "";
            if (TextOf(one, "network").Length > 0)
                yield return $"{vlanCount} on each of {TextOf(one, "functions")} functions ({NetworkOf(one)}){limit}";
            else if (detailed)
                yield return vlanCount;
        }
    }

    private static IEnumerable<string> PageLines(IEnumerable<JsonObject> pages) =>
        pages.Select(one =>
        {
            var found = TextOf(one, "total") is { Length: > 0 } total
                ? $", {total} there, {TextOf(one, "free")} free"
                : "";
            var size = TextOf(one, "kilobytes");
            return $"{TextOf(one, "node")}: {TextOf(one, "wanted")} huge pages of {size} KiB wanted{found}";
        });

    private static string PortOf(JsonObject one) => $"{TextOf(one, "node")} {TextOf(one, "port")}";

    private static string NetworkOf(JsonObject one) => Label.For(TextOf(one, "network"));

    private static string ChangeText(JsonObject one, string before, string after) =>
        TextOf(one, before) == TextOf(one, after)
            ? TextOf(one, after)
            : $"{TextOf(one, before)} -> {TextOf(one, after)}";

    private static IEnumerable<JsonObject> ListOf(JsonObject holder, string name) =>
        (holder[name] as JsonArray ?? []).OfType<JsonObject>();

    private static string TextOf(JsonObject one, string name) => one[name]?.ToString() ?? "";

    private static double NumberOf(JsonObject one, string name) =>
        double.TryParse(TextOf(one, name), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? number
            : 0;
}
