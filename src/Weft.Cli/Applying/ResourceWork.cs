using System.Text.Json.Nodes;
using Weft.Cli.Planning;
using Weft.Cli.Wire;
using Weft.Resources;

namespace Weft.Cli.Applying;

/// <summary>What is done to one resource, until it is done.</summary>
/// <param name="insists">Whether a write goes through that shuts out its author.</param>
internal sealed class ResourceWork(ArmClient client, bool insists = false)
{
    /// <summary>Does a step of a plan.</summary>
    /// <param name="sent">Called when the server has taken it.</param>
    public Task<(StepOutcome Outcome, ArmError? Error)> ApplyAsync(Step step, Action sent, CancellationToken cancel) => step.Action == PlanAction.Enable
        ? AdministerAsync(step.Id, step.Document.ApiVersion, "Enable", cancel)
        : PutAsync(step, sent, cancel);

    /// <summary>Enables or disables an isolation domain.</summary>
    /// <param name="state"><c>Enable</c> or <c>Disable</c>.</param>
    public async Task<(StepOutcome Outcome, ArmError? Error)> AdministerAsync(ResourceId id, string apiVersion, string state, CancellationToken cancel)
    {
        var body = new JsonObject { ["state"] = state };
        var answer = await client.SendAsync(HttpMethod.Post, $"{id}/updateAdministrativeState?api-version={apiVersion}", body, null, cancel);
        var (end, error) = await ArmOperation.WaitAsync(client, answer, cancel);
        return Outcome(end, error, StepOutcome.Enabled);
    }

    /// <summary>Deletes a resource.</summary>
    /// <returns>How it ended; <c>Unchanged</c> where it wasn't there.</returns>
    public async Task<(StepOutcome Outcome, ArmError? Error)> DeleteAsync(ResourceId id, string apiVersion, CancellationToken cancel)
    {
        ArmAnswer answer;
        try
        {
            answer = await client.SendAsync(HttpMethod.Delete, $"{id}?api-version={apiVersion}", null, null, cancel);
        }
        catch (ArmFailure failure) when (failure.Status == 404)
        {
            // What stands in a group or a parent that is gone is gone too.
            return (StepOutcome.Unchanged, null);
        }

        if (answer.Status == 204)
            return (StepOutcome.Unchanged, null);
        var (end, error) = await ArmOperation.WaitAsync(client, answer, cancel);
        return Outcome(end, error, StepOutcome.Deleted);
    }

    private async Task<(StepOutcome Outcome, ArmError? Error)> PutAsync(Step step, Action sent, CancellationToken cancel)
    {
        var path = $"{step.Id}?api-version={step.Document.ApiVersion}";
        var answer = await client.SendAsync(HttpMethod.Put, insists ? $"{path}&force=true" : path, step.Document.ToPut(), null, cancel);
        sent();
        var runs = answer.AsyncOperation is not null;
        var (end, error) = runs
            ? await ArmOperation.WaitAsync(client, answer, cancel)
            : await ArmOperation.OfResourceAsync(client, path, answer.Body as JsonObject, cancel);
        var good = answer.Status == 201 ? StepOutcome.Created
            : runs || step.Action == PlanAction.Update ? StepOutcome.Updated
            : StepOutcome.Unchanged;
        return Outcome(end, error, good);
    }

    private static (StepOutcome Outcome, ArmError? Error) Outcome(OperationEnd end, ArmError? error, StepOutcome good) => end switch
    {
        OperationEnd.Succeeded => (good, null),
        OperationEnd.Canceled => (StepOutcome.Superseded, ArmError.Of("Canceled", "a newer change took its place; apply again if this one is to win")),
        _ => (StepOutcome.Failed, error),
    };
}
