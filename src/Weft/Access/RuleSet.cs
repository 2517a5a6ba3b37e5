using System.Collections.Immutable;
using System.Text.Json;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Access;

/// <summary>Whom a rule is about; of a caller, which of them it is.</summary>
[Flags]
internal enum AppliesTo
{
    /// <summary>Those who ask.</summary>
    Senders = 1,

    /// <summary>Those who answer: agents.</summary>
    Listeners = 2,

    /// <summary>Everybody.</summary>
    Both = Senders | Listeners,
}

/// <summary>One line of a rule set.</summary>
/// <param name="Allows">Whether it lets them in; otherwise it keeps them out.</param>
/// <param name="AppliesTo">Whom it is about. Default: both.</param>
/// <param name="Services">The services it is about, in lower case; empty for all. A rule with services is about
/// senders: a listener answers for all of them.</param>
/// <param name="Description">What its author wrote to it; empty for nothing.</param>
internal sealed record NetworkRule(
    Prefix Prefix,
    bool Allows,
    AppliesTo AppliesTo,
    ImmutableArray<string> Services,
    string Description
)
{
    /// <summary>Whether the rule is about a caller.</summary>
    /// <param name="caller">Senders or Listeners.</param>
    /// <param name="service">The service it wants, in lower case; empty for none.</param>
    public bool Matches(AppliesTo caller, string service, Address source) =>
        AppliesTo.HasFlag(caller)
        && (Services.IsEmpty || (caller == AppliesTo.Senders && Services.Contains(service)))
        && Prefix.Contains(source);

    /// <summary>The rule in a few words, for logs and answers.</summary>
    /// <returns>Such as <c>allow 10.0.0.0/8 (senders; ssh)</c>.</returns>
    public override string ToString()
    {
        string[] only =
        [
            .. AppliesTo == AppliesTo.Both
                ? Array.Empty<string>()
                : [AppliesTo == AppliesTo.Senders ? "senders" : "listeners"],
            .. Services.IsEmpty ? Array.Empty<string>() : [string.Join(",", Services)],
        ];
        return $"{(Allows ? "allow" : "deny")} {Prefix}{(only.Length == 0 ? "" : $" ({string.Join("; ", only)})")}";
    }
}

/// <summary>
/// The rules that stand at one resource. The first that is about a caller decides; if none is, the default does.
/// </summary>
/// <param name="ScopeName">What it stands at, for people: <c>cluster core-east</c>.</param>
/// <param name="AllowsByDefault">What becomes of those that no rule is about.</param>
internal sealed record RuleSet(ResourceId Id, string ScopeName, bool AllowsByDefault, ImmutableArray<NetworkRule> Rules)
{
    /// <summary>Whether it is closed altogether, whatever its rules say. Default: no.</summary>
    public bool IsClosed { get; init; }

    /// <summary>Reads a stored rule set.</summary>
    /// <param name="row">Its row: <see cref="NetworkRuleSet"/> or <see cref="NamespaceRuleSet"/>.</param>
    public static RuleSet Read(Row row)
    {
        return row.ReadAs(r =>
        {
            var id = ResourceKind.IdOf(r);
            var properties = ResourceKind.PropertiesOf(r);
            return new RuleSet(
                id,
                RelayTargets.DisplayNameOf(id.Parent!),
                properties.Text("defaultAction") == "Allow",
                [.. properties.Elements("ipRules").Select(ReadRule)]
            )
            {
                IsClosed = properties.Text("publicNetworkAccess") == "Disabled",
            };
        });
    }

    /// <summary>Judges a caller by this set alone.</summary>
    /// <param name="caller">Senders or Listeners.</param>
    /// <param name="service">The service it wants, in lower case; empty for none.</param>
    public RuleEvaluation Evaluate(AppliesTo caller, string service, Address source)
    {
        for (var i = 0; i < Rules.Length && !IsClosed; i++)
        {
            if (Rules[i].Matches(caller, service, source))
                return new RuleEvaluation(this, i, Rules[i].Allows);
        }

        return new RuleEvaluation(this, null, AllowsByDefault && !IsClosed);
    }

    private static NetworkRule ReadRule(JsonElement rule) =>
        new(
            IpMask.Parse(rule.Text("ipMask")!).Value,
            rule.Text("action") != "Deny",
            rule.Text("appliesTo") switch
            {
                "senders" => AppliesTo.Senders,
                "listeners" => AppliesTo.Listeners,
                _ => AppliesTo.Both,
            },
            [.. rule.Texts("services").Select(service => service.ToLowerInvariant())],
            rule.Text("description") ?? ""
        );
}

/// <summary>How one rule set was looked at.</summary>
/// <param name="RuleIndex">The index of the rule that decided; null for the default.</param>
internal sealed record RuleEvaluation(RuleSet RuleSet, int? RuleIndex, bool Allows)
{
    /// <summary>What decided, in a few words.</summary>
    /// <returns>Such as <c>cluster core-east: allow 10.0.0.0/8</c>.</returns>
    public override string ToString() => $"{RuleSet.ScopeName}: {Summary}";

    /// <summary>What decided, without the place.</summary>
    public string Summary =>
        RuleIndex is { } at ? RuleSet.Rules[at].ToString()
        : RuleSet.IsClosed ? "public network access is disabled"
        : Allows ? "allow by default"
        : "deny by default";
}
