using System.Text.Json.Nodes;

namespace Weft.Testing.Kubernetes;

/// <summary>A write of fields that others own. Source: Kubernetes docs, "Server-Side Apply", "Conflicts".</summary>
internal sealed record FieldConflict(string Who, string Field)
{
    /// <summary>As the API server says it: one in a line, several in a list for each manager.</summary>
    public static string Describe(IReadOnlyList<FieldConflict> conflicts) =>
        conflicts.Count == 1
            ? $"Apply failed with 1 conflict: conflict with {conflicts[0].Who}: {conflicts[0].Field}"
            : $"Apply failed with {conflicts.Count} conflicts: {string.Join('\n', conflicts.GroupBy(c => c.Who).Select(Describe))}";

    private static string Describe(IGrouping<string, FieldConflict> conflicts) =>
        $"conflicts with {conflicts.Key}:\n{string.Join('\n', conflicts.Select(c => $"- {c.Field}"))}";
}

/// <summary>
/// Field ownership as the API server keeps it, for kinds whose lists are atomic. Source: structured-merge-diff
/// (merge/update.go, typed) and apimachinery's fieldmanager, by their behaviour.
/// </summary>
internal static class FakeManagedFields
{
    private const char Join = '\u001f';

    // What identifies an object is nobody's field.
    private static readonly string[] UnmanagedFields =
    [
        "apiVersion",
        "kind",
        "metadata",
        .. new[]
        {
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "generation",
            "managedFields",
            "resourceVersion",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        }.Select(name => $"metadata{Join}{name}"),
    ];

    /// <summary>Server-side apply of a configuration onto an object.</summary>
    /// <returns>The object, with its fields' owners; or the conflicts.</returns>
    public static (JsonObject? Object, List<FieldConflict> Conflicts) Apply(
        JsonObject? live,
        JsonObject applied,
        string manager,
        bool force,
        string now
    )
    {
        var version = (string)applied["apiVersion"]!;
        var owners = Read(live);
        var mine = owners.FirstOrDefault(o => o.Manager == manager && o.Operation == "Apply");
        var wanted = Leaves(applied).Keys.Where(IsOwnable).ToHashSet(StringComparer.Ordinal);
        var merged = Merge(live ?? [], applied);
        var changed = Differences(live, merged);
        var conflicts = owners
            .Where(o => o != mine)
            .SelectMany(o =>
                o.Fields.Where(f => changed.Contains(f) && wanted.Contains(f))
                    .Select(f => new FieldConflict(
                        $"\"{o.Manager}\"{(o.Operation == "Update" ? $" using {o.Version}" : "")}",
                        Title(f)
                    ))
            )
            .ToList();
        if (conflicts.Count > 0 && !force)
            return (null, conflicts);
        foreach (var owner in owners.Where(o => o != mine))
            owner.Fields.RemoveWhere(f => changed.Contains(f) && wanted.Contains(f));

        // What this manager applied before and no longer does goes, unless somebody else wants it too.
        foreach (
            var field in mine?.Fields.Where(f =>
                !wanted.Contains(f) && !owners.Any(o => o != mine && o.Fields.Contains(f))
            )
                ?? []
        )
            Remove(merged, field);
        var same = mine is not null && mine.Fields.SetEquals(wanted);
        var next = owners
            .Where(o => o != mine)
            .Append(new Owner(manager, "Apply", version, same ? mine!.Time : now, wanted))
            .ToList();
        Write(merged, next);
        return (merged, []);
    }

    /// <summary>Any other write: whoever changes a field owns it, and nobody else does.</summary>
    public static JsonObject Update(JsonObject? live, JsonObject next, string manager, string now)
    {
        var version = (string)next["apiVersion"]!;
        var owners = Read(live);
        var (before, after) = (Containers(live), Containers(next));
        var changed = Differences(live, next)
            .Concat(after.Except(before))
            .Where(IsOwnable)
            .ToHashSet(StringComparer.Ordinal);
        var there = Leaves(next).Keys.Concat(after).ToHashSet(StringComparer.Ordinal);
        foreach (var owner in owners)
        {
            owner.Fields.ExceptWith(changed);
            owner.Fields.IntersectWith(there);
        }

        if (changed.Count > 0)
        {
            var mine = owners.FirstOrDefault(o =>
                o.Manager == manager && o.Operation == "Update" && o.Version == version
            );
            if (mine is null)
                owners.Add(mine = new Owner(manager, "Update", version, now, []));
            mine.Fields.UnionWith(changed);
            mine.Time = now;
        }

        Write(next, owners);
        return next;
    }

    /// <summary>Whether two objects differ in more than who owns what.</summary>
    public static bool AreEqual(JsonObject left, JsonObject right, bool withOwners)
    {
        static JsonObject Strip(JsonObject from, bool owners)
        {
            var copy = from.DeepClone().AsObject();
            var metadata = copy["metadata"]!.AsObject();
            metadata.Remove("resourceVersion");
            if (!owners)
                metadata.Remove("managedFields");
            foreach (var entry in metadata["managedFields"] as JsonArray ?? [])
                entry!.AsObject().Remove("time");
            return copy;
        }

        return JsonNode.DeepEquals(Strip(left, withOwners), Strip(right, withOwners));
    }

    private static JsonObject Merge(JsonObject live, JsonObject applied)
    {
        var merged = live.DeepClone().AsObject();
        foreach (var (name, value) in applied)
            merged[name] =
                value is JsonObject members && merged[name] is JsonObject there
                    ? Merge(there, members)
                    : value?.DeepClone();
        return merged;
    }

    private static void Remove(JsonObject from, string field)
    {
        var names = field.Split(Join);
        JsonObject? holder = from;
        foreach (var name in names[..^1])
            holder = holder?[name] as JsonObject;
        holder?.Remove(names[^1]);
    }

    private static HashSet<string> Differences(JsonObject? live, JsonObject next)
    {
        var before = live is null ? [] : Leaves(live);
        return
        [
            .. Leaves(next)
                .Where(leaf => !before.TryGetValue(leaf.Key, out var was) || !JsonNode.DeepEquals(was, leaf.Value))
                .Select(leaf => leaf.Key)
                .Where(IsOwnable),
        ];
    }

    private static bool IsOwnable(string field) =>
        !UnmanagedFields.Contains(field)
        && !field.StartsWith($"metadata{Join}managedFields", StringComparison.Ordinal)
        && !field.StartsWith("status", StringComparison.Ordinal);

    private static Dictionary<string, JsonNode?> Leaves(JsonObject of)
    {
        var found = new Dictionary<string, JsonNode?>(StringComparer.Ordinal);
        void Visit(string at, JsonNode? value)
        {
            if (value is JsonObject { Count: > 0 } members)
            {
                foreach (var (name, each) in members)
                    Visit(at.Length == 0 ? name : $"{at}{Join}{name}", each);
            }
            else
            {
                found[at] = value;
            }
        }

        Visit("", of);
        return found;
    }

    /// <summary>
    /// Maps and structs that hold something: an updater that adds one owns it as such, which is the <c>"."</c> of its
    /// entry.
    /// </summary>
    private static HashSet<string> Containers(JsonObject? of)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        void Visit(string at, JsonNode? value)
        {
            if (value is not JsonObject { Count: > 0 } members)
                return;
            if (at.Length > 0)
                found.Add(at);
            foreach (var (name, each) in members)
                Visit(at.Length == 0 ? name : $"{at}{Join}{name}", each);
        }

        if (of is not null)
            Visit("", of);
        return found;
    }

    private static List<Owner> Read(JsonObject? live) =>
        [
            .. (live?["metadata"]?["managedFields"] as JsonArray ?? []).Select(entry => new Owner(
                (string)entry!["manager"]!,
                (string)entry["operation"]!,
                (string)entry["apiVersion"]!,
                (string)entry["time"]!,
                Set(entry["fieldsV1"]!.AsObject())
            )),
        ];

    private static HashSet<string> Set(JsonObject fields)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        void Visit(string at, JsonObject node)
        {
            foreach (var (element, below) in node)
            {
                if (element == ".")
                {
                    found.Add(at);
                    continue;
                }

                var path = at.Length == 0 ? element[2..] : $"{at}{Join}{element[2..]}";
                if (below!.AsObject().Count == 0)
                    found.Add(path);
                else
                    Visit(path, below.AsObject());
            }
        }

        Visit("", fields);
        return found;
    }

    private static void Write(JsonObject into, List<Owner> owners)
    {
        var list = new JsonArray();
        foreach (
            var owner in owners
                .Where(o => o.Fields.Count > 0)
                .OrderBy(o => o.Operation, StringComparer.Ordinal)
                .ThenBy(o => o.Time, StringComparer.Ordinal)
                .ThenBy(o => o.Manager, StringComparer.Ordinal)
        )
        {
            var fields = new JsonObject();
            foreach (var field in owner.Fields.Order(StringComparer.Ordinal))
            {
                var node = fields;
                foreach (var name in field.Split(Join))
                {
                    if (node[$"f:{name}"] is not JsonObject below)
                        node[$"f:{name}"] = below = [];
                    node = below;
                }
            }

            foreach (var field in owner.Fields)
            {
                var node = field.Split(Join).Aggregate(fields, (at, name) => at[$"f:{name}"]!.AsObject());
                if (node.Count > 0)
                    node.Insert(0, ".", new JsonObject());
            }

            list.Add(
                new JsonObject
                {
                    ["manager"] = owner.Manager,
                    ["operation"] = owner.Operation,
                    ["apiVersion"] = owner.Version,
                    ["time"] = owner.Time,
                    ["fieldsType"] = "FieldsV1",
                    ["fieldsV1"] = fields,
                }
            );
        }

        into["metadata"]!["managedFields"] = list;
    }

    private static string Title(string field) => string.Concat(field.Split(Join).Select(name => $".{name}"));

    private sealed class Owner(string manager, string operation, string version, string time, HashSet<string> fields)
    {
        public string Manager => manager;

        public string Operation => operation;

        public string Version => version;

        public string Time { get; set; } = time;

        public HashSet<string> Fields => fields;
    }
}
