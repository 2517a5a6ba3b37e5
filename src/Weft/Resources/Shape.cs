using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>
/// The body of a kind as rows. <see cref="Normalise"/> checks a body against them and reports every finding, fills in the defaults,
/// drops what only the server writes, and refuses a changed create-only member.
/// </summary>
/// <param name="Members">The members at the top: <c>location</c>, <c>tags</c>, <c>properties</c> and their like.</param>
public sealed record Shape(ImmutableArray<Member> Members)
{
    // What every resource carries and only the server writes.
    private static readonly ImmutableHashSet<string> Envelope =
        ["id", "name", "type", "systemData", "etag"];

    /// <summary>The member at a path such as <c>properties.vlan</c>; indices are left out.</summary>
    /// <returns>The row, or null.</returns>
    public Member? Find(string path)
    {
        Member? found = null;
        var members = Members;
        foreach (var part in path.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            found = members.FirstOrDefault(m => m.Name.Equals(part, StringComparison.OrdinalIgnoreCase));
            if (found is null)
                return null;
            members = found.Element?.Members ?? found.Members;
        }

        return found;
    }

    /// <summary>Checks a body and brings it to the form it is stored in.</summary>
    /// <param name="body">The body as the caller sent it.</param>
    /// <param name="old">The stored body it would replace, or an undefined element.</param>
    /// <returns>The body as it would be stored; of use only if nothing was found.</returns>
    public JsonObject Normalise(JsonObject body, JsonElement old, List<Refusal> findings)
    {
        var known = new JsonObject();
        foreach (var (name, value) in body)
        {
            if (!Envelope.Contains(name))
                known[name] = value?.DeepClone();
        }

        var result = Object(Members, known, old, "", false, findings);
        // A resource without members of its own is read with drawn ones; sent back it must be the same wish.
        if (result["properties"] is JsonObject { Count: 0 })
            result.Remove("properties");
        return result;
    }

    /// <summary>Every id in a body that must exist, with the member it stands in.</summary>
    public IEnumerable<(string Path, ResourceId Id, Member Member)> References(JsonElement body) => References(Members, body, "");

    /// <summary>Whether a member at the top is one that every resource carries and only the server writes.</summary>
    /// <returns>True for <c>id</c>, <c>name</c>, <c>type</c>, <c>systemData</c> and <c>etag</c>.</returns>
    internal static bool IsEnvelope(string name) => Envelope.Contains(name);

    internal static Refusal Unknown(string name, string path, ImmutableArray<Member> members) =>
        new(RefusalCode.UnknownMember, $"there is no member '{name}'{Nearest(name, members)}", path);

    private static IEnumerable<(string Path, ResourceId Id, Member Member)> References(ImmutableArray<Member> members, JsonElement body, string path)
    {
        foreach (var member in members.Where(m => m.Mutability != Mutability.ReadOnly))
        {
            foreach (var reference in References(member, body.Member(member.Name), Join(path, member.Name)))
                yield return reference;
        }
    }

    private static IEnumerable<(string Path, ResourceId Id, Member Member)> References(Member member, JsonElement value, string path)
    {
        switch (member.Type)
        {
            case MemberType.Id when !member.RefersTo.IsEmpty && value.ValueKind == JsonValueKind.String
                && ResourceId.TryParse(value.GetString(), out var id):
                return [(path, id, member)];
            case MemberType.Group:
                return References(member.Members, value, path);
            case MemberType.List when value.ValueKind == JsonValueKind.Array:
                return value.EnumerateArray().SelectMany((element, i) => References(member.Element!, element, $"{path}[{i}]"));
            default:
                return [];
        }
    }

    private static JsonObject Object(
        ImmutableArray<Member> members, JsonObject body, JsonElement old, string path, bool frozen, List<Refusal> findings)
    {
        var result = new JsonObject();
        var rest = new HashSet<string>(body.Select(m => m.Key), StringComparer.Ordinal);
        foreach (var member in members)
        {
            var at = Join(path, member.Name);
            rest.Remove(member.Name);
            if (member.Mutability == Mutability.ReadOnly)
                continue;
            var given = body[member.Name];
            var before = old.Member(member.Name);
            if (given is null)
            {
                if (Absent(member, before, at, frozen, findings) is { } standard)
                    result[member.Name] = standard;
                continue;
            }

            var keeps = member.Mutability is Mutability.CreateOnly or Mutability.Once;
            var earlier = findings.Count;
            var value = Value(member, given, frozen || keeps ? default : before, at, frozen || keeps, findings);
            if (member.Mutability == Mutability.Secret)
                Hush(findings, earlier, at);
            if (value is null)
                continue;
            Secrets.Keep(member, value, before);
            if (keeps && old.ValueKind == JsonValueKind.Object && !Same(member, value, before))
                findings.Add(Frozen(member, at, before, value));
            result[member.Name] = value;
        }

        foreach (var name in rest.Order(StringComparer.Ordinal))
            findings.Add(Unknown(name, Join(path, name), members));
        return result;
    }

    /// <summary>An absent create-only member keeps its value: leaving it out is no wish to change what can't be changed.</summary>
    private static JsonNode? Absent(Member member, JsonElement before, string path, bool frozen, List<Refusal> findings)
    {
        if (member.Mutability is Mutability.CreateOnly or Mutability.Once or Mutability.Secret && before.ValueKind != JsonValueKind.Undefined)
            return JsonNode.Parse(before.GetRawText());
        if (member.Required)
            findings.Add(new Refusal(RefusalCode.MissingMember, $"'{path}' is required", path));
        if (member.Default is not null)
            return member.DefaultValue();
        // Defaults inside an object hold also where the whole object was left out, if everything in it has one.
        if (member.Type == MemberType.Group && !member.Required && member.Members.Any(m => m.Default is not null)
            && !member.Members.Any(m => m.Required) && member.Name == "properties")
            return Object(member.Members, [], before, path, frozen, findings);
        return member.Type == MemberType.Group && Kept(member.Members, before) is { Count: > 0 } kept ? kept : null;
    }

    private static JsonObject Kept(ImmutableArray<Member> members, JsonElement before) => new(members
        .Where(m => m.Mutability is Mutability.CreateOnly or Mutability.Once && before.Member(m.Name).ValueKind != JsonValueKind.Undefined)
        .Select(m => KeyValuePair.Create(m.Name, JsonNode.Parse(before.Member(m.Name).GetRawText()))));

    private static JsonNode? Value(Member member, JsonNode given, JsonElement old, string path, bool frozen, List<Refusal> findings)
    {
        switch (member.Type)
        {
            case MemberType.Group when given is JsonObject body:
                return Object(member.Members, body, old, path, frozen, findings);
            case MemberType.List when given is JsonArray list:
                Count(member, list.Count, path, "elements", findings);
                return new JsonArray([.. list.Select((element, i) => Element(member.Element!, element, $"{path}[{i}]", frozen, findings))]);
            case MemberType.Map when given is JsonObject map && map.All(entry => entry.Value?.GetValueKind() == JsonValueKind.String):
            case MemberType.Any:
                return given.DeepClone();
            case MemberType.Whole when given is JsonValue number && number.TryGetValue<long>(out var whole):
                if (whole < member.Min || whole > member.Max)
                    findings.Add(Bad(path, $"{whole} is outside of {Bounds(member)}"));
                return JsonValue.Create(whole);
            case MemberType.Boolean when given.GetValueKind() is JsonValueKind.True or JsonValueKind.False:
                return given.DeepClone();
            case MemberType.Text or MemberType.Id or MemberType.Choice or MemberType.Flag when given.GetValueKind() == JsonValueKind.String:
                return TextValue(member, given.GetValue<string>(), path, findings);
            default:
                findings.Add(Bad(path, $"{Show(given)} is no {Word(member.Type)}"));
                return null;
        }
    }

    private static JsonNode? Element(Member member, JsonNode? given, string path, bool frozen, List<Refusal> findings)
    {
        if (given is not null)
            return Value(member, given, default, path, frozen, findings);
        findings.Add(Bad(path, $"null is no {Word(member.Type)}"));
        return null;
    }

    private static JsonValue? TextValue(Member member, string text, string path, List<Refusal> findings)
    {
        if (member.Type is MemberType.Choice or MemberType.Flag)
        {
            var match = member.Values.FirstOrDefault(v => v.Equals(text, StringComparison.OrdinalIgnoreCase));
            if (match is null)
                findings.Add(Bad(path, $"'{text}' is none of {string.Join(", ", member.Values)}"));
            return JsonValue.Create(match);
        }

        if (member.Type == MemberType.Id)
        {
            if (!ResourceId.Parse(text, path).TryGet(out var id, out var refusal))
                findings.Add(refusal);
            else if (!member.RefersTo.IsEmpty && !member.RefersTo.Contains(id.Type))
                findings.Add(Bad(path, $"'{text}' is a {id.Type}; expected {string.Join(" or ", member.RefersTo)}"));
            return JsonValue.Create(id?.ToString() ?? text);
        }

        Count(member, text.Length, path, "characters", findings);
        // A '$' would let a line feed behind it pass.
        if (member.Pattern is { } pattern && pattern.Match(text) is var found && !(found.Success && found.Length == text.Length))
            findings.Add(Bad(path, $"'{text}' doesn't match {pattern}"));
        return JsonValue.Create(text);
    }

    private static void Count(Member member, int count, string path, string what, List<Refusal> findings)
    {
        if (count < member.Min || count > member.Max)
            findings.Add(Bad(path, $"it has {count} {what}; allowed are {Bounds(member)}"));
    }

    private static bool Same(Member member, JsonNode value, JsonElement before)
    {
        if (before.ValueKind == JsonValueKind.Undefined)
            return member.Mutability == Mutability.Once;
        return JsonNode.DeepEquals(
            Folded(member, Secrets.Concealed(member, value)), Folded(member, Secrets.Concealed(member, JsonNode.Parse(before.GetRawText()))));
    }

    /// <summary>A value with its ids in lower case, wherever they stand in it: two spellings of an id are one id.</summary>
    private static JsonNode? Folded(Member member, JsonNode? value)
    {
        switch (value)
        {
            case JsonValue text when member.Type == MemberType.Id && text.TryGetValue<string>(out var id):
                return JsonValue.Create(id.Trim('/').ToLowerInvariant());
            case JsonObject body when member.Type == MemberType.Group:
                foreach (var inner in member.Members.Where(inner => body.ContainsKey(inner.Name)))
                    body[inner.Name] = Folded(inner, body[inner.Name]?.DeepClone());
                return body;
            case JsonArray list when member.Element is { } element:
                return new JsonArray([.. list.Select(item => Folded(element, item?.DeepClone()))]);
            default:
                return value;
        }
    }

    private static Refusal Frozen(Member member, string path, JsonElement before, JsonNode after)
    {
        var was = before.ValueKind == JsonValueKind.Undefined ? null : Secrets.Concealed(member, JsonNode.Parse(before.GetRawText()));
        var (at, old, wanted) = Difference(path, was, Secrets.Concealed(member, after));
        return new(RefusalCode.ImmutableMember, $"'{at}' is set at creation: it is {Word(old)} and can't become {Word(wanted)}", at);
        static string Word(JsonNode? value) => value is null ? "absent" : Show(value);
    }

    /// <summary>The innermost place where two values differ first: two long texts that begin alike would tell a person nothing.</summary>
    private static (string Path, JsonNode? Before, JsonNode? After) Difference(string path, JsonNode? before, JsonNode? after)
    {
        if (before is JsonObject old && after is JsonObject wanted)
        {
            var name = old.Select(m => m.Key).Union(wanted.Select(m => m.Key)).First(n => !JsonNode.DeepEquals(old[n], wanted[n]));
            return Difference(Join(path, name), old[name], wanted[name]);
        }

        if (before is not JsonArray was || after is not JsonArray list || was.Count != list.Count)
            return (path, before, after);
        var at = Enumerable.Range(0, list.Count).First(i => !JsonNode.DeepEquals(was[i], list[i]));
        return Difference($"{path}[{at}]", was[at], list[at]);
    }

    private static void Hush(List<Refusal> findings, int from, string path)
    {
        for (var i = from; i < findings.Count; i++)
            findings[i] = findings[i] with { Message = $"'{path}': the value doesn't fit its type, length or pattern; it is a secret and not said here" };
    }

    private static Refusal Bad(string path, string why) => new(RefusalCode.InvalidMember, $"'{path}': {why}", path);

    private static string Bounds(Member member) => (member.Min, member.Max) switch
    {
        ({ } min, { } max) => $"{min} to {max}",
        ({ } min, null) => $"{min} or more",
        (null, { } max) => $"at most {max}",
        _ => "any",
    };

    private static string Word(MemberType type) => type switch
    {
        MemberType.Whole => "whole number",
        MemberType.Flag => "flag (write \"True\" or \"False\", as a string)",
        MemberType.Boolean => "boolean (write true or false, without quotes)",
        MemberType.List => "list",
        MemberType.Group => "object",
        MemberType.Map => "map of strings",
        _ => "text",
    };

    private static string Show(JsonNode node) => Short(System.Text.Encoding.UTF8.GetString(Json.Bytes(node)));

    // The middle goes: ids begin alike and differ at their ends.
    private static string Short(string text) => text.Length <= 300 ? text : string.Concat(text.AsSpan(0, 140), "…", text.AsSpan(text.Length - 140));

    private static string Nearest(string name, ImmutableArray<Member> members)
    {
        var near = members.Select(m => m.Name).Where(n => Spelling.Distance(n, name) <= Math.Max(2, name.Length / 4))
            .MinBy(n => Spelling.Distance(n, name));
        return near is null ? "" : $"; did you mean '{near}'?";
    }

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
