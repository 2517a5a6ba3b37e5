using System.Collections.Immutable;
using System.Text.Json;
using Weft.Resources;

namespace Weft.Attachments.Admission;

/// <summary>Reads the annotation's text exactly as Multus does, and says what Multus would refuse or drop.</summary>
/// <remarks>
/// Source: multus-cni, <c>pkg/k8sclient</c>, parsePodNetworkAnnotation; docs/specs/lint.md, "How the annotation is
/// read".
/// </remarks>
internal static class NetworkSelectionReader
{
    // Go takes members in any letters, and drops what it doesn't know silently.
    private static readonly string[] KnownMembers =
    [
        "name",
        "namespace",
        "ips",
        "mac",
        "infiniband-guid",
        "interface",
        "interfaceRequest",
        "portMappings",
        "bandwidth",
        "deviceID",
        "cni-args",
        "default-route",
        "ipam-claim-reference",
    ];

    private static readonly ImmutableArray<TypedMember> TypedMembers =
    [
        new("name", JsonValueKind.String, "a text"),
        new("namespace", JsonValueKind.String, "a text"),
        new("mac", JsonValueKind.String, "a text"),
        new("interface", JsonValueKind.String, "a text"),
        new("infiniband-guid", JsonValueKind.String, "a text"),
        new("deviceID", JsonValueKind.String, "a text"),
        new("ips", JsonValueKind.Array, "a list of texts"),
        new("default-route", JsonValueKind.Array, "a list of addresses"),
        new("cni-args", JsonValueKind.Object, "an object"),
        new("portMappings", JsonValueKind.Array, "a list of objects"),
        new("bandwidth", JsonValueKind.Object, "an object"),
    ];

    /// <summary>Reads a text.</summary>
    public static ImmutableArray<NetworkSelection> Read(string text, string path, string @namespace, Findings findings)
    {
        if (text.AsSpan().IndexOfAny("[{\"") >= 0)
            return ReadJson(text, path, @namespace, findings);
        if (text.Length == 0)
        {
            findings.Add(
                AnnotationRules.Unreadable,
                path,
                "the annotation is empty, and Multus fails the pod for it",
                "name a network, or take the annotation away"
            );
            return [];
        }

        return
        [
            .. text.Split(',')
                .Select((item, i) => ReadItem(item.Trim(), i, path, @namespace, findings))
                .OfType<NetworkSelection>(),
        ];
    }

    private static NetworkSelection? ReadItem(string item, int index, string path, string @namespace, Findings findings)
    {
        var slashes = item.Split('/');
        var ats = slashes[^1].Split('@');
        if (slashes.Length > 2 || ats.Length > 2)
        {
            findings.Add(
                AnnotationRules.Unreadable,
                path,
                $"'{item}' can't be read: it has more than one '{(slashes.Length > 2 ? '/' : '@')}'",
                "write [namespace/]name[@interface]"
            );
            return null;
        }

        var (space, name) = (slashes.Length == 2 ? slashes[0].Trim() : "", ats[0].Trim());
        var areLabels = CheckLabel(space, item, path, findings) & CheckLabel(name, item, path, findings);
        if (name.Length == 0)
        {
            findings.Add(
                AnnotationRules.BadName,
                path,
                item.Length == 0 ? $"item {index + 1} is empty" : $"'{item}' names no network",
                "take the surplus comma away"
            );
        }

        if (!areLabels || name.Length == 0)
            return null;
        return new NetworkSelection(index, path, name, space.Length > 0 ? space : @namespace)
        {
            HasNamespace = space.Length > 0,
            Interface = ats.Length == 2 && ats[1].Trim() is { Length: > 0 } asked ? asked : null,
        };
    }

    private static bool CheckLabel(string part, string item, string path, Findings findings)
    {
        if (part.Length == 0 || IsLabel(part))
            return true;
        findings.Add(
            AnnotationRules.BadName,
            path,
            $"'{part}' of '{item}' isn't of a-z, 0-9 and '-', with a letter or digit at both ends, and Multus refuses the whole annotation",
            part.Contains('.', StringComparison.Ordinal)
                ? "use the JSON form for a name with dots"
                : "write the definition's name as kubectl get net-attach-def shows it"
        );
        return false;
    }

    private static ImmutableArray<NetworkSelection> ReadJson(
        string text,
        string path,
        string @namespace,
        Findings findings
    )
    {
        JsonElement root;
        try
        {
            using var document = JsonDocument.Parse(text);
            root = document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            findings.Add(
                AnnotationRules.Unreadable,
                path,
                $"Multus reads it as JSON because it has a '[', '{{' or '\"', and it is none: {CniConfig.DescribeError(e)}",
                "write a JSON list of objects, or names with commas and without quotes"
            );
            return [];
        }

        if (root.ValueKind != JsonValueKind.Array)
        {
            findings.Add(
                AnnotationRules.Unreadable,
                path,
                $"the JSON is {CniConfig.DescribeKind(root)}; Multus takes a list of objects alone",
                """write [{"name": "…"}]"""
            );
            return [];
        }

        return
        [
            .. root.EnumerateArray()
                .Select((element, i) => ReadElement(element, i, $"{path}[{i}]", @namespace, findings))
                .OfType<NetworkSelection>(),
        ];
    }

    private static NetworkSelection? ReadElement(
        JsonElement element,
        int index,
        string path,
        string @namespace,
        Findings findings
    )
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            findings.Add(
                AnnotationRules.Unreadable,
                path,
                $"it is {CniConfig.DescribeKind(element)} and no object",
                """write {"name": "…"}"""
            );
            return null;
        }

        CheckUnknownMembers(element, path, findings);
        if (!HasSoundTypes(element, path, findings) || ReadName(element, path, findings) is not { } name)
            return null;
        return new NetworkSelection(index, path, name.Name, name.Namespace ?? @namespace)
        {
            HasNamespace = name.Namespace is not null,
            Interface = ReadInterface(element),
            Ips = ReadTexts(element, "ips"),
            Mac = CniConfig.Text(element, "mac") is { Length: > 0 } mac ? mac : null,
            DefaultRoutes = ReadTexts(element, "default-route"),
            CniArgs = CniConfig.Get(element, "cni-args"),
        };
    }

    private static bool HasSoundTypes(JsonElement element, string path, Findings findings)
    {
        var wrong = TypedMembers.Where(member => !HasType(CniConfig.Get(element, member.Name), member)).ToList();
        foreach (var (member, _, form) in wrong)
        {
            var value = CniConfig.Get(element, member);
            var isOneAddress = member == "ips" && value.ValueKind == JsonValueKind.String;
            findings.Add(
                member == "ips" ? AddressRules.IpsNotAList : AnnotationRules.WrongType,
                $"{path}.{member}",
                $"'{member}' is {CniConfig.DescribeKind(value)}; it must be {form}, and Multus fails the pod",
                isOneAddress ? $"write \"ips\": [\"{value.GetString()}\"]" : $"write {form}"
            );
        }

        return wrong.Count == 0;
    }

    private static bool HasType(JsonElement value, TypedMember member)
    {
        if (value.ValueKind == JsonValueKind.Undefined)
            return true;
        if (value.ValueKind != member.Kind)
            return false;
        return member.Name is not ("ips" or "default-route")
            || value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String);
    }

    private static (string Name, string? Namespace)? ReadName(JsonElement element, string path, Findings findings)
    {
        if (CniConfig.Text(element, "name") is not { Length: > 0 } name)
        {
            findings.Add(AnnotationRules.BadName, path, "it names no network", "add \"name\"");
            return null;
        }

        var space = CniConfig.Text(element, "namespace") is { Length: > 0 } given ? given : null;
        if (IsName(name) && (space is null || IsLabel(space)))
            return (name, space);
        findings.Add(
            AnnotationRules.BadName,
            path,
            $"'{(IsName(name) ? space : name)}' can be no name in Kubernetes",
            "write the definition's name as kubectl get net-attach-def -A shows it"
        );
        return null;
    }

    private static string? ReadInterface(JsonElement element)
    {
        var asked = CniConfig.Text(element, "interface") ?? CniConfig.Text(element, "interfaceRequest");
        return asked is { Length: > 0 } ? asked : null;
    }

    private static void CheckUnknownMembers(JsonElement element, string path, Findings findings)
    {
        foreach (
            var member in element
                .EnumerateObject()
                .Where(m => !KnownMembers.Contains(m.Name, StringComparer.OrdinalIgnoreCase))
        )
        {
            // Members of one's own must be named like a domain; those are somebody's, and none of ours.
            if (
                member.Name.Contains('.', StringComparison.Ordinal)
                && member.Name.Contains('/', StringComparison.Ordinal)
            )
                continue;
            findings.Add(
                AnnotationRules.UnknownMember,
                $"{path}.{member.Name}",
                $"Multus knows no '{member.Name}' and drops it",
                Suggestions.Find(member.Name, KnownMembers) is [var near, ..]
                    ? $"did you mean '{near}'?"
                    : $"members: {string.Join(", ", KnownMembers)}"
            );
        }
    }

    private static ImmutableArray<string> ReadTexts(JsonElement element, string name) =>
        CniConfig.Get(element, name) is { ValueKind: JsonValueKind.Array } list
            ? [.. list.EnumerateArray().Select(i => i.GetString()!)]
            : [];

    private static bool IsLabel(string text) =>
        text.All(c => c is '-' or (>= 'a' and <= 'z') or (>= '0' and <= '9')) && text[0] != '-' && text[^1] != '-';

    private static bool IsName(string text) =>
        text.Length <= 253 && text.Split('.').All(part => part.Length > 0 && IsLabel(part));

    private sealed record TypedMember(string Name, JsonValueKind Kind, string Form);
}
