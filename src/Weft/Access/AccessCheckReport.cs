using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Access;

/// <summary>The answer to who would get in, and by which rule: verdicts as JSON.</summary>
internal static class AccessCheckReport
{
    private const string Unseen = "a rule that you may not see";

    /// <summary>Answers for one caller and some services.</summary>
    /// <param name="services">The services it wants; one empty name for none.</param>
    /// <param name="mayRead">Whether who asks may read a rule set.</param>
    /// <returns>The answer (docs/specs/relay-rules.md, "Asking").</returns>
    public static JsonObject Create(
        StoreState state,
        ResourceId target,
        AppliesTo caller,
        ImmutableArray<string> services,
        Address source,
        Func<ResourceId, bool> mayRead
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
            ["answers"] = new JsonArray([
                .. verdicts.Select(v => (JsonNode)RenderDecision(v.service, v.verdict, mayRead)),
            ]),
        };
    }

    private static JsonObject RenderDecision(string service, AccessDecision decision, Func<ResourceId, bool> mayRead)
    {
        bool IsSeen(RuleEvaluation? evaluation) => evaluation is null || mayRead(evaluation.RuleSet.Id);
        return new JsonObject
        {
            ["service"] = service,
            ["allowed"] = decision.IsAllowed,
            ["rule"] = IsSeen(decision.DecidedBy) ? decision.Summary : Unseen,
            // What the relay itself says to who comes with a good token.
            ["refusal"] = decision.Refusal,
            ["lookedAt"] = new JsonArray([
                .. decision.Evaluations.Select(evaluation =>
                    (JsonNode)RenderEvaluation(evaluation, IsSeen(evaluation))
                ),
            ]),
        };
    }

    /// <summary>A rule set in the way; what its rules say is for who may read it.</summary>
    private static JsonObject RenderEvaluation(RuleEvaluation evaluation, bool isSeen) =>
        new()
        {
            ["ruleSet"] = evaluation.RuleSet.Id.ToString(),
            ["place"] = evaluation.RuleSet.ScopeName,
            ["rule"] = isSeen ? evaluation.RuleIndex : null,
            ["what"] = isSeen ? evaluation.Summary : Unseen,
            ["description"] =
                isSeen && evaluation.RuleIndex is { } at && evaluation.RuleSet.Rules[at].Description.Length > 0
                    ? evaluation.RuleSet.Rules[at].Description
                    : null,
            ["allows"] = evaluation.Allows,
        };
}
