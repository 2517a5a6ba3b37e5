using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Weft.Attachments.Nodes;
using Weft.Attachments.Plugins;
using Weft.Resources;

namespace Weft.Attachments.Admission;

/// <summary>W3: the devices that attachments stand on, and what a program that drives one needs.</summary>
internal static class DeviceRules
{
    public static readonly LintRule TooFew = new(
        "W301",
        Severity.Error,
        "fewer devices are requested than attachments stand on"
    );
    public static readonly LintRule UnusedDevice = new(
        "W302",
        Severity.Warning,
        "a device is requested that no attachment stands on"
    );
    public static readonly LintRule NotFirstContainer = new(
        "W303",
        Severity.Warning,
        "another container than the first requests the device"
    );
    public static readonly LintRule RequestsDifferFromLimits = new(
        "W304",
        Severity.Error,
        "a device's requests and limits differ"
    );
    public static readonly LintRule TooMany = new(
        "W305",
        Severity.Error,
        "more devices are requested than any node has"
    );
    public static readonly LintRule NoHugepages = new(
        "W306",
        Severity.Warning,
        "a device is driven from user space and the pod has no huge pages"
    );
    public static readonly LintRule NoMemoryLock = new(
        "W307",
        Severity.Warning,
        "a device is driven from user space and no container may lock memory"
    );
    public static readonly LintRule NoMemory = new(
        "W308",
        Severity.Error,
        "huge pages are requested without memory or CPU, or their requests and limits differ"
    );

    private static string UserSpacePlugins =>
        PluginRegistry.ListNames(plugin => plugin.DeviceDriver == FunctionDriver.UserSpace, "or");

    public static ImmutableArray<LintRule> All =>
        [
            TooFew,
            UnusedDevice,
            NotFirstContainer,
            RequestsDifferFromLimits,
            TooMany,
            NoHugepages,
            NoMemoryLock,
            NoMemory,
        ];

    /// <summary>How many devices of each resource the attachments of a pod stand on.</summary>
    public static ImmutableSortedDictionary<string, int> RequiredDevices(PodView pod) =>
        pod
            .Selections.Where(s => s.Definition?.Resource is { Length: > 0 })
            .GroupBy(s => s.Definition!.Resource!, StringComparer.Ordinal)
            .ToImmutableSortedDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);

    /// <summary>
    /// How many of a resource a container asks for; limits count where requests are missing, as the API server fills
    /// them in.
    /// </summary>
    public static long RequestedCount(JsonElement container, string resource) =>
        ParseQuantity(container.Member("resources").Member("requests"), resource)
        ?? ParseQuantity(container.Member("resources").Member("limits"), resource)
        ?? 0;

    /// <summary>Whether a container says anything of a resource, a zero included.</summary>
    public static bool MentionsResource(JsonElement container, string resource) =>
        ResourceNamesOf(container.Member("resources")).Contains(resource);

    /// <summary>Checks a pod.</summary>
    public static void Check(PodView pod, Findings findings)
    {
        var containers = pod.Containers.ToList();
        var needed = RequiredDevices(pod);
        foreach (var (resource, count) in needed)
            CheckRequests(pod, resource, count, containers, findings);
        CheckUnused(pod, needed, containers, findings);
        foreach (var (container, path) in containers)
        {
            var resources = container.Member("resources");
            foreach (var resource in ResourceNamesOf(resources).Where(name => IsDevice(pod, needed, name)))
                CheckLimits(resources, resource, path, findings);
            CheckHugepages(container, path, findings);
        }

        if (
            needed.Keys.FirstOrDefault(r => pod.Context.Pools.TryGetValue(r, out var pool) && pool.IsUserSpace) is
            { } driven
        )
            CheckUserSpace(pod, driven, containers, findings);
    }

    private static void CheckLimits(JsonElement resources, string resource, string path, Findings findings)
    {
        var requested = ParseQuantity(resources.Member("requests"), resource);
        var limit = ParseQuantity(resources.Member("limits"), resource);
        if (requested is null || requested == limit)
            return;
        var limits = limit is null ? "no limits" : $"limits {limit}";
        findings.Add(
            RequestsDifferFromLimits,
            $"{path}.resources",
            $"{resource} has requests {requested} and {limits}; the API server takes devices by equal ones alone",
            $"write limits: {{{resource}: {requested}}}"
        );
    }

    private static void CheckRequests(
        PodView pod,
        string resource,
        int count,
        List<(JsonElement Container, string Path)> containers,
        Findings findings
    )
    {
        var asked = containers.Sum(c => RequestedCount(c.Container, resource));
        var first = $"{FirstPathOf(pod, containers)}.resources";
        if (asked < count)
            findings.Add(
                TooFew,
                first,
                DescribeTooFew(pod, resource, count, asked, containers),
                $"write requests and limits {{{resource}: {count}}} in one container"
            );
        else if (containers.Count > 1 && RequestedCount(containers[0].Container, resource) == 0)
        {
            var (other, path) = containers.First(c => RequestedCount(c.Container, resource) > 0);
            findings.Add(
                NotFirstContainer,
                $"{path}.resources",
                $"{resource} is requested by container '{other.Text("name")}' and not by the first, "
                    + $"'{containers[0].Container.Text("name")}': "
                    + "only the one that requests it sees the device's files and variables",
                "leave it so if that is the container that drives the device"
            );
        }

        var wanted = Math.Max(asked, count);
        if (pod.Context.Capacity.TryGetValue(resource, out var most) && wanted > most)
            findings.Add(
                TooMany,
                first,
                $"{wanted} of {resource} are wanted, and no node has more than {most}: the pod stays Pending",
                "attach fewer, or give a node more functions"
            );
    }

    private static string DescribeTooFew(
        PodView pod,
        string resource,
        int count,
        long asked,
        List<(JsonElement Container, string Path)> containers
    )
    {
        var titles = pod.Selections.Where(s => s.Definition?.Resource == resource).Select(s => s.Title);
        var stand = count == 1 ? "stands" : $"stand {count} times";
        var requested = asked == 0 ? "none" : asked.ToString(CultureInfo.InvariantCulture);
        var near = containers
            .SelectMany(c => ResourceNamesOf(c.Container.Member("resources")))
            .FirstOrDefault(name => Suggestions.DamerauDistance(name, resource) is > 0 and <= 3);
        return $"{string.Join(", ", titles)} {stand} on {resource}, and the containers request {requested} of it; "
            + "the plugin will fail without a device"
            + (near is null ? "" : $" ({near} is requested)");
    }

    private static string FirstPathOf(PodView pod, List<(JsonElement Container, string Path)> containers) =>
        containers.Count > 0 ? containers[0].Path : $"{pod.Path}spec.containers[0]";

    private static void CheckUnused(
        PodView pod,
        ImmutableSortedDictionary<string, int> needed,
        List<(JsonElement Container, string Path)> containers,
        Findings findings
    )
    {
        var known = pod
            .Context.Definitions.Where(d => d.Resource is not null)
            .GroupBy(d => d.Resource!, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => g.First().Title, StringComparer.Ordinal);
        foreach (var (container, path) in containers)
        {
            foreach (
                var resource in ResourceNamesOf(container.Member("resources"))
                    .Where(r => known.ContainsKey(r) && !needed.ContainsKey(r))
            )
                findings.Add(
                    UnusedDevice,
                    $"{path}.resources",
                    $"{resource} is requested, and no attachment of the pod stands on it; {known[resource]} does",
                    needed.IsEmpty
                        ? $"add {known[resource]} to {PodView.NetworksAnnotation}, or take the request away"
                        : $"did you mean {needed.Keys.First()}?"
                );
        }
    }

    private static void CheckHugepages(JsonElement container, string path, Findings findings)
    {
        var resources = container.Member("resources");
        var pages = ResourceNamesOf(resources)
            .Where(n => n.StartsWith("hugepages-", StringComparison.Ordinal))
            .ToList();
        if (pages.Count == 0)
            return;
        if (!ResourceNamesOf(resources).Any(n => n is "memory" or "cpu"))
            findings.Add(
                NoMemory,
                $"{path}.resources",
                $"{pages[0]} is requested without memory or CPU, which the API server refuses",
                "add memory to requests and limits"
            );
        foreach (var page in pages)
        {
            var (request, limit) = (
                RawQuantity(resources.Member("requests"), page),
                RawQuantity(resources.Member("limits"), page)
            );
            if (request is not null && request != limit)
                findings.Add(
                    NoMemory,
                    $"{path}.resources",
                    $"{page} has requests {request} and {(limit is null ? "no limits" : $"limits {limit}")}; "
                        + "huge pages can't be overcommitted",
                    "write equal requests and limits"
                );
        }
    }

    private static void CheckUserSpace(
        PodView pod,
        string resource,
        List<(JsonElement Container, string Path)> containers,
        Findings findings
    )
    {
        var first = FirstPathOf(pod, containers);
        if (
            !containers.Any(c =>
                ResourceNamesOf(c.Container.Member("resources"))
                    .Any(n => n.StartsWith("hugepages-", StringComparison.Ordinal))
            )
        )
            findings.Add(
                NoHugepages,
                $"{first}.resources",
                $"{resource} is driven from user space ({UserSpacePlugins}), and no container has huge pages",
                "add hugepages-1Gi or hugepages-2Mi, memory, and a volume with medium HugePages"
            );
        var mayLock = containers.Any(c =>
            c.Container.Member("securityContext") is var security
            && (
                security.Member("privileged").ValueKind == JsonValueKind.True
                || security.Member("capabilities").Texts("add").Any(a => a is "IPC_LOCK" or "CAP_IPC_LOCK" or "ALL")
            )
        );
        if (!mayLock)
            findings.Add(
                NoMemoryLock,
                $"{first}.securityContext",
                $"{resource} is driven from user space ({UserSpacePlugins}), "
                    + "and no container may lock the memory that the device writes to",
                "add securityContext.capabilities.add: [IPC_LOCK]"
            );
    }

    private static bool IsDevice(PodView pod, ImmutableSortedDictionary<string, int> needed, string name) =>
        needed.ContainsKey(name)
        || pod.Context.Pools.ContainsKey(name)
        || pod.Context.Definitions.Any(d => d.Resource == name);

    private static IEnumerable<string> ResourceNamesOf(JsonElement resources) =>
        ((string[])["requests", "limits"])
            .Select(list => resources.Member(list))
            .Where(m => m.ValueKind == JsonValueKind.Object)
            .SelectMany(m => m.EnumerateObject())
            .Select(m => m.Name)
            .Distinct();

    private static long? ParseQuantity(JsonElement list, string resource) =>
        RawQuantity(list, resource) is not { } text ? null
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var whole) ? whole
        : 0;

    private static string? RawQuantity(JsonElement list, string resource) =>
        list.Member(resource) switch
        {
            { ValueKind: JsonValueKind.String } text => text.GetString(),
            { ValueKind: JsonValueKind.Number } number => number.GetRawText(),
            _ => null,
        };
}
