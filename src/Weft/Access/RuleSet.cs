using System.Collections.Immutable;
using System.Text.Json;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Access;

/// <summary>Whom a rule is about.</summary>
public enum Audience
{
    /// <summary>Everybody.</summary>
    Both,

    /// <summary>Those who ask.</summary>
    Senders,

    /// <summary>Those who answer: agents.</summary>
    Listeners,
}

/// <summary>What somebody wants to be to a hybrid connection.</summary>
public enum Party
{
    /// <summary>It asks.</summary>
    Sender,

    /// <summary>It answers.</summary>
    Listener,
}

/// <summary>One line of a rule set.</summary>
/// <param name="Allows">Whether it lets them in; otherwise it keeps them out.</param>
/// <param name="AppliesTo">Whom it is about. Default: both.</param>
/// <param name="Services">The services it is about, in lower case; empty for all. A rule with services is about senders: a listener answers for all of them.</param>
/// <param name="Description">What its author wrote to it; empty for nothing.</param>
public sealed record NetworkRule(Prefix Networks, bool Allows, Audience AppliesTo, ImmutableArray<string> Services, string Description)
{
    /// <summary>Whether the rule is about a caller.</summary>
    /// <param name="service">The service it wants, in lower case; empty for none.</param>
    public bool Covers(Party party, string service, Address source) =>
        AppliesTo switch { Audience.Senders => party == Party.Sender, Audience.Listeners => party == Party.Listener, _ => true }
        && (Services.IsEmpty || (party == Party.Sender && Services.Contains(service))) && Networks.Contains(source);

    /// <summary>The rule in a few words, for logs and answers.</summary>
    /// <returns>Such as <c>allow 10.0.0.0/8 (senders; ssh)</c>.</returns>
    public override string ToString()
    {
        string[] only = [.. AppliesTo == Audience.Both ? Array.Empty<string>() : [AppliesTo == Audience.Senders ? "senders" : "listeners"], .. Services.IsEmpty ? Array.Empty<string>() : [string.Join(",", Services)]];
        return $"{(Allows ? "allow" : "deny")} {Networks}{(only.Length == 0 ? "" : $" ({string.Join("; ", only)})")}";
    }
}

/// <summary>The rules that stand at one resource. The first that is about a caller decides; if none is, the default does.</summary>
/// <param name="Place">What it stands at, for people: <c>cluster core-east</c>.</param>
/// <param name="AllowsByDefault">What becomes of those that no rule is about.</param>
public sealed record RuleSet(ResourceId Id, string Place, bool AllowsByDefault, ImmutableArray<NetworkRule> Rules)
{
    /// <summary>Whether it is closed altogether, whatever its rules say. Default: no.</summary>
    public bool IsShut { get; init; }

    /// <summary>Reads a stored rule set.</summary>
    /// <param name="row">Its row: <see cref="NetworkRuleSet"/> or <see cref="NamespaceRuleSet"/>.</param>
    public static RuleSet Of(Stored row)
    {
        return row.As(r =>
        {
            var id = ResourceKind.IdOf(r);
            var properties = ResourceKind.PropertiesOf(r);
            return new RuleSet(id, Targets.PlaceOf(id.Parent!), properties.Text("defaultAction") == "Allow", [.. properties.Each("ipRules").Select(RuleOf)])
            {
                IsShut = properties.Text("publicNetworkAccess") == "Disabled",
            };
        });
    }

    /// <summary>Judges a caller by this set alone.</summary>
    /// <param name="service">The service it wants, in lower case; empty for none.</param>
    public Look Judge(Party party, string service, Address source)
    {
        for (var i = 0; i < Rules.Length && !IsShut; i++)
        {
            if (Rules[i].Covers(party, service, source))
                return new Look(this, i, Rules[i].Allows);
        }

        return new Look(this, null, AllowsByDefault && !IsShut);
    }

    private static NetworkRule RuleOf(JsonElement rule) => new(
        IpMask.Parse(rule.Text("ipMask")!).Value,
        rule.Text("action") != "Deny",
        rule.Text("appliesTo") switch { "senders" => Audience.Senders, "listeners" => Audience.Listeners, _ => Audience.Both },
        [.. rule.Texts("services").Select(service => service.ToLowerInvariant())],
        rule.Text("description") ?? "");
}

/// <summary>How one rule set was looked at.</summary>
/// <param name="Rule">The index of the rule that decided; null for the default.</param>
public sealed record Look(RuleSet Set, int? Rule, bool Allows)
{
    /// <summary>What decided, in a few words.</summary>
    /// <returns>Such as <c>cluster core-east: allow 10.0.0.0/8</c>.</returns>
    public override string ToString() => $"{Set.Place}: {Words}";

    /// <summary>What decided, without the place.</summary>
    public string Words => Rule is { } at ? Set.Rules[at].ToString() : Set.IsShut ? "public network access is disabled" : Allows ? "allow by default" : "deny by default";
}
