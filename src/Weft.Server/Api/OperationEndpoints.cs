using System.Text.Json.Nodes;
using Weft.Fleet.Operations;
using Weft.Resources;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>
/// How operations are watched. Two styles of pollers exist: those of <c>Azure-AsyncOperation</c> read the body's
/// status, those of <c>Location</c> read the HTTP status alone. Each has a URL, and both URLs satisfy a poller of the
/// other style while it runs.
/// </summary>
internal sealed class OperationEndpoints(ControlPlane controlPlane, IHostApplicationLifetime lifetime)
{
    /// <summary>Serves <c>operationStatuses/{name}</c> and <c>operationResults/{name}</c>.</summary>
    public async Task Serve(HttpContext http, string name, bool isResult)
    {
        if (ApiVersion.Check(http, "operations", []) is { } version)
        {
            await http.Refuse(version);
            return;
        }

        var wait = http.PreferredWait();
        if (wait > TimeSpan.Zero)
            http.Response.Headers["Preference-Applied"] = FormattableString.Invariant($"wait={wait.TotalSeconds}");
        if (await WaitForEnd(name, wait, http.RequestAborted) is not { } row)
        {
            await http.Refuse(
                new Refusal(
                    RefusalCode.ResourceNotFound,
                    $"there is no operation '{name}'; operations are kept for 24 hours",
                    name
                )
            );
            return;
        }

        var operation = Operation.Read(row);
        if (!operation.IsTerminal)
        {
            http.Response.Headers.Location = $"{http.Origin()}{http.Request.Path}{http.Request.QueryString}";
            http.Response.Headers.RetryAfter = "1";
            await http.Respond(202, Render(http, row, operation));
        }
        else if (!isResult)
        {
            await http.Respond(200, Render(http, row, operation));
        }
        else if (operation.Status == Provisioning.Succeeded)
        {
            await http.Respond(204);
        }
        else
        {
            await http.Refuse(ErrorOf(operation));
        }
    }

    private static Refusal ErrorOf(Operation operation) =>
        new(
            Enum.TryParse<RefusalCode>(operation.ErrorCode, out var code) ? code : RefusalCode.Conflict,
            operation.ErrorMessage ?? operation.Status,
            operation.Resource.ToString()
        )
        {
            Discloses = operation.ErrorDiscloses is { } told ? [told] : [],
        };

    private async Task<Row?> WaitForEnd(string name, TimeSpan wait, CancellationToken aborted)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(aborted, lifetime.ApplicationStopping);
        stop.CancelAfter(wait);
        var state = controlPlane.Store.Current;
        while (true)
        {
            var row = state.Get(Operation.KeyOf(name));
            if (row is null || Operation.Read(row).IsTerminal || wait == TimeSpan.Zero)
                return row;
            try
            {
                state = await controlPlane.Store.Watch(state.Revision, [Operation.KeyOf(name)], stop.Token);
            }
            catch (OperationCanceledException)
            {
                return row;
            }
        }
    }

    /// <summary>The pods that stand on what the operation takes away, as far as who asks may see them.</summary>
    private JsonArray RenderPods(ResourceId resource, Func<string, bool> sees) =>
        [
            .. Draining
                .PodsHolding(controlPlane.Store.Current, resource)
                .Where(held => sees(held.Node.ToString()) && sees(held.Pod.Network.ToString()))
                .Select(held =>
                    (JsonNode)
                        new JsonObject
                        {
                            ["node"] = held.Node.ToString(),
                            ["interface"] = held.Interface,
                            ["network"] = held.Pod.Network.ToString(),
                            ["address"] = held.Pod.Lease.Address.ToString(),
                            ["holder"] = held.Pod.Lease.VisibleTo(sees).Holder.Text,
                        }
                ),
        ];

    private JsonObject Render(HttpContext http, Row row, Operation operation)
    {
        var body = new JsonObject
        {
            ["id"] = http.Request.Path.ToString(),
            ["name"] = operation.Name,
            ["resourceId"] = operation.Resource.ToString(),
            ["startTime"] = operation.StartTime,
            ["status"] = operation.Status,
        };
        if (operation.EndTime is not null)
            body["endTime"] = operation.EndTime;
        if (operation.ErrorCode is not null)
            body["error"] = new JsonObject
            {
                ["code"] = operation.ErrorCode,
                ["message"] = ErrorOf(operation).VisibleTo(http.Sight().Invoke).Message,
            };
        if (!operation.IsTerminal)
            body["properties"] = new JsonObject
            {
                ["heldBy"] = RenderPods(operation.Resource, http.Sight().Invoke),
                ["waitsFor"] = new JsonArray([
                    .. controlPlane
                        .Operations.WaitingFor(controlPlane.Store.Current, row)
                        .Select(agent => agent.ToString())
                        .Where(http.Sight().Invoke)
                        .Select(agent => JsonValue.Create(agent)),
                ]),
            };
        return body;
    }
}
