using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Cli.Arm;
using Weft.Cli.Documents;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Cli.Applying;

/// <summary>Something to be done, and what must be done before.</summary>
/// <param name="DependsOn">The indices of the steps that must have succeeded.</param>
internal sealed record Step(int Index, Document Document, PlanAction Action, ImmutableArray<int> DependsOn)
{
    /// <summary>
    /// The step that must have been sent before this one, however it ends; null where it does not matter.
    /// </summary>
    public int? SentAfter { get; init; }

    /// <summary>The resource.</summary>
    public ResourceId Id => Document.Id;
}

/// <summary>How a step ended.</summary>
internal enum StepOutcome
{
    /// <summary>The resource is new.</summary>
    Created,

    /// <summary>The resource has changed.</summary>
    Updated,

    /// <summary>The isolation domain is enabled.</summary>
    Enabled,

    /// <summary>The resource is gone.</summary>
    Deleted,

    /// <summary>There was nothing to do.</summary>
    Unchanged,

    /// <summary>It failed.</summary>
    Failed,

    /// <summary>A newer change took its place.</summary>
    Superseded,

    /// <summary>Something it depends on did not succeed.</summary>
    Skipped,
}

/// <summary>What came of a step.</summary>
/// <param name="Error">Why it did not succeed, or null.</param>
internal sealed record StepResult(Step Step, StepOutcome Outcome, TimeSpan Elapsed, ArmError? Error)
{
    /// <summary>Whether what depends on it may go on.</summary>
    public bool Succeeded => Outcome is not (StepOutcome.Failed or StepOutcome.Superseded or StepOutcome.Skipped);

    /// <summary>The result for <c>-o json</c>.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject
        {
            ["id"] = Step.Id.ToString(),
            ["action"] = Step.Action.ToString(),
            ["outcome"] = Outcome.ToString(),
            ["seconds"] = Math.Round(Elapsed.TotalSeconds, 3),
        };
        if (Error is not null)
            json["error"] = new JsonObject { ["code"] = Error.Code, ["message"] = Error.Message };
        return json;
    }
}
