using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>What a schema says of bodies that don't fit it.</summary>
internal static class SchemaFindings
{
    public static Refusal UnknownMember(string name, string path, ImmutableArray<SchemaMember> members) =>
        new(RefusalCode.UnknownMember, $"there is no member '{name}'{SuggestionFor(name, members)}", path);

    public static Refusal ImmutableMember(SchemaMember member, string path, JsonElement before, JsonNode after)
    {
        var was =
            before.ValueKind == JsonValueKind.Undefined
                ? null
                : Secrets.Redacted(member, JsonNode.Parse(before.GetRawText()));
        var (at, old, wanted) = FirstDifference(path, was, Secrets.Redacted(member, after));
        return new(
            RefusalCode.ImmutableMember,
            $"'{at}' is set at creation: it is {Word(old)} and can't become {Word(wanted)}",
            at
        );
        static string Word(JsonNode? value) => value is null ? "absent" : Format(value);
    }

    /// <summary>
    /// The innermost place where two values differ first: two long texts that begin alike would tell a person nothing.
    /// </summary>
    private static (string Path, JsonNode? Before, JsonNode? After) FirstDifference(
        string path,
        JsonNode? before,
        JsonNode? after
    )
    {
        if (before is JsonObject old && after is JsonObject wanted)
        {
            var name = old.Select(m => m.Key)
                .Union(wanted.Select(m => m.Key))
                .First(n => !JsonNode.DeepEquals(old[n], wanted[n]));
            return FirstDifference(JoinPath(path, name), old[name], wanted[name]);
        }

        if (before is not JsonArray was || after is not JsonArray list || was.Count != list.Count)
            return (path, before, after);
        var at = Enumerable.Range(0, list.Count).First(i => !JsonNode.DeepEquals(was[i], list[i]));
        return FirstDifference($"{path}[{at}]", was[at], list[at]);
    }

    public static void RedactFindings(List<Refusal> findings, int from, string path)
    {
        for (var i = from; i < findings.Count; i++)
            findings[i] = findings[i] with
            {
                Message =
                    $"'{path}': the value doesn't fit its type, length or pattern; it is a secret and not said here",
            };
    }

    public static Refusal InvalidMember(string path, string why) =>
        new(RefusalCode.InvalidMember, $"'{path}': {why}", path);

    public static string Bounds(SchemaMember member) =>
        (member.Min, member.Max) switch
        {
            ({ } min, { } max) => $"{min} to {max}",
            ({ } min, null) => $"{min} or more",
            (null, { } max) => $"at most {max}",
            _ => "any",
        };

    public static string TypeName(MemberType type) =>
        type switch
        {
            MemberType.Integer => "whole number",
            MemberType.BooleanString => "flag (write \"True\" or \"False\", as a string)",
            MemberType.Boolean => "boolean (write true or false, without quotes)",
            MemberType.List => "list",
            MemberType.Object => "object",
            MemberType.Map => "map of strings",
            _ => "text",
        };

    /// <summary>
    /// The bounds that Azure Resource Manager has for tags: 50, names of 1 to 512 characters, values of 256 at most.
    /// </summary>
    public static void CheckTags(JsonObject tags, string path, List<Refusal> findings)
    {
        const int MaxTags = 50;
        const int MaxNameLength = 512;
        const int MaxValueLength = 256;
        if (tags.Count > MaxTags)
        {
            findings.Add(InvalidMember(path, $"there are {tags.Count} tags; a resource has at most {MaxTags}"));
            return;
        }

        foreach (var (name, value) in tags)
        {
            if (name.Length is 0 or > MaxNameLength)
                findings.Add(
                    InvalidMember(
                        path,
                        $"the name '{Truncate(name)}' has {name.Length} characters; a tag's name has 1 to {MaxNameLength}"
                    )
                );
            if (value!.GetValue<string>().Length is var length and > MaxValueLength)
                findings.Add(
                    InvalidMember(
                        JoinPath(path, Truncate(name)),
                        $"the value has {length} characters; a tag's value has at most {MaxValueLength}"
                    )
                );
        }
    }

    public static string Format(JsonNode node) => Truncate(Encoding.UTF8.GetString(Json.ToUtf8(node)));

    // The middle goes: ids begin alike and differ at their ends.
    private static string Truncate(string text) =>
        text.Length <= 300 ? text : string.Concat(text.AsSpan(0, 140), "…", text.AsSpan(text.Length - 140));

    private static string SuggestionFor(string name, ImmutableArray<SchemaMember> members)
    {
        var near = members
            .Select(m => m.Name)
            .Where(n => EditDistance.Between(n, name) <= Math.Max(2, name.Length / 4))
            .MinBy(n => EditDistance.Between(n, name));
        return near is null ? "" : $"; did you mean '{near}'?";
    }

    public static string JoinPath(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
