using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Cli.Arm;
using Weft.Cli.Documents;
using Weft.Cli.Kinds;
using Weft.Cli.Primitives;
using Weft.Resources;

namespace Weft.Cli.Planning;

/// <summary>What a step of a plan does.</summary>
internal enum PlanAction
{
    /// <summary>Makes a resource.</summary>
    Create,

    /// <summary>Changes a resource.</summary>
    Update,

    /// <summary>Leaves a resource as it is.</summary>
    Unchanged,

    /// <summary>Enables an isolation domain.</summary>
    Enable,

    /// <summary>Is not allowed.</summary>
    Refused,
}

/// <summary>A step of a plan.</summary>
/// <param name="Members">The members that change: <c>path</c>, <c>before</c>, <c>after</c>.</param>
/// <param name="Error">Why it is refused, or null.</param>
internal sealed record PlanChange(
    ResourceId Id,
    PlanAction Action,
    ImmutableArray<JsonObject> Members,
    ArmError? Error
);

/// <summary>The server's answer to "what if".</summary>
/// <param name="Changes">The steps in the order in which to apply.</param>
internal sealed record Plan(JsonObject Response, ImmutableArray<PlanChange> Changes)
{
    private static readonly string[] SideEffects = ["addresses", "vlans", "manifests", "disruptions"];

    /// <summary>The refused steps.</summary>
    public IEnumerable<PlanChange> Refusals => Changes.Where(change => change.Action == PlanAction.Refused);

    /// <summary>Whether applying would do anything.</summary>
    public bool HasChanges =>
        Changes.Any(change => change.Action is PlanAction.Create or PlanAction.Update or PlanAction.Enable)
        || SideEffects.Any(name => ListOf(name).Length > 0);

    /// <summary>A list of the answer.</summary>
    public JsonObject[] ListOf(string name) => [.. (Response[name] as JsonArray ?? []).OfType<JsonObject>()];

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
    public static Plan Read(JsonObject answer)
    {
        if (answer["changes"] is not JsonArray changes)
            throw new CliError(
                "the server's answer is no plan",
                next: "is there a weftd of this version at the configured address?"
            );
        return new Plan(answer, [.. changes.OfType<JsonObject>().Select(ReadChange)]);
    }

    private static PlanChange ReadChange(JsonObject json)
    {
        if (
            !ResourceId.TryParse(json["id"]?.ToString(), out var id)
            || !Enum.TryParse<PlanAction>(json["action"]?.ToString(), out var action)
        )
            throw new CliError(
                $"the plan has a step this program does not know: {JsonFormatter.Compact(json)}",
                next: "use a weft as new as the server"
            );
        var members = (json["members"] as JsonArray ?? []).OfType<JsonObject>();
        return new PlanChange(id, action, [.. members], ArmError.Read(json["error"]));
    }
}
