using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Access;

/// <summary>The answer to who would get in, and by which rule: verdicts as JSON.</summary>
public static class NetworkAnswers
{
    /// <summary>Answers for one caller and some services.</summary>
    /// <param name="services">The services it wants; one empty name for none.</param>
    /// <returns>The answer (docs/specs/relay-rules.md, "Asking").</returns>
    public static JsonObject Of(Image image, ResourceId target, Party party, ImmutableArray<string> services, Address source)
    {
        var verdicts = services.Select(service => (service, verdict: NetworkRules.Judge(image, target, party, service, source))).ToList();
        return new JsonObject
        {
            ["from"] = source.ToString(),
            ["to"] = target.ToString(),
            ["as"] = party == Party.Listener ? "listener" : "sender",
            ["allowed"] = verdicts.TrueForAll(v => v.verdict.IsAllowed),
            ["answers"] = new JsonArray([.. verdicts.Select(v => (JsonNode)Answer(v.service, v.verdict))]),
        };
    }

    private static JsonObject Answer(string service, Verdict verdict) => new()
    {
        ["service"] = service,
        ["allowed"] = verdict.IsAllowed,
        ["rule"] = verdict.Words,
        ["refusal"] = verdict.Refusal,
        ["lookedAt"] = new JsonArray([.. verdict.Looks.Select(look => (JsonNode)new JsonObject
        {
            ["ruleSet"] = look.Set.Id.ToString(),
            ["place"] = look.Set.Place,
            ["rule"] = look.Rule,
            ["what"] = look.Words,
            ["description"] = look.Rule is { } at && look.Set.Rules[at].Description.Length > 0 ? look.Set.Rules[at].Description : null,
            ["allows"] = look.Allows,
        })]),
    };
}
