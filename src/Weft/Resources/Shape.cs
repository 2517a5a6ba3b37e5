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
    /// <param name="path">The path.</param>
    /// <returns>The row, or null.</returns>
    public Member? Find(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
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
    /// <param name="findings">Receives everything that is wrong.</param>
    /// <returns>The body as it would be stored; of use only if nothing was found.</returns>
    public JsonObject Normalise(JsonObject body, JsonElement old, List<Refusal> findings)
    {
        ArgumentNullException.ThrowIfNull(body);
        ArgumentNullException.ThrowIfNull(findings);
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
    /// <param name="body">A normalised body.</param>
    /// <returns>Path, id and row.</returns>
    public IEnumerable<(string Path, ResourceId Id, Member Member)> References(JsonElement body) => References(Members, body, "");

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

            var createOnly = frozen || member.Mutability == Mutability.CreateOnly;
            var value = Value(member, given, createOnly ? default : before, at, createOnly, findings);
            if (value is null)
                continue;
            if (member.Mutability == Mutability.CreateOnly && before.ValueKind != JsonValueKind.Undefined && !Same(member, value, before))
                findings.Add(Frozen(at, before, value));
            result[member.Name] = value;
        }

        foreach (var name in rest.Order(StringComparer.Ordinal))
            findings.Add(new Refusal(RefusalCode.UnknownMember, $"there is no member '{name}'{Nearest(name, members)}", Join(path, name)));
        return result;
    }

    /// <summary>An absent create-only member keeps its value: leaving it out is no wish to change what can't be changed.</summary>
    private static JsonNode? Absent(Member member, JsonElement before, string path, bool frozen, List<Refusal> findings)
    {
        if (member.Mutability is Mutability.CreateOnly or Mutability.Secret && before.ValueKind != JsonValueKind.Undefined)
            return JsonNode.Parse(before.GetRawText());
        if (member.Required)
            findings.Add(new Refusal(RefusalCode.MissingMember, $"'{path}' is required", path));
        if (member.Default is not null)
            return member.DefaultValue();
        // Defaults inside an object hold also where the whole object was left out, if everything in it has one.
        if (member.Type == MemberType.Group && !member.Required && member.Members.Any(m => m.Default is not null)
            && !member.Members.Any(m => m.Required) && member.Name == "properties")
            return Object(member.Members, [], before, path, frozen, findings);
        return null;
    }

    private static JsonNode? Value(Member member, JsonNode given, JsonElement old, string path, bool frozen, List<Refusal> findings)
    {
        switch (member.Type)
        {
            case MemberType.Group when given is JsonObject body:
                return Object(member.Members, body, old, path, frozen, findings);
            case MemberType.List when given is JsonArray list:
                Count(member, list.Count, path, "elements", findings);
                return new JsonArray([.. list.Select((element, i) => element is null ? Null($"{path}[{i}]", findings)
                    : Value(member.Element!, element, default, $"{path}[{i}]", frozen, findings))]);
            case MemberType.Map when given is JsonObject map && map.All(entry => entry.Value?.GetValueKind() == JsonValueKind.String):
            case MemberType.Any:
                return given.DeepClone();
            case MemberType.Whole when given is JsonValue number && number.TryGetValue<long>(out var whole):
                if (whole < member.Min || whole > member.Max)
                    findings.Add(Bad(path, $"{whole} is outside of {Bounds(member)}"));
                return JsonValue.Create(whole);
            case MemberType.Text or MemberType.Id or MemberType.Choice or MemberType.Flag when given.GetValueKind() == JsonValueKind.String:
                return TextValue(member, given.GetValue<string>(), path, findings);
            default:
                findings.Add(Bad(path, $"{Show(given)} is no {Word(member.Type)}"));
                return null;
        }
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
        // '$' also matches before a line feed at the end, so the match's length has the last word.
        if (member.Pattern is { } pattern && !(pattern.Match(text) is { Success: true } whole && whole.Length == text.Length))
            findings.Add(Bad(path, $"'{text}' doesn't match {pattern}"));
        return JsonValue.Create(text);
    }

    private static void Count(Member member, int count, string path, string what, List<Refusal> findings)
    {
        if (count < member.Min || count > member.Max)
            findings.Add(Bad(path, $"it has {count} {what}; allowed are {Bounds(member)}"));
    }

    private static bool Same(Member member, JsonNode value, JsonElement before) => member.Type == MemberType.Id
        ? string.Equals(value.GetValue<string>().Trim('/'), before.GetString()!.Trim('/'), StringComparison.OrdinalIgnoreCase)
        : JsonNode.DeepEquals(value, JsonNode.Parse(before.GetRawText()));

    private static Refusal Frozen(string path, JsonElement before, JsonNode after) => new(RefusalCode.ImmutableMember,
        $"'{path}' is set at creation: it is {Short(before.GetRawText())} and can't become {Short(Show(after))}", path);

    private static Refusal Bad(string path, string why) => new(RefusalCode.InvalidMember, $"'{path}': {why}", path);

    private static JsonNode? Null(string path, List<Refusal> findings)
    {
        findings.Add(Bad(path, "null is no element of a list"));
        return null;
    }

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
        MemberType.List => "list",
        MemberType.Group => "object",
        MemberType.Map => "map of strings",
        _ => "text",
    };

    private static string Show(JsonNode node) => Short(System.Text.Encoding.UTF8.GetString(Json.Bytes(node)));

    private static string Short(string text) => text.Length <= 120 ? text : string.Concat(text.AsSpan(0, 117), "…");

    private static string Nearest(string name, ImmutableArray<Member> members)
    {
        var near = members.Select(m => m.Name).Where(n => Spelling.Distance(n, name) <= Math.Max(2, name.Length / 4))
            .MinBy(n => Spelling.Distance(n, name));
        return near is null ? "" : $"; did you mean '{near}'?";
    }

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
