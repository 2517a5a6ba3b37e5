using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli.Planning;

/// <summary>How full things are after a plan, for people: what changes, what is nearly full, and with details everything.</summary>
internal sealed class CapacityText(Terminal terminal, bool detailed)
{
    /// <summary>From here on a pool is worth a line though the plan takes nothing from it: nine tenths.</summary>
    private const double NearlyFull = 0.9;

    /// <summary>Prints it; nothing where there is nothing to say.</summary>
    public void Write(Plan plan)
    {
        var capacity = plan.Answer["capacity"] as JsonObject ?? [];
        List<string> lines = [.. Addresses(List(capacity, "addresses")), .. Functions(List(capacity, "functions")), .. Vlans(List(capacity, "vlans")), .. Pages(List(capacity, "hugepages"))];
        if (lines.Count == 0)
            return;
        terminal.Line("");
        terminal.Line("Capacity", Ink.Heading);
        foreach (var line in lines)
            terminal.Line($"  {line}");
    }

    private IEnumerable<string> Addresses(IEnumerable<JsonObject> addresses)
    {
        foreach (var one in addresses)
        {
            var (held, after, free, size) = (Number(one, "held"), Number(one, "heldAfter"), Number(one, "freeAfter"), Number(one, "size"));
            if (detailed || held != after || (size > 0 && free <= size * (1 - NearlyFull)))
                yield return $"{Label.Of(Text(one, "network"))} {Text(one, "prefix")}: {Change(one, "held", "heldAfter")} of {Text(one, "size")} addresses held, {Text(one, "freeAfter")} free";
        }
    }

    private static IEnumerable<string> Functions(IEnumerable<JsonObject> functions)
    {
        foreach (var one in functions)
        {
            var networks = List(one, "networks").Select(n => $"{Label.Of(Text(n, "network"))} {Text(n, "declared")}{(n["pooled"] is { } pooled && pooled.ToString() != Text(n, "declared") ? $" ({pooled} in its pool)" : "")}").ToList();
            var total = Text(one, "total") is { Length: > 0 } known ? $" of {known}" : "";
            yield return $"{Text(one, "node")} {Text(one, "port")}: {Text(one, "declared")}{total} virtual functions declared{(networks.Count > 0 ? $": {string.Join(", ", networks)}" : "")}";
        }
    }

    private IEnumerable<string> Vlans(IEnumerable<JsonObject> vlans)
    {
        foreach (var one in vlans)
        {
            if (Text(one, "network") is { Length: > 0 } network)
                yield return $"{Text(one, "node")} {Text(one, "port")}: {Text(one, "vlans")} VLANs on each of {Text(one, "functions")} functions ({Label.Of(network)}){(Text(one, "limit") is { Length: > 0 } limit ? $", {limit} at most" : "")}";
            else if (detailed)
                yield return $"{Text(one, "node")} {Text(one, "port")}: {Text(one, "vlans")} VLANs";
        }
    }

    private static IEnumerable<string> Pages(IEnumerable<JsonObject> pages) => pages.Select(one =>
        $"{Text(one, "node")}: {Text(one, "wanted")} huge pages of {Text(one, "kilobytes")} KiB wanted{(Text(one, "total") is { Length: > 0 } total ? $", {total} there, {Text(one, "free")} free" : "")}");

    private static string Change(JsonObject one, string before, string after) => Text(one, before) == Text(one, after) ? Text(one, after) : $"{Text(one, before)} -> {Text(one, after)}";

    private static IEnumerable<JsonObject> List(JsonObject holder, string name) => (holder[name] as JsonArray ?? []).OfType<JsonObject>();

    private static string Text(JsonObject one, string name) => one[name]?.ToString() ?? "";

    private static double Number(JsonObject one, string name) => double.TryParse(Text(one, name), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
