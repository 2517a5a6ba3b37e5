using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using static Weft.Resources.SchemaFindings;

namespace Weft.Resources;

/// <summary>
/// The body of a kind as rows. <see cref="Normalise"/> checks a body against them and reports every finding, fills in
/// the defaults, drops what only the server writes, and refuses a changed create-only member.
/// </summary>
/// <param name="Members">The members at the top: <c>location</c>, <c>tags</c>, <c>properties</c> and their
/// like.</param>
internal sealed record Schema(ImmutableArray<SchemaMember> Members)
{
    // What every resource carries and only the server writes.
    private static readonly ImmutableHashSet<string> Envelope = ["id", "name", "type", "systemData", "etag"];

    /// <summary>The member at a path such as <c>properties.vlan</c>; indices are left out.</summary>
    /// <returns>The row, or null.</returns>
    public SchemaMember? Find(string path)
    {
        SchemaMember? found = null;
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

        var result = NormaliseObject(Members, known, old, "", findings);
        // A resource without members of its own is read with computed ones; sent back it must be the same request.
        if (result["properties"] is JsonObject { Count: 0 })
            result.Remove("properties");
        return result;
    }

    /// <summary>Every id in a body that must exist, with the member it stands in.</summary>
    public IEnumerable<(string Path, ResourceId Id, SchemaMember Member)> References(JsonElement body) =>
        References(Members, body, "");

    /// <summary>Whether a member at the top is one that every resource carries and only the server writes.</summary>
    /// <returns>True for <c>id</c>, <c>name</c>, <c>type</c>, <c>systemData</c> and <c>etag</c>.</returns>
    internal static bool IsEnvelope(string name) => Envelope.Contains(name);

    private static IEnumerable<(string Path, ResourceId Id, SchemaMember Member)> References(
        ImmutableArray<SchemaMember> members,
        JsonElement body,
        string path
    )
    {
        foreach (var member in members.Where(m => m.Mutability != Mutability.ReadOnly))
        {
            foreach (var reference in References(member, body.Member(member.Name), JoinPath(path, member.Name)))
                yield return reference;
        }
    }

    private static IEnumerable<(string Path, ResourceId Id, SchemaMember Member)> References(
        SchemaMember member,
        JsonElement value,
        string path
    )
    {
        switch (member.Type)
        {
            case MemberType.Id
                when !member.RefersTo.IsEmpty
                    && value.ValueKind == JsonValueKind.String
                    && ResourceId.TryParse(value.GetString(), out var id):
                return [(path, id, member)];
            case MemberType.Object:
                return References(member.Members, value, path);
            case MemberType.List when value.ValueKind == JsonValueKind.Array:
                return value
                    .EnumerateArray()
                    .SelectMany((element, i) => References(member.Element!, element, $"{path}[{i}]"));
            default:
                return [];
        }
    }

    private static JsonObject NormaliseObject(
        ImmutableArray<SchemaMember> members,
        JsonObject body,
        JsonElement old,
        string path,
        List<Refusal> findings
    )
    {
        var result = new JsonObject();
        var rest = new HashSet<string>(body.Select(m => m.Key), StringComparer.Ordinal);
        foreach (var member in members)
        {
            var at = JoinPath(path, member.Name);
            rest.Remove(member.Name);
            if (member.Mutability == Mutability.ReadOnly)
                continue;
            var given = body[member.Name];
            var before = old.Member(member.Name);
            if (given is null)
            {
                if (NormaliseAbsent(member, before, at, findings) is { } standard)
                    result[member.Name] = standard;
                continue;
            }

            var keeps = member.Mutability is Mutability.CreateOnly or Mutability.SetOnce;
            var earlier = findings.Count;
            // What is set at creation is compared as a whole: nothing of it is kept because it was left out.
            var value = NormaliseValue(member, given, keeps ? default : before, at, findings);
            if (member.Mutability == Mutability.Secret)
                RedactFindings(findings, earlier, at);
            if (value is null)
                continue;
            Secrets.CarryOver(member, value, before);
            if (keeps && old.ValueKind == JsonValueKind.Object && !IsUnchanged(member, value, before))
                findings.Add(ImmutableMember(member, at, before, value));
            result[member.Name] = value;
        }

        foreach (var name in rest.Order(StringComparer.Ordinal))
            findings.Add(UnknownMember(name, JoinPath(path, name), members));
        return result;
    }

    /// <summary>
    /// An absent create-only member keeps its value: leaving it out is no request to change what can't be changed.
    /// </summary>
    private static JsonNode? NormaliseAbsent(
        SchemaMember member,
        JsonElement before,
        string path,
        List<Refusal> findings
    )
    {
        if (
            member.Mutability is Mutability.CreateOnly or Mutability.SetOnce or Mutability.Secret
            && before.ValueKind != JsonValueKind.Undefined
        )
            return JsonNode.Parse(before.GetRawText());
        if (member.IsRequired)
            findings.Add(new Refusal(RefusalCode.MissingMember, $"'{path}' is required", path));
        if (member.DefaultJson is not null)
            return member.CreateDefault();
        // Defaults hold, and secrets stay, also where the properties were left out as a whole.
        if (member is { Type: MemberType.Object, Name: "properties", IsRequired: false })
            return NormaliseObject(member.Members, [], before, path, findings);
        return member.Type == MemberType.Object && KeptMembers(member.Members, before) is { Count: > 0 } kept
            ? kept
            : null;
    }

    private static JsonObject KeptMembers(ImmutableArray<SchemaMember> members, JsonElement before) =>
        new(
            members
                .Where(m =>
                    m.Mutability is Mutability.CreateOnly or Mutability.SetOnce
                    && before.Member(m.Name).ValueKind != JsonValueKind.Undefined
                )
                .Select(m => KeyValuePair.Create(m.Name, JsonNode.Parse(before.Member(m.Name).GetRawText())))
        );

    private static JsonNode? NormaliseValue(
        SchemaMember member,
        JsonNode given,
        JsonElement old,
        string path,
        List<Refusal> findings
    )
    {
        switch (member.Type)
        {
            case MemberType.Object when given is JsonObject body:
                return NormaliseObject(member.Members, body, old, path, findings);
            case MemberType.List when given is JsonArray list:
                CheckLength(member, list.Count, path, "elements", findings);
                return new JsonArray([
                    .. list.Select(
                        (element, i) => NormaliseElement(member.Element!, element, $"{path}[{i}]", findings)
                    ),
                ]);
            case MemberType.Map
                when given is JsonObject map && map.All(entry => entry.Value?.GetValueKind() == JsonValueKind.String):
                CheckTags(map, path, findings);
                return given.DeepClone();
            case MemberType.Any:
                return given.DeepClone();
            case MemberType.Integer when given is JsonValue number && number.TryGetValue<long>(out var whole):
                if (whole < member.Min || whole > member.Max)
                    findings.Add(InvalidMember(path, $"{whole} is outside of {Bounds(member)}"));
                return JsonValue.Create(whole);
            case MemberType.Boolean when given.GetValueKind() is JsonValueKind.True or JsonValueKind.False:
                return given.DeepClone();
            case MemberType.Text
            or MemberType.Id
            or MemberType.Enum
            or MemberType.BooleanString when given.GetValueKind() == JsonValueKind.String:
                return NormaliseText(member, given.GetValue<string>(), path, findings);
            default:
                findings.Add(InvalidMember(path, $"{Format(given)} is no {TypeName(member.Type)}"));
                return null;
        }
    }

    private static JsonNode? NormaliseElement(SchemaMember member, JsonNode? given, string path, List<Refusal> findings)
    {
        if (given is not null)
            return NormaliseValue(member, given, default, path, findings);
        findings.Add(InvalidMember(path, $"null is no {TypeName(member.Type)}"));
        return null;
    }

    private static JsonValue? NormaliseText(SchemaMember member, string text, string path, List<Refusal> findings)
    {
        if (member.Type is MemberType.Enum or MemberType.BooleanString)
        {
            var match = member.EnumValues.FirstOrDefault(v => v.Equals(text, StringComparison.OrdinalIgnoreCase));
            if (match is null)
                findings.Add(InvalidMember(path, $"'{text}' is none of {string.Join(", ", member.EnumValues)}"));
            return JsonValue.Create(match);
        }

        if (member.Type == MemberType.Id)
        {
            if (!ResourceId.Parse(text, path).TryGet(out var id, out var refusal))
                findings.Add(refusal);
            else if (!member.RefersTo.IsEmpty && !member.RefersTo.Contains(id.Type))
                findings.Add(
                    InvalidMember(path, $"'{text}' is a {id.Type}; expected {string.Join(" or ", member.RefersTo)}")
                );
            return JsonValue.Create(id?.ToString() ?? text);
        }

        CheckLength(member, text.Length, path, "characters", findings);
        if (member.PatternRegex is { } pattern && !WholeText.Matches(pattern, text))
            findings.Add(InvalidMember(path, $"'{text}' doesn't match {pattern}"));
        return JsonValue.Create(text);
    }

    private static void CheckLength(SchemaMember member, int count, string path, string what, List<Refusal> findings)
    {
        if (count < member.Min || count > member.Max)
            findings.Add(InvalidMember(path, $"it has {count} {what}; allowed are {Bounds(member)}"));
    }

    private static bool IsUnchanged(SchemaMember member, JsonNode value, JsonElement before)
    {
        if (before.ValueKind == JsonValueKind.Undefined)
            return member.Mutability == Mutability.SetOnce;
        return JsonNode.DeepEquals(
            WithLowerCaseIds(member, Secrets.Redacted(member, value)),
            WithLowerCaseIds(member, Secrets.Redacted(member, JsonNode.Parse(before.GetRawText())))
        );
    }

    /// <summary>
    /// A value with its ids in lower case, wherever they stand in it: two spellings of an id are one id.
    /// </summary>
    private static JsonNode? WithLowerCaseIds(SchemaMember member, JsonNode? value)
    {
        switch (value)
        {
            case JsonValue text when member.Type == MemberType.Id && text.TryGetValue<string>(out var id):
                return JsonValue.Create(id.Trim('/').ToLowerInvariant());
            case JsonObject body when member.Type == MemberType.Object:
                foreach (var inner in member.Members.Where(inner => body.ContainsKey(inner.Name)))
                    body[inner.Name] = WithLowerCaseIds(inner, body[inner.Name]?.DeepClone());
                return body;
            case JsonArray list when member.Element is { } element:
                return new JsonArray([.. list.Select(item => WithLowerCaseIds(element, item?.DeepClone()))]);
            default:
                return value;
        }
    }
}
