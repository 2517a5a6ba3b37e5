using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Contracts;
using Weft.Relay.Client;

namespace Weft.Agent.ControlPlane;

/// <summary>The agents' endpoint of weftd, one method per request. Contract: docs/specs/agent-api.md.</summary>
/// <remarks>
/// Every method throws <see cref="ControlPlaneException"/> for whatever is no good answer, else only cancellation.
/// </remarks>
internal sealed class ControlPlaneClient : IDisposable
{
    private static readonly MediaTypeHeaderValue Json = new("application/json") { CharSet = "utf-8" };

    private readonly HttpClient _http;
    private readonly Connectivity _connectivity;
    private readonly AgentTimings _timings;
    private readonly TimeProvider _clock;
    private readonly LeaseOrder _order;
    private volatile Identity? _identity;

    /// <summary>What this process is called in each of its requests.</summary>
    public string Instance { get; } = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));

    /// <param name="http">The client, based at <c>/agents/v1/</c>.</param>
    public ControlPlaneClient(HttpClient http, Connectivity connectivity, AgentTimings timings, TimeProvider clock)
    {
        (_http, _connectivity, _timings, _clock) = (http, connectivity, timings, clock);
        _order = new LeaseOrder(OpenLeaseSession);
    }

    /// <summary>Who the agent is; null until it is enrolled.</summary>
    public Identity? Identity
    {
        get => _identity;
        set => _identity = value;
    }

    /// <summary>
    /// Is called with the epoch's id when the control plane asks for what the agent's pods hold: at each answer, until it has
    /// been told.
    /// </summary>
    public Action<string>? RegistrationAsked { get; set; }

    /// <summary><c>POST enroll</c>.</summary>
    public async Task<EnrolmentResponse> Enrol(EnrolmentRequest request, string token, CancellationToken cancel)
    {
        using var message = CreateRequest(HttpMethod.Post, AgentApi.Enrol, token, request.ToBytes());
        using var answer = await Send(message, _timings.RequestTimeout, cancel);
        return await Read(answer, body => EnrolmentResponse.Read(body), cancel);
    }

    /// <summary><c>POST join</c>.</summary>
    /// <param name="token">The token of the pod's service account.</param>
    public async Task<EnrolmentResponse> Join(
        EnrolmentRequest request,
        string cluster,
        string token,
        CancellationToken cancel
    )
    {
        var path = $"{AgentApi.Join}?{AgentApi.JoinCluster}={Uri.EscapeDataString(cluster)}";
        using var message = CreateRequest(HttpMethod.Post, path, token, request.ToBytes());
        using var answer = await Send(message, _timings.RequestTimeout, cancel);
        return await Read(answer, body => EnrolmentResponse.Read(body), cancel);
    }

    /// <summary><c>POST credential</c>: announces a secret by its hash, or uses it.</summary>
    /// <param name="bearer">The secret that is shown: the one in force, or the one that was announced.</param>
    public async Task AnnounceCredential(string hash, string bearer, CancellationToken cancel)
    {
        var body = new CredentialRequest(hash).ToBytes();
        using var message = CreateRequest(HttpMethod.Post, AgentApi.Credential, bearer, body);
        using var answer = await Send(message, _timings.RequestTimeout, cancel);
    }

    /// <summary><c>PUT issuer</c>.</summary>
    public async Task ReportIssuer(ServiceAccountIssuer issuer, CancellationToken cancel)
    {
        using var message = CreateRequest(
            HttpMethod.Put,
            AgentApi.Issuer,
            Bearer,
            Resources.Json.ToUtf8(issuer.ToJson())
        );
        using var answer = await Send(message, _timings.RequestTimeout, cancel);
    }

    /// <summary>
    /// <c>GET desired</c>: waits until there is another desired state than the one held, or until the wait is over.
    /// </summary>
    /// <returns>The desired state as it was sent; null where nothing is new.</returns>
    public async Task<byte[]?> GetDesired(string? after, CancellationToken cancel)
    {
        var seconds = ((int)_timings.LongPollWait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        var query = after is null
            ? $"{AgentApi.Desired}?wait={seconds}"
            : $"{AgentApi.Desired}?after={Uri.EscapeDataString(after)}&wait={seconds}";
        using var message = CreateRequest(HttpMethod.Get, query, Bearer);
        using var answer = await Send(message, _timings.LongPollWait + _timings.RequestTimeout, cancel);
        if (answer.Headers.TryGetValues(AgentApi.RegistrationHeader, out var epochs))
            RegistrationAsked?.Invoke(epochs.First());
        return answer.StatusCode == HttpStatusCode.NoContent ? null : await answer.Content.ReadAsByteArrayAsync(cancel);
    }

    /// <summary><c>PUT status</c>.</summary>
    public async Task ReportStatus(StatusReport report, CancellationToken cancel)
    {
        using var message = CreateRequest(HttpMethod.Put, AgentApi.Status, Bearer, report.ToBytes());
        using var answer = await Send(message, _timings.RequestTimeout, cancel);
    }

    /// <summary><c>PUT inventory</c>.</summary>
    public async Task ReportInventory(byte[] inventory, CancellationToken cancel)
    {
        using var message = CreateRequest(HttpMethod.Put, AgentApi.Inventory, Bearer, inventory);
        using var answer = await Send(message, _timings.RequestTimeout, cancel);
    }

    /// <summary><c>GET relay</c>: where to listen, with a token that is good for an hour.</summary>
    public async Task<byte[]> GetRelays(CancellationToken cancel)
    {
        using var message = CreateRequest(HttpMethod.Get, AgentApi.Relay, Bearer);
        using var answer = await Send(message, _timings.RequestTimeout, cancel);
        return await answer.Content.ReadAsByteArrayAsync(cancel);
    }

    /// <summary><c>POST leases/acquire</c>.</summary>
    public async Task<PodLease> Acquire(PodLeaseRequest request, CancellationToken cancel)
    {
        using var answer = await SendInOrder(AgentApi.Acquire, request, cancel);
        return await Read(answer, body => PodLease.Read(body), cancel);
    }

    /// <summary><c>POST leases/release</c>.</summary>
    public async Task Release(LeaseHolder holder, CancellationToken cancel)
    {
        using var answer = await SendInOrder(AgentApi.Release, new PodLeaseRequest(holder), cancel);
    }

    /// <summary><c>POST leases/batch</c>.</summary>
    /// <returns>An answer for each item, in order.</returns>
    public async Task<IReadOnlyList<BatchedLeaseAnswer>> SendBatch(
        IReadOnlyList<BatchedLeaseRequest> items,
        CancellationToken cancel
    )
    {
        using var answer = await SendInOrder(
            AgentApi.LeaseBatch,
            items.Count,
            order => LeaseBatchBody.Write(items, order),
            cancel
        );
        return await Read(answer, body => LeaseBatchResponse.Read(body, items.Count), cancel);
    }

    /// <summary><c>POST leases/register</c>.</summary>
    public async Task<LeaseRegistrationResponse> Register(LeaseRegistration part, CancellationToken cancel)
    {
        using var message = CreateRequest(HttpMethod.Post, AgentApi.Register, Bearer, part.ToBytes());
        using var answer = await Send(message, _timings.RequestTimeout, cancel);
        return await Read(answer, body => LeaseRegistrationResponse.Read(body), cancel);
    }

    /// <summary><c>POST blocks</c>.</summary>
    /// <param name="create">Asked once the report has its number: what is released later has a later one.</param>
    public async Task<BlockReply> ReportBlocks(Func<BlockReport> create, CancellationToken cancel)
    {
        using var answer = await SendInOrder(
            AgentApi.Blocks,
            1,
            order =>
                (create() with { Session = order.Session, Sequence = order.Sequence, Oldest = order.Oldest }).ToBytes(),
            cancel
        );
        return await Read(answer, body => BlockReply.Read(body), cancel);
    }

    /// <summary><c>GET verifications</c>: waits until somebody asks for one, or until the wait is over.</summary>
    /// <returns>The answer; null where nothing is asked for.</returns>
    public async Task<byte[]?> GetVerifications(long after, CancellationToken cancel)
    {
        var query = string.Create(
            CultureInfo.InvariantCulture,
            $"{AgentApi.Verifications}?after={after}&wait={(int)_timings.LongPollWait.TotalSeconds}"
        );
        using var message = CreateRequest(HttpMethod.Get, query, Bearer);
        using var answer = await Send(message, _timings.LongPollWait + _timings.RequestTimeout, cancel);
        return answer.StatusCode == HttpStatusCode.NoContent ? null : await answer.Content.ReadAsByteArrayAsync(cancel);
    }

    /// <summary><c>PUT verifications/ID</c>.</summary>
    public async Task ReportVerification(string id, byte[] report, CancellationToken cancel)
    {
        var path = $"{AgentApi.Verifications}/{Uri.EscapeDataString(id)}";
        using var message = CreateRequest(HttpMethod.Put, path, Bearer, report);
        using var answer = await Send(message, _timings.RequestTimeout, cancel);
    }

    /// <summary><c>GET inquiries</c>: waits until weftd asks something, or until the wait is over.</summary>
    /// <returns>What it asks; empty where it asks nothing.</returns>
    public async Task<IReadOnlyList<AgentInquiry>> GetInquiries(CancellationToken cancel)
    {
        var query = string.Create(
            CultureInfo.InvariantCulture,
            $"{AgentApi.Inquiries}?wait={(int)_timings.LongPollWait.TotalSeconds}"
        );
        using var message = CreateRequest(HttpMethod.Get, query, Bearer);
        using var answer = await Send(message, _timings.LongPollWait + _timings.RequestTimeout, cancel);
        return answer.StatusCode == HttpStatusCode.NoContent
            ? []
            : (await Read(answer, body => PendingInquiries.Read(body), cancel)).Inquiries;
    }

    /// <summary><c>PUT inquiries/ID</c>.</summary>
    public async Task ReportInquiry(string id, InquiryReport report, CancellationToken cancel)
    {
        var path = $"{AgentApi.Inquiries}/{Uri.EscapeDataString(id)}";
        using var message = CreateRequest(HttpMethod.Put, path, Bearer, report.ToBytes());
        using var answer = await Send(message, _timings.RequestTimeout, cancel);
    }

    /// <inheritdoc/>
    public void Dispose() => _order.Dispose();

    /// <summary><c>POST leases/session</c>.</summary>
    private async Task<string> OpenLeaseSession(CancellationToken cancel)
    {
        using var message = CreateRequest(HttpMethod.Post, AgentApi.Session, Bearer);
        using var answer = await Send(message, _timings.RequestTimeout, cancel);
        return (await Read(answer, body => LeaseSession.Read(body), cancel)).Session;
    }

    private Task<HttpResponseMessage> SendInOrder(string path, PodLeaseRequest request, CancellationToken cancel) =>
        SendInOrder(path, 1, order => (request with { Order = order }).ToBytes(), cancel);

    private async Task<HttpResponseMessage> SendInOrder(
        string path,
        int count,
        Func<RequestOrder, byte[]> write,
        CancellationToken cancel
    )
    {
        for (var isAgain = false; ; isAgain = true)
        {
            var order = await _order.Begin(count, cancel);
            try
            {
                using var message = CreateRequest(HttpMethod.Post, path, Bearer, write(order));
                return await Send(message, _timings.RequestTimeout, cancel);
            }
            catch (ControlPlaneException e) when (!isAgain && e.Code == nameof(RefusalCode.LeaseSessionEnded))
            {
                _order.EndSession(order);
            }
            finally
            {
                _order.End(order);
            }
        }
    }

    private string Bearer => _identity?.Credential ?? throw new ControlPlaneException("the agent isn't enrolled yet");

    private HttpRequestMessage CreateRequest(HttpMethod method, string path, string bearer, byte[]? body = null) =>
        CreateRequest(method, new Uri(path, UriKind.Relative), bearer, body);

    private HttpRequestMessage CreateRequest(HttpMethod method, Uri path, string bearer, byte[]? body)
    {
        var message = new HttpRequestMessage(method, path);
        message.Headers.Add(AgentApi.InstanceHeader, Instance);
        message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        message.Headers.UserAgent.Add(new ProductInfoHeaderValue("weft-agent", AgentOptions.Version));
        if (body is not null)
        {
            message.Content = new ByteArrayContent(body);
            message.Content.Headers.ContentType = Json;
        }

        return message;
    }

    private async Task<HttpResponseMessage> Send(HttpRequestMessage message, TimeSpan limit, CancellationToken cancel)
    {
        using var deadline = new CancellationTokenSource(limit, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, deadline.Token);
        HttpResponseMessage answer;
        try
        {
            answer = await _http.SendAsync(message, either.Token);
            if (answer.StatusCode == HttpStatusCode.Unauthorized && IsOfPrevious(message))
            {
                answer.Dispose();
                answer = await SendWithCurrent(message, either.Token);
            }
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            _connectivity.RecordFailure();
            var why = deadline.IsCancellationRequested
                ? $"has not answered for {limit.TotalSeconds:0.#} s"
                : $"has not taken a connection for {Transport.ConnectTimeout.TotalSeconds:0.#} s: is the way there blocked?";
            throw new ControlPlaneException($"the control plane at {_http.BaseAddress!.Authority} {why}", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            _connectivity.RecordFailure();
            throw new ControlPlaneException(
                $"the control plane at {_http.BaseAddress!.Authority} can't be reached: "
                    + ProxyDiagnostics.DescribeFailure(e, _http.BaseAddress),
                e
            );
        }

        RecordStatus(answer.StatusCode);
        if (answer.IsSuccessStatusCode)
            return answer;
        using (answer)
            throw await ReadError(answer, cancel);
    }

    /// <summary>Whether a request shows the secret that another has taken the place of while it was on its way.</summary>
    private bool IsOfPrevious(HttpRequestMessage message) =>
        _identity?.Previous is { } previous && message.Headers.Authorization?.Parameter == previous;

    /// <summary>What was refused for its secret has done nothing, so it may be asked once more.</summary>
    private async Task<HttpResponseMessage> SendWithCurrent(HttpRequestMessage message, CancellationToken cancel)
    {
        var body = message.Content is { } content ? await content.ReadAsByteArrayAsync(cancel) : null;
        using var again = CreateRequest(message.Method, message.RequestUri!, Bearer, body);
        return await _http.SendAsync(again, cancel);
    }

    private void RecordStatus(HttpStatusCode status)
    {
        if (status == HttpStatusCode.Unauthorized)
            _connectivity.RecordRejection();
        else if ((int)status is >= 200 and < 300 or >= 400 and < 500 and not 407 and not 408)
            _connectivity.RecordAnswer();
        else
            _connectivity.RecordFailure();
    }

    private async Task<ControlPlaneException> ReadError(HttpResponseMessage answer, CancellationToken cancel)
    {
        var body = ErrorBody(await answer.Content.ReadAsByteArrayAsync(cancel));
        var detail = body?["error"]?.AsObject();
        var status = (int)answer.StatusCode;
        var said = detail is null
            ? $"the control plane at {_http.BaseAddress!.Authority} answered {status} without saying why"
            : $"{detail["code"]}: {detail["message"]}";
        var asked = answer.Headers.RetryAfter;
        return new ControlPlaneException(said)
        {
            Status = status,
            ErrorBody = body,
            RetryAfter = asked?.Delta ?? (asked?.Date is { } date ? date - _clock.GetUtcNow() : null),
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

    private static async Task<T> Read<T>(HttpResponseMessage answer, Func<byte[], T?> read, CancellationToken cancel)
        where T : class
    {
        const string Fault =
            "the control plane's answer is none to the request; are it and the agent of the same version?";
        try
        {
            return read(await answer.Content.ReadAsByteArrayAsync(cancel))
                ?? throw new ControlPlaneException(Fault) { Status = (int)answer.StatusCode };
        }
        catch (JsonException e)
        {
            throw new ControlPlaneException(Fault, e) { Status = (int)answer.StatusCode };
        }
    }
}
