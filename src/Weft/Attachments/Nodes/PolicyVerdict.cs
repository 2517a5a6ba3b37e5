using System.Collections.Immutable;

namespace Weft.Attachments.Nodes;

/// <summary>Something of a node's configuration that its policy refuses.</summary>
/// <param name="Member">Where it stands: <c>links 'n6' addresses</c>.</param>
/// <param name="Value">What is wanted there.</param>
/// <param name="Rule">The rule against it: a member of the policy, or one that always holds.</param>
/// <param name="Reason">Why, in a sentence.</param>
internal sealed record PolicyFinding(string Member, string Value, string Rule, string Reason);

/// <summary>What a policy leaves of a configuration.</summary>
/// <param name="Allowed">What may be applied.</param>
/// <param name="Refused">What may not, each with its reason.</param>
internal sealed record PolicyVerdict(NodeConfiguration Allowed, ImmutableArray<PolicyFinding> Refused);
