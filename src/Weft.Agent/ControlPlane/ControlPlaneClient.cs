using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Weft.Agent.Leases;
using Weft.Relay.Client;

namespace Weft.Agent.ControlPlane;

/// <summary>The agents' endpoint of weftd, one method per request. Contract: docs/specs/agent-api.md.</summary>
/// <remarks>
/// Every method throws <see cref="ControlPlaneException"/> for whatever is no good answer, else only cancellation.
/// </remarks>
/// <param name="http">The client, based at <c>/agents/v1/</c>.</param>
internal sealed class ControlPlaneClient(
    HttpClient http,
    Connectivity connectivity,
    AgentTimings timings,
    TimeProvider clock
)
{
    private static readonly MediaTypeHeaderValue Json = new("application/json") { CharSet = "utf-8" };

    private volatile Identity? _identity;

    /// <summary>Who the agent is; null until it is enrolled.</summary>
    public Identity? Identity
    {
        get => _identity;
        set => _identity = value;
    }

    /// <summary><c>POST enroll</c>.</summary>
    public async Task<EnrolmentResponse> Enrol(EnrolmentRequest request, string token, CancellationToken cancel)
    {
        using var message = CreateRequest(
            HttpMethod.Post,
            "enroll",
            request,
            AgentJson.Default.EnrolmentRequest,
            token
        );
        using var answer = await Send(message, timings.RequestTimeout, cancel);
        return await Read(answer, AgentJson.Default.EnrolmentResponse, a => a.IsComplete, cancel);
    }

    /// <summary>
    /// <c>GET desired</c>: waits until there is another desired state than the one held, or until the wait is over.
    /// </summary>
    public async Task<DesiredResponse> GetDesired(string? after, CancellationToken cancel)
    {
        var seconds = ((int)timings.LongPollWait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        var query = after is null
            ? $"desired?wait={seconds}"
            : $"desired?after={Uri.EscapeDataString(after)}&wait={seconds}";
        using var message = CreateRequest(HttpMethod.Get, query, Bearer);
        using var answer = await Send(message, timings.LongPollWait + timings.RequestTimeout, cancel);
        return new DesiredResponse(
            answer.StatusCode == HttpStatusCode.NoContent ? null : await answer.Content.ReadAsByteArrayAsync(cancel)
        );
    }

    /// <summary><c>PUT status</c>.</summary>
    public async Task ReportStatus(StatusReport report, CancellationToken cancel)
    {
        using var message = CreateRequest(HttpMethod.Put, "status", report, AgentJson.Default.StatusReport, Bearer);
        using var answer = await Send(message, timings.RequestTimeout, cancel);
    }

    /// <summary><c>PUT inventory</c>.</summary>
    public async Task ReportInventory(byte[] inventory, CancellationToken cancel)
    {
        using var message = CreateRequest(HttpMethod.Put, "inventory", Bearer);
        message.Content = new ByteArrayContent(inventory);
        message.Content.Headers.ContentType = Json;
        using var answer = await Send(message, timings.RequestTimeout, cancel);
    }

    /// <summary><c>GET relay</c>: where to listen, with a token that is good for an hour.</summary>
    public async Task<byte[]> GetRelays(CancellationToken cancel)
    {
        using var message = CreateRequest(HttpMethod.Get, "relay", Bearer);
        using var answer = await Send(message, timings.RequestTimeout, cancel);
        return await answer.Content.ReadAsByteArrayAsync(cancel);
    }

    /// <summary><c>POST leases/acquire</c>.</summary>
    public async Task<Lease> Acquire(AcquireRequest request, CancellationToken cancel)
    {
        using var message = CreateRequest(
            HttpMethod.Post,
            "leases/acquire",
            request,
            AgentJson.Default.AcquireRequest,
            Bearer
        );
        using var answer = await Send(message, timings.RequestTimeout, cancel);
        return await Read(answer, AgentJson.Default.Lease, lease => lease.IsComplete, cancel);
    }

    /// <summary><c>POST leases/release</c>.</summary>
    public async Task Release(Holder holder, CancellationToken cancel)
    {
        var request = new ReleaseRequest(holder.Network.ToString(), holder.ContainerId, holder.Interface);
        using var message = CreateRequest(
            HttpMethod.Post,
            "leases/release",
            request,
            AgentJson.Default.ReleaseRequest,
            Bearer
        );
        using var answer = await Send(message, timings.RequestTimeout, cancel);
    }

    /// <summary><c>GET verifications</c>: waits until somebody asks for one, or until the wait is over.</summary>
    /// <returns>The answer; null where nothing is asked for.</returns>
    public async Task<byte[]?> GetVerifications(long after, CancellationToken cancel)
    {
        var query = string.Create(
            CultureInfo.InvariantCulture,
            $"verifications?after={after}&wait={(int)timings.LongPollWait.TotalSeconds}"
        );
        using var message = CreateRequest(HttpMethod.Get, query, Bearer);
        using var answer = await Send(message, timings.LongPollWait + timings.RequestTimeout, cancel);
        return answer.StatusCode == HttpStatusCode.NoContent ? null : await answer.Content.ReadAsByteArrayAsync(cancel);
    }

    /// <summary><c>PUT verifications/ID</c>.</summary>
    public async Task ReportVerification(string id, byte[] report, CancellationToken cancel)
    {
        using var message = CreateRequest(HttpMethod.Put, $"verifications/{Uri.EscapeDataString(id)}", Bearer);
        message.Content = new ByteArrayContent(report);
        message.Content.Headers.ContentType = Json;
        using var answer = await Send(message, timings.RequestTimeout, cancel);
    }

    private string Bearer => _identity?.Credential ?? throw new ControlPlaneException("the agent isn't enrolled yet");

    private static HttpRequestMessage CreateRequest<T>(
        HttpMethod method,
        string path,
        T body,
        JsonTypeInfo<T> type,
        string bearer
    )
    {
        var message = CreateRequest(method, path, bearer);
        message.Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, type));
        message.Content.Headers.ContentType = Json;
        return message;
    }

    private static HttpRequestMessage CreateRequest(HttpMethod method, string path, string bearer)
    {
        var message = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
        message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        message.Headers.UserAgent.Add(new ProductInfoHeaderValue("weft-agent", AgentOptions.Version));
        return message;
    }

    private async Task<HttpResponseMessage> Send(HttpRequestMessage message, TimeSpan limit, CancellationToken cancel)
    {
        using var deadline = new CancellationTokenSource(limit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, deadline.Token);
        HttpResponseMessage answer;
        try
        {
            answer = await http.SendAsync(message, either.Token);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            connectivity.RecordFailure();
            throw new ControlPlaneException(
                $"the control plane at {http.BaseAddress!.Authority} has not answered for {limit.TotalSeconds:0.#} s",
                e
            );
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            connectivity.RecordFailure();
            throw new ControlPlaneException(
                $"the control plane at {http.BaseAddress!.Authority} can't be reached: {ProxyDiagnostics.DescribeFailure(e, http.BaseAddress)}",
                e
            );
        }

        RecordStatus(answer.StatusCode);
        if (answer.IsSuccessStatusCode)
            return answer;
        using (answer)
            throw await ReadError(answer, cancel);
    }

    private void RecordStatus(HttpStatusCode status)
    {
        if (status == HttpStatusCode.Unauthorized)
            connectivity.RecordRejection();
        else if ((int)status is >= 200 and < 300 or >= 400 and < 500 and not 407 and not 408)
            connectivity.RecordAnswer();
        else
            connectivity.RecordFailure();
    }

    private async Task<ControlPlaneException> ReadError(HttpResponseMessage answer, CancellationToken cancel)
    {
        var body = ErrorBody(await answer.Content.ReadAsByteArrayAsync(cancel));
        var detail = body?["error"]?.AsObject();
        var status = (int)answer.StatusCode;
        var said = detail is null
            ? $"the control plane at {http.BaseAddress!.Authority} answered {status} without saying why"
            : $"{detail["code"]}: {detail["message"]}";
        var asked = answer.Headers.RetryAfter;
        return new ControlPlaneException(said)
        {
            Status = status,
            ErrorBody = body,
            RetryAfter = asked?.Delta ?? (asked?.Date is { } date ? date - clock.GetUtcNow() : null),
        };
    }

    /// <summary>The body where it is ARM's error body; a proxy's page of HTML is none.</summary>
    private static JsonObject? ErrorBody(byte[] content)
    {
        try
        {
            return
                JsonNode.Parse(content) is JsonObject body
                && body["error"] is JsonObject error
                && error["code"] is JsonValue code
                && code.TryGetValue<string>(out _)
                ? body
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static async Task<T> Read<T>(
        HttpResponseMessage answer,
        JsonTypeInfo<T> type,
        Func<T, bool> isGood,
        CancellationToken cancel
    )
        where T : class
    {
        const string Fault =
            "the control plane's answer is none to the request; are it and the agent of the same version?";
        try
        {
            var value = JsonSerializer.Deserialize(await answer.Content.ReadAsByteArrayAsync(cancel), type);
            return value is not null && isGood(value)
                ? value
                : throw new ControlPlaneException(Fault) { Status = (int)answer.StatusCode };
        }
        catch (JsonException e)
        {
            throw new ControlPlaneException(Fault, e) { Status = (int)answer.StatusCode };
        }
    }
}
