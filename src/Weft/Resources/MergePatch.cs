using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>The body of a PATCH on the body that is there: a merge patch that reaches some members only.</summary>
/// <remarks>Source: RFC 7396; docs/specs/resource-api.md, "Verbs".</remarks>
internal static class MergePatch
{
    /// <summary>Merges a patch into a body.</summary>
    /// <param name="into">The body; it is changed.</param>
    /// <param name="path">Where in the body both stand; empty for the whole.</param>
    /// <param name="findings">Takes what the patch can't reach.</param>
    public static JsonObject Apply(
        ImmutableArray<SchemaMember> members,
        JsonObject into,
        JsonObject patch,
        string path,
        List<Refusal> findings
    )
    {
        foreach (var (name, value) in patch)
        {
            var at = path.Length == 0 ? name : $"{path}.{name}";
            var member = members.FirstOrDefault(m => m.Name == name);
            if (member is null && (path.Length > 0 || !Schema.IsEnvelope(name)))
                findings.Add(SchemaFindings.UnknownMember(name, at, members));
            else if (member is { IsPatchable: true })
                into[name] = value?.DeepClone();
            else if (
                member is { Type: MemberType.Object }
                && value is JsonObject inner
                && (path.Length == 0 || HasPatchableMember(member))
            )
                into[name] = Apply(member.Members, into[name]?.DeepClone() as JsonObject ?? [], inner, at, findings);
            else if (
                member is not (null or { Mutability: Mutability.ReadOnly })
                && !JsonNode.DeepEquals(into[name], value)
            )
                findings.Add(new Refusal(RefusalCode.ImmutableMember, $"'{at}' isn't reached by PATCH; use PUT", at));
        }

        return into;
    }

    private static bool HasPatchableMember(SchemaMember member) =>
        member.Members.Any(m => m.IsPatchable || HasPatchableMember(m));
}
