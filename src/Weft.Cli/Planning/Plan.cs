using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Cli.Arm;
using Weft.Cli.Documents;
using Weft.Cli.Kinds;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Cli.Planning;

/// <summary>A step of a plan.</summary>
/// <param name="Error">Why it is refused, or null.</param>
internal sealed record PlanChange(
    ResourceId Id,
    PlanAction Action,
    IReadOnlyList<MemberChange> Members,
    ArmError? Error
);

/// <summary>The server's answer to "what if".</summary>
/// <param name="Body">The answer as it came.</param>
/// <param name="Changes">The steps in the order in which to apply.</param>
internal sealed record Plan(JsonObject Body, PlanResponse Response, ImmutableArray<PlanChange> Changes)
{
    /// <summary>The refused steps.</summary>
    public IEnumerable<PlanChange> Refusals => Changes.Where(change => change.Action == PlanAction.Refused);

    /// <summary>Whether applying would do anything.</summary>
    public bool HasChanges =>
        Changes.Any(change => change.Action is PlanAction.Create or PlanAction.Update or PlanAction.Enable)
        || Response.Addresses.Count + Response.Vlans.Count + Response.Manifests.Count + Response.Disruptions.Count > 0;

    /// <summary>How many steps do something.</summary>
    public int Count(PlanAction action) => Changes.Count(change => change.Action == action);

    /// <summary>Asks the server for the plan of documents.</summary>
    /// <param name="insists">Whether network rules may shut out who asks.</param>
    public static async Task<Plan> RequestAsync(
        ArmClient client,
        IReadOnlyList<Document> documents,
        bool insists,
        CancellationToken cancel
    )
    {
        var question = new JsonObject
        {
            ["resources"] = new JsonArray([.. documents.Select(document => document.ToPlanRequest())]),
        };
        var response = await client.SendAsync(
            HttpMethod.Post,
            $"/providers/Weft.Fleet/plan?api-version={KindTable.WeftApiVersion}{(insists ? "&force=true" : "")}",
            question,
            null,
            cancel
        );
        return Read(response.Object);
    }

    /// <summary>Reads an answer.</summary>
    /// <exception cref="CliError">It is no plan this program understands.</exception>
    public static Plan Read(JsonObject answer) =>
        PlanResponse.Read(answer) is { } response
            ? new Plan(answer, response, [.. response.Changes.Select(ReadChange)])
            : throw new CliError(
                "the server's answer is no plan that this weft knows",
                next: "is there a weftd of this version at the configured address?"
            );

    private static PlanChange ReadChange(PlannedChange change) =>
        ResourceId.TryParse(change.Id, out var id)
            ? new PlanChange(id, change.Action, change.Members ?? [], ArmError.Read(change.Error))
            : throw new CliError(
                $"the plan has a step this program does not know: {change.Action} '{change.Id}'",
                next: "use a weft as new as the server"
            );
}
