using System.Collections.Immutable;

namespace Weft.Attachments.Admission;

/// <summary>A rule of the lint.</summary>
/// <param name="Id">Its stable id: <c>W</c>, the family's digit, two digits. An id is never given twice.</param>
internal sealed record LintRule(string Id, Severity Severity, string Title)
{
    /// <summary>All rules in the order of their ids, as docs/specs/lint.md lists them.</summary>
    public static ImmutableArray<LintRule> All =>
        [
            .. AnnotationRules.All,
            .. ReferenceRules.All,
            .. DeviceRules.All,
            .. AddressRules.All,
            .. InterfaceRules.All,
            .. TrunkRules.All,
            .. DefinitionRules.All,
            .. IpamRules.All,
            .. DevicePluginRules.All,
        ];
}
