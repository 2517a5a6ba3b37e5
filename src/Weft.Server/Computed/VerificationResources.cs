using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Http;
using Weft.Server.Verifications;

namespace Weft.Server.Computed;

/// <summary>
/// <c>GET {cluster}/providers/Weft.Fleet/verifications/ID</c>; <c>Prefer: wait=N</c> waits until all have answered.
/// </summary>
internal sealed class VerificationResources(VerificationRuns runs, IHostApplicationLifetime lifetime)
{
    public async Task Serve(HttpContext http, ResourceId id)
    {
        if (FindMistake(http, id) is { } mistake)
        {
            await http.Refuse(mistake);
            return;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(
            http.RequestAborted,
            lifetime.ApplicationStopping
        );
        stop.CancelAfter(http.PreferredWait());
        await runs.WaitUntil(id.Parent!, () => runs.Find(id) is not { IsDone: false }, stop.Token);
        await (runs.Find(id) is { } run ? http.Respond(200, run.Render()) : http.Refuse(NotFound(id)));
    }

    private static Refusal? FindMistake(HttpContext http, ResourceId id) =>
        HttpMethods.IsGet(http.Request.Method)
            ? ApiVersion.Check(http, id.Type.ToString(), FleetVersions.All)
            : new Refusal(
                RefusalCode.MethodNotAllowed,
                $"verifications are started with POST {id.Parent}/{KubernetesCluster.VerifyAction}; they are only read",
                id.ToString()
            );

    private static Refusal NotFound(ResourceId id)
    {
        var minutes = VerificationRuns.Retention.TotalMinutes;
        return new Refusal(
            RefusalCode.ResourceNotFound,
            $"there is no verification {id.Name}: they are kept for {minutes:0} minutes, and not across a restart of weftd",
            id.ToString()
        );
    }
}
