using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Access;

/// <summary>The answer to who would get in, and by which rule: verdicts as JSON.</summary>
internal static class AccessCheckReport
{
    /// <summary>Answers for one caller and some services.</summary>
    /// <param name="services">The services it wants; one empty name for none.</param>
    /// <returns>The answer (docs/specs/relay-rules.md, "Asking").</returns>
    public static JsonObject Create(
        StoreState state,
        ResourceId target,
        AppliesTo caller,
        ImmutableArray<string> services,
        Address source
    )
    {
        var verdicts = services
            .Select(service => (service, verdict: NetworkRules.Evaluate(state, target, caller, service, source)))
            .ToList();
        return new JsonObject
        {
            ["from"] = source.ToString(),
            ["to"] = target.ToString(),
            ["as"] = caller == AppliesTo.Listeners ? "listener" : "sender",
            ["allowed"] = verdicts.TrueForAll(v => v.verdict.IsAllowed),
            ["answers"] = new JsonArray([.. verdicts.Select(v => (JsonNode)RenderDecision(v.service, v.verdict))]),
        };
    }

    private static JsonObject RenderDecision(string service, AccessDecision decision) =>
        new()
        {
            ["service"] = service,
            ["allowed"] = decision.IsAllowed,
            ["rule"] = decision.Summary,
            ["refusal"] = decision.Refusal,
            ["lookedAt"] = new JsonArray([
                .. decision.Evaluations.Select(evaluation =>
                    (JsonNode)
                        new JsonObject
                        {
                            ["ruleSet"] = evaluation.RuleSet.Id.ToString(),
                            ["place"] = evaluation.RuleSet.ScopeName,
                            ["rule"] = evaluation.RuleIndex,
                            ["what"] = evaluation.Summary,
                            ["description"] =
                                evaluation.RuleIndex is { } at && evaluation.RuleSet.Rules[at].Description.Length > 0
                                    ? evaluation.RuleSet.Rules[at].Description
                                    : null,
                            ["allows"] = evaluation.Allows,
                        }
                ),
            ]),
        };
}
