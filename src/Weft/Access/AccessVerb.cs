using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Access;

/// <summary>
/// The verbs that roles are made of (docs/specs/identity.md, "Roles"). The name of each action of a kind is one, too.
/// </summary>
/// <remarks>Source: Kubernetes RBAC, <c>PolicyRule.verbs</c>; Azure's <c>join/action</c>.</remarks>
internal static class AccessVerb
{
    /// <summary>Stands for all verbs but <see cref="Administer"/>.</summary>
    public const string Any = "*";

    /// <summary>To see.</summary>
    public const string Read = "read";

    /// <summary>To make and to change.</summary>
    public const string Write = "write";

    /// <summary>To take away.</summary>
    public const string Delete = "delete";

    /// <summary>To refer to: to attach a network, to stand on a domain, a fabric or a cluster.</summary>
    public const string Join = "join";

    /// <summary>To be given what a sender needs at the relay.</summary>
    public const string Connect = "connect";

    /// <summary>To be given what a listener needs: it stands in for the target.</summary>
    public const string Listen = "listen";

    /// <summary>To say who there is and what they may. <see cref="Any"/> doesn't hold it: it is given by name alone.</summary>
    public const string Administer = "administer";

    private static readonly ImmutableArray<string> OfEveryKind = [Read, Write, Delete, Join, Connect, Listen];

    /// <summary>All verbs that a role may name.</summary>
    public static ImmutableArray<string> All(Kinds kinds) =>
        [
            Any,
            .. OfEveryKind,
            Administer,
            .. kinds
                .All.SelectMany(kind => kind.Actions)
                .Distinct(StringComparer.OrdinalIgnoreCase)
                .Order(StringComparer.Ordinal),
        ];

    /// <summary>The verb of a request for a resource. Methods are served in any case, so they are judged in any.</summary>
    public static string OfMethod(string method) =>
        method.ToUpperInvariant() switch
        {
            "GET" or "HEAD" => Read,
            "DELETE" => Delete,
            _ => Write,
        };

    /// <summary>The verb of an action; what is no action of the kind takes what a change takes.</summary>
    public static string OfAction(ResourceKind? kind, string action) =>
        kind?.Actions.FirstOrDefault(known => known.Equals(action, StringComparison.OrdinalIgnoreCase)) ?? Write;

    /// <summary>What a refusal calls it: <c>ann may not … it</c>.</summary>
    public static string PhraseOf(string verb) =>
        verb switch
        {
            Connect => "connect to",
            Listen => "listen for",
            Write => "change",
            Read or Delete or Join or Administer => verb,
            _ => $"call {verb} of",
        };
}
