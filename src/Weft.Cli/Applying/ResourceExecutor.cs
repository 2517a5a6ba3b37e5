using System.Text.Json.Nodes;
using Weft.Cli.Arm;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Cli.Applying;

/// <summary>What is done to one resource, until it is done.</summary>
/// <param name="insists">Whether a write goes through that shuts out its author, and a deletion that gives back what is in
/// use.</param>
/// <param name="notice">Is told what a change waits for.</param>
internal sealed class ResourceExecutor(ArmClient client, bool insists = false, WaitingNotice? notice = null)
{
    /// <summary>Does a step of a plan.</summary>
    /// <param name="sent">Called when the server has taken it.</param>
    public Task<(StepOutcome Outcome, ArmError? Error)> ApplyAsync(Step step, Action sent, CancellationToken cancel) =>
        step.Action == PlanAction.Enable
            ? AdministerAsync(step.Id, step.Document.ApiVersion, "Enable", cancel)
            : PutAsync(step, sent, cancel);

    /// <summary>Enables or disables an isolation domain.</summary>
    /// <param name="state"><c>Enable</c> or <c>Disable</c>.</param>
    public async Task<(StepOutcome Outcome, ArmError? Error)> AdministerAsync(
        ResourceId id,
        string apiVersion,
        string state,
        CancellationToken cancel
    )
    {
        var body = new JsonObject { ["state"] = state };
        var response = await client.SendAsync(
            HttpMethod.Post,
            $"{id}/updateAdministrativeState?api-version={apiVersion}",
            body,
            null,
            cancel
        );
        var (outcome, error) = await Wait(id, response, cancel);
        return ToStepOutcome(outcome, error, StepOutcome.Enabled);
    }

    /// <summary>Deletes a resource.</summary>
    /// <returns>How it ended; <c>Unchanged</c> where it wasn't there.</returns>
    public async Task<(StepOutcome Outcome, ArmError? Error)> DeleteAsync(
        ResourceId id,
        string apiVersion,
        CancellationToken cancel
    )
    {
        ArmResponse response;
        try
        {
            var path = $"{id}?api-version={apiVersion}";
            response = await client.SendAsync(
                HttpMethod.Delete,
                insists ? $"{path}&force=true" : path,
                null,
                null,
                cancel
            );
        }
        catch (ArmException exception) when (exception.Status == 404)
        {
            // What stands in a group or a parent that is gone is gone too.
            return (StepOutcome.Unchanged, null);
        }

        foreach (var warning in response.Warnings)
            notice?.Warn(id, warning);
        if (response.Status == 204)
            return (StepOutcome.Unchanged, null);
        var (outcome, error) = await Wait(id, response, cancel);
        return ToStepOutcome(outcome, error, StepOutcome.Deleted);
    }

    private Task<(OperationOutcome End, ArmError? Error)> Wait(
        ResourceId id,
        ArmResponse response,
        CancellationToken cancel
    ) => ArmOperation.WaitAsync(client, response, cancel, wait => notice?.Report(id, wait));

    private async Task<(StepOutcome Outcome, ArmError? Error)> PutAsync(
        Step step,
        Action sent,
        CancellationToken cancel
    )
    {
        var path = $"{step.Id}?api-version={step.Document.ApiVersion}";
        var response = await client.SendAsync(
            HttpMethod.Put,
            insists ? $"{path}&force=true" : path,
            step.Document.ToPutBody(),
            null,
            cancel
        );
        sent();
        var runs = response.AsyncOperation is not null;
        var (outcome, error) = runs
            ? await Wait(step.Id, response, cancel)
            : await ArmOperation.WaitForResourceAsync(client, path, response.Body as JsonObject, cancel);
        var good =
            response.Status == 201 ? StepOutcome.Created
            : runs || step.Action == PlanAction.Update ? StepOutcome.Updated
            : StepOutcome.Unchanged;
        return ToStepOutcome(outcome, error, good);
    }

    private static (StepOutcome Outcome, ArmError? Error) ToStepOutcome(
        OperationOutcome outcome,
        ArmError? error,
        StepOutcome good
    ) =>
        outcome switch
        {
            OperationOutcome.Succeeded => (good, null),
            OperationOutcome.Canceled => (
                StepOutcome.Superseded,
                ArmError.Create("Canceled", "a newer change took its place; apply again if this one is to win")
            ),
            _ => (StepOutcome.Failed, error),
        };
}
