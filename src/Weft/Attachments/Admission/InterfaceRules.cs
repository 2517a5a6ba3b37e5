using System.Collections.Immutable;
using Weft.Addressing;

namespace Weft.Attachments.Admission;

/// <summary>W5: the names of a pod's interfaces, and its default routes.</summary>
internal static class InterfaceRules
{
    // '.4094'
    private const int MaxVlanSuffixLength = 5;

    public static readonly LintRule BadName = new(
        "W501",
        Severity.Error,
        "an interface's name that the kernel or CNI refuses"
    );
    public static readonly LintRule ReservedName = new(
        "W502",
        Severity.Error,
        "an interface's name that the pod has already: eth0, lo"
    );
    public static readonly LintRule DuplicateName = new(
        "W503",
        Severity.Error,
        "two attachments ask for one interface name"
    );
    public static readonly LintRule DefaultNameTaken = new(
        "W504",
        Severity.Error,
        "a name that another attachment gets by its place: net1, net2…"
    );
    public static readonly LintRule TwoDefaultRoutes = new(
        "W505",
        Severity.Error,
        "more than one default route of a family"
    );
    public static readonly LintRule UnreachableGateway = new(
        "W506",
        Severity.Error,
        "a default route's gateway outside of the network's subnets"
    );
    public static readonly LintRule InvalidGateway = new("W507", Severity.Error, "a default route that is no address");

    public static ImmutableArray<LintRule> All =>
        [BadName, ReservedName, DuplicateName, DefaultNameTaken, TwoDefaultRoutes, UnreachableGateway, InvalidGateway];

    /// <summary>Checks a pod.</summary>
    public static void Check(PodView pod, Findings findings)
    {
        foreach (var selection in pod.Selections)
        {
            if (selection.Interface is { } name)
                CheckName(selection, name, findings);
        }

        var byName = pod.Selections.GroupBy(s => s.InterfaceOrDefault, StringComparer.Ordinal);
        foreach (var same in byName.Where(g => g.Count() > 1))
            CheckSameName(same.Key, [.. same], findings);
        CheckDefaultRoutes(pod, findings);
    }

    private static void CheckName(NetworkSelection selection, string name, Findings findings)
    {
        var hasVlanSuffix = selection.Config?.Binary.HasInterfacePerVlan == true;
        if (ReasonNotAName(name) is { } reason)
            findings.Add(
                BadName,
                selection.Path,
                $"'{name}' can be no interface: {reason}",
                "write a short name of letters and digits"
            );
        else if (hasVlanSuffix && name.Length + MaxVlanSuffixLength > InterfaceName.MaxLength)
            findings.Add(
                BadName,
                selection.Path,
                $"'{name}' leaves no room for '.VLAN' behind it, which {selection.Title} adds: "
                    + $"{InterfaceName.MaxLength} characters are the most",
                $"write at most {InterfaceName.MaxLength - MaxVlanSuffixLength}"
            );
        else if (name is "eth0" or "lo")
            findings.Add(ReservedName, selection.Path, $"the pod has '{name}' already", "choose another name");
    }

    private static string? ReasonNotAName(string name)
    {
        if (name.Length > InterfaceName.MaxLength)
            return $"it has {name.Length} characters, and {InterfaceName.MaxLength} are the most";
        return InterfaceName.TryParse(name, InterfaceNameRules.None, out _, out _)
            ? null
            : "'/', ':' and blanks are not allowed";
    }

    private static void CheckSameName(string name, List<NetworkSelection> same, Findings findings)
    {
        var titles = string.Join(" and ", same.Select(s => s.Title));
        if (same.Find(s => s.Interface is null) is not { } byPlace || same.Count(s => s.Interface is not null) > 1)
            findings.Add(
                DuplicateName,
                same[^1].Path,
                $"{titles} both ask for '{name}'",
                "name each interface differently"
            );
        else
            findings.Add(
                DefaultNameTaken,
                same.First(s => s.Interface is not null).Path,
                $"'{name}' is what {byPlace.Title} gets by its place in the list",
                "choose a name that isn't netN"
            );
    }

    private static void CheckDefaultRoutes(PodView pod, Findings findings)
    {
        var routes = new List<(NetworkSelection Selection, Address Gateway)>();
        foreach (var selection in pod.Selections)
        {
            foreach (var text in selection.DefaultRoutes)
            {
                if (ReadGateway(selection, text, findings) is { } gateway)
                    routes.Add((selection, gateway));
            }
        }

        foreach (var family in routes.GroupBy(r => r.Gateway.Family).Where(g => g.Count() > 1))
        {
            findings.Add(
                TwoDefaultRoutes,
                $"{family.Last().Selection.Path}.default-route",
                $"{string.Join(" and ", family.Select(r => $"{r.Gateway} of {r.Selection.Title}"))} "
                    + $"are default routes of {family.Key}; Multus fails the pod",
                "leave one of each family"
            );
        }
    }

    private static Address? ReadGateway(NetworkSelection selection, string text, Findings findings)
    {
        var path = $"{selection.Path}.default-route";
        if (!Address.TryParse(text, out var gateway))
        {
            findings.Add(
                InvalidGateway,
                path,
                $"'{text}' is no IP address",
                "write the gateway's address, without a prefix length"
            );
            return null;
        }

        var near = selection.Subnets is { IsEmpty: false } subnets
            ? [.. subnets.Select(s => s.Prefix)]
            : IpamRules.PrefixesOf(selection.Config);
        if (near.Any() && !near.Any(p => p.Contains(gateway)))
            findings.Add(
                UnreachableGateway,
                path,
                $"{gateway} is in none of {selection.Title}'s prefixes, {string.Join(", ", near)}: it can't be reached from the interface",
                "name a gateway within"
            );
        return gateway;
    }
}
