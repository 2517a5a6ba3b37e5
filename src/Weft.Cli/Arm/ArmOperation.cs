using System.Text.Json.Nodes;

namespace Weft.Cli.Arm;

/// <summary>How an operation ended.</summary>
internal enum OperationOutcome
{
    /// <summary>It did what it was to do.</summary>
    Succeeded,

    /// <summary>It failed.</summary>
    Failed,

    /// <summary>A newer change took its place.</summary>
    Canceled,
}

/// <summary>A pod's address that stands on what an operation takes away.</summary>
/// <param name="Node">The id of its node.</param>
/// <param name="Interface">The node's interface that stays for it.</param>
/// <param name="Holder">The pod, as a person reads it.</param>
internal sealed record StandingPod(string Node, string Interface, string Address, string Holder);

/// <summary>What an operation waits for.</summary>
/// <param name="Agents">The ids of agents that haven't applied it yet.</param>
internal sealed record OperationWait(IReadOnlyList<string> Agents, IReadOnlyList<StandingPod> Pods)
{
    /// <summary>Reads an operation's body.</summary>
    public static OperationWait Read(JsonObject? body) =>
        new(
            [.. ListOf(body, "waitsFor").Select(id => $"{id}")],
            [
                .. ListOf(body, "heldBy")
                    .OfType<JsonObject>()
                    .Select(pod => new StandingPod(
                        $"{pod["node"]}",
                        $"{pod["interface"]}",
                        $"{pod["address"]}",
                        $"{pod["holder"]}"
                    )),
            ]
        );

    private static JsonArray ListOf(JsonObject? body, string member) =>
        (body?["properties"] as JsonObject)?[member] as JsonArray ?? [];
}

/// <summary>Waits for what an answer started.</summary>
internal static class ArmOperation
{
    private const string PreferWait = "wait=10";

    // A server that held its answer has waited for us; one that answered at once is asked again after its Retry-After.
    private static readonly TimeSpan LongPollThreshold = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    /// <summary>Waits for the end of an operation.</summary>
    /// <param name="cancel">Ends the wait, and not the operation.</param>
    /// <param name="waits">Is told what it waits for, as often as it was asked and hadn't ended.</param>
    /// <returns>The end, and the error of a bad one.</returns>
    public static Task<(OperationOutcome End, ArmError? Error)> WaitAsync(
        ArmClient client,
        ArmResponse response,
        CancellationToken cancel,
        Action<OperationWait>? waits = null
    )
    {
        if (response.AsyncOperation is { } operation)
            return PollBodyAsync(client, operation, waits, cancel);
        if (response.Location is { } location && response.Status == 202)
            return PollStatusAsync(client, location, waits, cancel);
        return Task.FromResult<(OperationOutcome, ArmError?)>((OperationOutcome.Succeeded, null));
    }

    /// <summary>Waits until a resource stands still: an earlier operation on it may still run.</summary>
    /// <param name="resource">The resource as it was last seen.</param>
    /// <returns>The end, and the error of a bad one.</returns>
    public static async Task<(OperationOutcome End, ArmError? Error)> WaitForResourceAsync(
        ArmClient client,
        string path,
        JsonObject? resource,
        CancellationToken cancel
    )
    {
        while (true)
        {
            var properties = resource?["properties"] as JsonObject;
            var state = properties?["provisioningState"]?.ToString() ?? "Succeeded";
            if (ParseOutcome(state) is { } outcome)
                return (
                    outcome,
                    outcome == OperationOutcome.Succeeded
                        ? null
                        : ArmError.Create(
                            state,
                            properties?["detailedStatusMessage"]?.ToString() ?? $"its provisioning state is {state}"
                        )
                );
            await Task.Delay(PollInterval, client.Clock, cancel);
            resource = (await client.GetAsync(path, cancel)).Object;
        }
    }

    private static async Task<(OperationOutcome End, ArmError? Error)> PollBodyAsync(
        ArmClient client,
        string link,
        Action<OperationWait>? waits,
        CancellationToken cancel
    )
    {
        while (true)
        {
            var start = client.Clock.GetTimestamp();
            var response = await client.SendAsync(HttpMethod.Get, link, null, PreferWait, cancel);
            if (ParseOutcome(response.Object["status"]?.ToString() ?? "") is { } outcome)
                return (
                    outcome,
                    outcome == OperationOutcome.Succeeded
                        ? null
                        : ArmError.Read(response.Object["error"])
                            ?? ArmError.Create(outcome.ToString(), $"the operation ended {outcome}")
                );
            Announce(response, waits);
            await DelayAsync(client, response, start, cancel);
        }
    }

    private static async Task<(OperationOutcome End, ArmError? Error)> PollStatusAsync(
        ArmClient client,
        string link,
        Action<OperationWait>? waits,
        CancellationToken cancel
    )
    {
        while (true)
        {
            var start = client.Clock.GetTimestamp();
            try
            {
                var response = await client.SendAsync(HttpMethod.Get, link, null, PreferWait, cancel);
                if (response.Status != 202)
                    return (OperationOutcome.Succeeded, null);
                Announce(response, waits);
                await DelayAsync(client, response, start, cancel);
            }
            catch (ArmException exception)
            {
                var canceled = exception.Error.Code is "Canceled" or "OperationCanceled";
                return (canceled ? OperationOutcome.Canceled : OperationOutcome.Failed, exception.Error);
            }
        }
    }

    private static void Announce(ArmResponse response, Action<OperationWait>? waits)
    {
        var wait = OperationWait.Read(response.Body as JsonObject);
        if (wait.Agents.Count > 0 || wait.Pods.Count > 0)
            waits?.Invoke(wait);
    }

    private static Task DelayAsync(ArmClient client, ArmResponse response, long start, CancellationToken cancel) =>
        response.PreferenceApplied || client.Clock.GetElapsedTime(start) >= LongPollThreshold
            ? Task.CompletedTask
            : Task.Delay(response.RetryAfter ?? PollInterval, client.Clock, cancel);

    private static OperationOutcome? ParseOutcome(string status) =>
        status.ToUpperInvariant() switch
        {
            "SUCCEEDED" => OperationOutcome.Succeeded,
            "FAILED" => OperationOutcome.Failed,
            "CANCELED" or "CANCELLED" => OperationOutcome.Canceled,
            _ => null,
        };
}
