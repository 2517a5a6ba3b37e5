using System.Text.Json.Nodes;

namespace Weft.Cli.Wire;

/// <summary>How an operation ended.</summary>
internal enum OperationEnd
{
    /// <summary>It did what it was to do.</summary>
    Succeeded,

    /// <summary>It failed.</summary>
    Failed,

    /// <summary>A newer change took its place.</summary>
    Canceled,
}

/// <summary>Waits for what an answer started.</summary>
internal static class ArmOperation
{
    private const string Prefer = "wait=10";

    // A server that held its answer has waited for us; one that answered at once is asked again after its Retry-After.
    private static readonly TimeSpan Held = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Waits for the end of an operation.</summary>
    /// <param name="cancel">Ends the wait, and not the operation.</param>
    /// <returns>The end, and the error of a bad one.</returns>
    public static Task<(OperationEnd End, ArmError? Error)> WaitAsync(ArmClient client, ArmAnswer started, CancellationToken cancel)
    {
        if (started.AsyncOperation is { } operation)
            return ByBodyAsync(client, operation, cancel);
        if (started.Location is { } location && started.Status == 202)
            return ByStatusAsync(client, location, cancel);
        return Task.FromResult<(OperationEnd, ArmError?)>((OperationEnd.Succeeded, null));
    }

    /// <summary>Waits until a resource stands still: an earlier operation on it may still run.</summary>
    /// <param name="resource">The resource as it was last seen.</param>
    /// <returns>The end, and the error of a bad one.</returns>
    public static async Task<(OperationEnd End, ArmError? Error)> OfResourceAsync(ArmClient client, string path, JsonObject? resource, CancellationToken cancel)
    {
        while (true)
        {
            var properties = resource?["properties"] as JsonObject;
            var state = properties?["provisioningState"]?.ToString() ?? "Succeeded";
            if (EndOf(state) is { } end)
                return (end, end == OperationEnd.Succeeded ? null : ArmError.Of(state, properties?["detailedStatusMessage"]?.ToString() ?? $"its provisioning state is {state}"));
            await Task.Delay(Pause, client.Clock, cancel);
            resource = (await client.GetAsync(path, cancel)).Object;
        }
    }

    private static async Task<(OperationEnd End, ArmError? Error)> ByBodyAsync(ArmClient client, string link, CancellationToken cancel)
    {
        while (true)
        {
            var start = client.Clock.GetTimestamp();
            var answer = await client.SendAsync(HttpMethod.Get, link, null, Prefer, cancel);
            if (EndOf(answer.Object["status"]?.ToString() ?? "") is { } end)
                return (end, end == OperationEnd.Succeeded ? null : ArmError.Read(answer.Object["error"]) ?? ArmError.Of(end.ToString(), $"the operation ended {end}"));
            await PauseAsync(client, answer, start, cancel);
        }
    }

    private static async Task<(OperationEnd End, ArmError? Error)> ByStatusAsync(ArmClient client, string link, CancellationToken cancel)
    {
        while (true)
        {
            var start = client.Clock.GetTimestamp();
            try
            {
                var answer = await client.SendAsync(HttpMethod.Get, link, null, Prefer, cancel);
                if (answer.Status != 202)
                    return (OperationEnd.Succeeded, null);
                await PauseAsync(client, answer, start, cancel);
            }
            catch (ArmFailure failure)
            {
                var canceled = failure.Error.Code is "Canceled" or "OperationCanceled";
                return (canceled ? OperationEnd.Canceled : OperationEnd.Failed, failure.Error);
            }
        }
    }

    private static Task PauseAsync(ArmClient client, ArmAnswer answer, long start, CancellationToken cancel) =>
        answer.Held || client.Clock.GetElapsedTime(start) >= Held
            ? Task.CompletedTask
            : Task.Delay(answer.RetryAfter ?? Pause, client.Clock, cancel);

    private static OperationEnd? EndOf(string status) => status.ToUpperInvariant() switch
    {
        "SUCCEEDED" => OperationEnd.Succeeded,
        "FAILED" => OperationEnd.Failed,
        "CANCELED" or "CANCELLED" => OperationEnd.Canceled,
        _ => null,
    };
}
