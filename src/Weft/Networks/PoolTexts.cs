using System.Globalization;
using System.Text.Json;
using Weft.Addressing;
using Weft.Fabric;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>What the texts of a declared pool must be, whatever network it is of; and where in it a text stands.</summary>
internal static class PoolTexts
{
    /// <summary>The most addresses that are kept for one holder, which are looked at one by one.</summary>
    private const int MaxOfHolder = 256;

    /// <summary>Checks that all can be read, and that reservations say whom they are for in one way.</summary>
    public static void Check(ValidationContext context)
    {
        var properties = ResourceKind.PropertiesOf(context.Proposed);
        foreach (var (path, text) in Elements(properties, "prefixes"))
            Add(context, path, Prefix.Parse(text, path));
        foreach (var (path, text) in Elements(properties, "exclusions").Concat(Elements(properties, "ranges")))
            Add(context, path, AddressRange.Parse(text, path));
        foreach (var (path, text) in Elements(properties, "gateways"))
        {
            if (!text.Equals(PoolSpec.NoGateway, StringComparison.OrdinalIgnoreCase))
                Add(context, path, Address.Parse(text, path));
        }

        foreach (var (path, text) in Elements(properties, "stickyPods"))
        {
            if (!PodPattern.IsPattern(text))
                context.AddError(
                    RefusalCode.InvalidMember,
                    path,
                    $"'{path}': '{text}' is no pod; write NAMESPACE/NAME, where * stands for any characters"
                );
        }

        foreach (var (path, text) in Elements(properties, "claims"))
        {
            if (!PodPattern.IsClaimPattern(text))
                context.AddError(
                    RefusalCode.InvalidMember,
                    path,
                    $"'{path}': '{text}' says no claim; write NAMESPACE/NAME with one *, such as vms/virt-launcher-*-?????"
                );
        }

        var names = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (reservation, i) in properties.Elements("reservations").Select((r, i) => (r, i)))
            CheckReservation(context, reservation, $"properties.reservations[{Number(i)}]", names);
    }

    /// <summary>The elements of a list of texts, each with its path.</summary>
    public static IEnumerable<(string Path, string Text)> Elements(JsonElement properties, string member) =>
        properties.Texts(member).Select((text, i) => ($"properties.{member}[{Number(i)}]", text));

    /// <summary>The addresses of reservations, each with its path and whose they are.</summary>
    public static IEnumerable<(string Path, string Name, AddressRange Range)> ReservedRanges(JsonElement properties) =>
        properties
            .Elements("reservations")
            .SelectMany(
                (reservation, i) =>
                    reservation
                        .Texts("addresses")
                        .Select(
                            (text, j) =>
                                (
                                    $"properties.reservations[{Number(i)}].addresses[{Number(j)}]",
                                    reservation.Text("name")!,
                                    AddressRange.Parse(text).Value
                                )
                        )
            );

    /// <summary>The member by which an address can't be leased.</summary>
    public static string PathOf(JsonElement properties, AddressObstacle obstacle, Address address)
    {
        string? Holding(string member) =>
            Elements(properties, member)
                .FirstOrDefault(e => AddressRange.Parse(e.Text).TryGet(out var range, out _) && range.Contains(address))
                .Path;
        return obstacle.Kind switch
        {
            ObstacleKind.OutsidePrefix or ObstacleKind.Unusable => "properties.prefixes",
            ObstacleKind.Gateway => Holding("gateways") ?? "properties.gateways",
            ObstacleKind.OfFabric => "properties.reservedAddresses",
            ObstacleKind.Excluded => Holding("exclusions") ?? "properties.exclusions",
            ObstacleKind.OutsideRanges => "properties.ranges",
            ObstacleKind.Kept => ReservedRanges(properties).First(r => r.Range.Contains(address)).Path,
            _ => "properties",
        };
    }

    private static void CheckReservation(
        ValidationContext context,
        JsonElement reservation,
        string path,
        Dictionary<string, string> names
    )
    {
        var name = reservation.Text("name")!;
        if (!names.TryAdd(name, path))
            context.AddError(
                RefusalCode.Overlap,
                $"{path}.name",
                $"'{path}.name': {names[name]} is called '{name}', too; each reservation has a name of its own"
            );
        var count = UInt128.Zero;
        foreach (var (text, j) in reservation.Texts("addresses").Select((text, j) => (text, j)))
        {
            var at = $"{path}.addresses[{Number(j)}]";
            var read = AddressRange.Parse(text, at);
            Add(context, at, read);
            count += read.TryGet(out var range, out _) ? range.Count : 0;
        }

        CheckHolder(context, reservation, path, count);
    }

    private static void CheckHolder(ValidationContext context, JsonElement reservation, string path, UInt128 count)
    {
        var (holder, pod) = (reservation.Id("for"), reservation.Text("pod"));
        var isPods = holder?.Type == NetworkCloudProvider.KubernetesClusterType;
        if (isPods && pod is null)
            context.AddError(
                RefusalCode.MissingMember,
                $"{path}.pod",
                $"'{path}.pod' is required: {holder!.Name} is a cluster; say which of its pods, as NAMESPACE/NAME"
            );
        else if (pod is not null && (!isPods || pod.Split('/') is not [{ Length: > 0 }, { Length: > 0 }]))
            context.AddError(
                RefusalCode.InvalidMember,
                $"{path}.pod",
                isPods
                    ? $"'{path}.pod': '{pod}' is no pod; write NAMESPACE/NAME"
                    : $"'{path}.pod': pods are of a Kubernetes cluster; name it in '{path}.for'"
            );
        if (holder is not null && count > MaxOfHolder)
            context.AddError(
                RefusalCode.InvalidMember,
                $"{path}.addresses",
                $"'{path}.addresses': {count} addresses are kept for one holder; allowed are {MaxOfHolder}"
            );
    }

    private static void Add<T>(ValidationContext context, string path, Outcome<T> read)
    {
        if (!read.TryGet(out _, out var refusal))
            context.AddError(refusal with { Message = $"'{path}': {refusal.Message}" });
    }

    private static string Number(int i) => i.ToString(CultureInfo.InvariantCulture);
}
