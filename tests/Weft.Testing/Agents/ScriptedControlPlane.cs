using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Weft.Attachments.Nodes;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Testing.Agents;

/// <summary>
/// What the real weftd can't be made to do, over real HTTP: it goes away and comes back on the same port, answers late or
/// by a fault, and asks for what no weftd would render. It counts what it is asked.
/// </summary>
internal sealed class ScriptedControlPlane : IAsyncDisposable
{
    public const string Token = "weft_enr_a-good-one";
    public const string Group = "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/g";
    public const string Cluster = $"{Group}/providers/Microsoft.NetworkCloud/kubernetesClusters/c1";

    private readonly X509Certificate2? _certificate;
    private readonly ConcurrentDictionary<string, string> _leases = new();
    private readonly Lock _guard = new();
    private readonly List<(string Verb, string Holder)> _calls = [];
    private readonly List<StatusReport> _reports = [];
    private readonly List<EnrolmentRequest> _enrolments = [];
    private readonly List<NodeInventory> _inventories = [];
    private readonly List<LeaseRegistration> _registrations = [];
    private readonly List<InquiryReport> _inquiryReports = [];
    private TaskCompletionSource _changed = NewSignal();
    private JsonObject? _desired;
    private WebApplication? _app;
    private int _lastAddress;

    private readonly IPAddress _at;
    private readonly HeldPort _port;

    private ScriptedControlPlane(X509Certificate2? certificate, IPAddress at) =>
        (_certificate, _at, _port) = (certificate, at, new(at));

    public int Port => _port.Number;

    public string Url => $"{(_certificate is null ? "http" : "https")}://{_at}:{Port}";

    /// <summary>
    /// What each call of leases/acquire and leases/release meets first; it may wait, or answer instead.
    /// </summary>
    public Func<string, PodLeaseRequest, HttpContext, Task<bool>>? Before { get; set; }

    /// <summary>Meets each enrolment first; true where it has answered, or taken care that nobody does.</summary>
    public Func<HttpContext, bool>? BeforeEnrolment { get; set; }

    /// <summary>The hash of the credential enrolled last; any other is refused with 401.</summary>
    public string? CredentialHash { get; set; }

    /// <summary>The hash of the credential that was announced, and that takes the place of the other once it is used.</summary>
    public string? NextCredentialHash { get; set; }

    /// <summary>
    /// Is asked before a credential is announced, or is used first, which is true then; false has it come to nothing.
    /// </summary>
    public Func<bool, bool>? BeforeCredential { get; set; }

    /// <summary>Is asked after it; false has the answer lost.</summary>
    public Func<bool, bool>? AfterCredential { get; set; }

    /// <summary>Whether it knows of no other credential than an agent's first, as weftd did once.</summary>
    public bool KnowsOneCredential { get; set; }

    public IReadOnlyList<(string Verb, string Holder)> Calls => Copy(_calls);

    public IReadOnlyList<StatusReport> Reports => Copy(_reports);

    public IReadOnlyList<EnrolmentRequest> Enrolments => Copy(_enrolments);

    /// <summary>What the agent has said it found on its node.</summary>
    public IReadOnlyList<NodeInventory> Inventories => Copy(_inventories);

    /// <summary>What an inventory meets instead of being taken.</summary>
    public Func<HttpContext, Task>? OnInventory { get; set; }

    /// <summary>The epoch that asks for what the agent's pods hold, until its last part was taken; null for none.</summary>
    public string? Epoch { get; set; }

    /// <summary>What each part of a registration meets first; true where it has answered.</summary>
    public Func<LeaseRegistration, HttpContext, Task<bool>>? OnRegistration { get; set; }

    /// <summary>The parts that were taken.</summary>
    public IReadOnlyList<LeaseRegistration> Registrations => Copy(_registrations);

    /// <summary>What is asked of the agent until it has answered; null for a control plane that asks nothing.</summary>
    public AgentInquiry? Inquiry { get; set; }

    /// <summary>What it was answered.</summary>
    public IReadOnlyList<InquiryReport> InquiryReports => Copy(_inquiryReports);

    public int Polls { get; private set; }

    /// <summary>Who holds what, by <c>containerId/interface</c>.</summary>
    public IReadOnlyDictionary<string, string> Leases => _leases;

    public static async Task<ScriptedControlPlane> Start(X509Certificate2? certificate = null, IPAddress? at = null)
    {
        var plane = new ScriptedControlPlane(certificate, at ?? IPAddress.Loopback);
        await plane.ComeBack();
        return plane;
    }

    public async Task ComeBack()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(
                _at,
                Port,
                at =>
                {
                    if (_certificate is not null)
                        at.UseHttps(_certificate);
                }
            )
        );
        builder.WebHost.UseShutdownTimeout(TimeSpan.Zero);
        _app = builder.Build();
        _app.Run(Serve);
        await _app.StartAsync();
    }

    public async Task GoAway()
    {
        if (_app is not { } app)
            return;
        _app = null;
        await app.DisposeAsync();
    }

    public void SetDesired(string digest, JsonArray manifests, JsonArray? nodes = null)
    {
        lock (_guard)
        {
            _desired = new JsonObject
            {
                ["cluster"] = Cluster,
                ["revision"] = digest.Length,
                ["digest"] = digest,
                ["manifests"] = manifests,
                ["nodes"] = nodes ?? [],
            };
        }

        NotifyChange();
    }

    /// <summary>Waits until something holds; it is looked at again after each request.</summary>
    public async Task Until(Func<bool> holds, string what)
    {
        using var deadline = new CancellationTokenSource(Eventually.Limit);
        while (true)
        {
            var changed = Volatile.Read(ref _changed).Task;
            if (holds())
                return;
            try
            {
                await changed.WaitAsync(deadline.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"never came true: {what}");
            }
        }
    }

    public Task UntilReported(string digest, string state) =>
        Until(() => Reports.Any(r => r.Digest == digest && r.State == state), $"{digest} reported {state}");

    public async ValueTask DisposeAsync()
    {
        await GoAway();
        _port.Dispose();
    }

    private async Task Serve(HttpContext context)
    {
        var body =
            context.Request.ContentLength > 0 ? (await JsonNode.ParseAsync(context.Request.Body))!.AsObject() : [];
        var bearer = context.Request.Headers.Authorization.ToString().Replace("Bearer ", "", StringComparison.Ordinal);
        var path = context.Request.Path.Value![AgentApi.Root.Length..];
        var hash = BearerToken.HashOf(bearer);
        if (path == AgentApi.Credential && BeforeCredential?.Invoke(hash == (string?)body["credentialHash"]) == false)
        {
            context.Abort();
            return;
        }

        if (path != AgentApi.Enrol && hash == NextCredentialHash)
            (CredentialHash, NextCredentialHash) = (hash, null);
        var isKnown = path == AgentApi.Enrol ? bearer == Token : hash == CredentialHash;
        if (!isKnown)
            await Refuse(context, 401, "AuthenticationFailed", "the bearer is not known");
        else
            await (
                path switch
                {
                    AgentApi.Enrol => Enrol(context, body),
                    AgentApi.Credential when !KnowsOneCredential => Announce(context, body, hash),
                    AgentApi.Desired => Desired(context),
                    AgentApi.Status => Report(context, body),
                    AgentApi.Inventory => Inventory(context, body),
                    AgentApi.Session => Respond(context, 200, new LeaseSession("scripted").ToBytes()),
                    AgentApi.Register => Register(context, body),
                    AgentApi.Inquiries when Inquiry is { } inquiry => Respond(
                        context,
                        200,
                        new PendingInquiries([inquiry]).ToBytes()
                    ),
                    _ when path == $"{AgentApi.Inquiries}/{Inquiry?.Id}" => AcceptInquiry(context, body),
                    AgentApi.Acquire => ServeLease(context, "acquire", body, Acquire),
                    AgentApi.Release => ServeLease(context, "release", body, Release),
                    // As a weftd of before, which knows no batches.
                    _ => Refuse(context, 404, "InvalidResourceId", path),
                }
            );
        NotifyChange();
    }

    private async Task ServeLease(
        HttpContext context,
        string verb,
        JsonObject body,
        Func<HttpContext, LeaseHolder, Task> serve
    )
    {
        if (!PodLeaseRequest.Read(body).TryGet(out var request, out var refusal))
            await Refuse(context, 400, refusal.Code.ToString(), refusal.Message);
        else if (Before is null || !await Before(verb, request, context))
            await serve(context, request.Holder);
    }

    public static Task Refuse(HttpContext context, int status, string code, string message) =>
        Respond(
            context,
            status,
            new JsonObject
            {
                ["error"] = new JsonObject
                {
                    ["code"] = code,
                    ["message"] = message,
                    ["target"] = "somewhere",
                },
            }
        );

    private async Task Enrol(HttpContext context, JsonObject body)
    {
        if (!EnrolmentRequest.Read(body).TryGet(out var request, out var refusal))
        {
            await Refuse(context, 400, refusal.Code.ToString(), refusal.Message);
            return;
        }

        lock (_guard)
            _enrolments.Add(request);
        if (BeforeEnrolment?.Invoke(context) == true)
            return;
        CredentialHash = request.CredentialHash;
        var agent = $"{Cluster}/providers/Weft.Fleet/agents/{request.Name}";
        await Respond(context, 201, new EnrolmentResponse(agent, Cluster).ToBytes());
    }

    private async Task Announce(HttpContext context, JsonObject body, string bearerHash)
    {
        var hash = CredentialRequest.Read(body).Value.CredentialHash;
        NextCredentialHash = hash == CredentialHash ? NextCredentialHash : hash;
        if (AfterCredential?.Invoke(hash == bearerHash) == false)
            context.Abort();
        else
            await RespondEmpty(context);
    }

    private async Task Desired(HttpContext context)
    {
        lock (_guard)
            Polls++;
        NotifyChange();
        var wait = int.Parse(context.Request.Query["wait"]!, CultureInfo.InvariantCulture);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        over.CancelAfter(TimeSpan.FromSeconds(wait));
        if (Epoch is { } epoch)
            context.Response.Headers[AgentApi.RegistrationHeader] = epoch;
        while (!over.IsCancellationRequested && Epoch is null)
        {
            var changed = Volatile.Read(ref _changed).Task;
            JsonObject? picture;
            lock (_guard)
                picture = _desired?.DeepClone().AsObject();
            if (picture is not null && (string?)picture["digest"] != context.Request.Query["after"])
            {
                await Respond(context, 200, picture);
                return;
            }

            await Task.WhenAny(changed, Task.Delay(Timeout.Infinite, over.Token));
        }

        context.Response.StatusCode = 204;
        context.Response.Headers[AgentApi.RevisionHeader] = "1";
    }

    private async Task Report(HttpContext context, JsonObject body)
    {
        if (
            !StatusReport.Read(body).TryGet(out var report, out var refusal)
            || !StatusReport.ReadCertificateAuthority(body).TryGet(out var authority, out refusal)
        )
        {
            await Refuse(context, 400, refusal.Code.ToString(), refusal.Message);
            return;
        }

        lock (_guard)
            _reports.Add(report with { CertificateAuthority = authority });
        await RespondEmpty(context);
    }

    private async Task Inventory(HttpContext context, JsonObject body)
    {
        lock (_guard)
            _inventories.Add(NodeInventory.Read(JsonElement.Parse(Json.ToUtf8(body))));
        await (OnInventory is { } answer ? answer(context) : RespondEmpty(context));
    }

    private async Task Register(HttpContext context, JsonObject body)
    {
        if (!LeaseRegistration.Read(body).TryGet(out var part, out var refusal))
        {
            await Refuse(context, 400, refusal.Code.ToString(), refusal.Message);
            return;
        }

        if (OnRegistration is not null && await OnRegistration(part, context))
            return;
        lock (_guard)
            _registrations.Add(part);
        if (part.IsLast)
            Epoch = null;
        await Respond(context, 200, new LeaseRegistrationResponse(part.Leases.Length, []).ToBytes());
    }

    private async Task AcceptInquiry(HttpContext context, JsonObject body)
    {
        if (!InquiryReport.Read(body).TryGet(out var report, out var refusal))
        {
            await Refuse(context, 400, refusal.Code.ToString(), refusal.Message);
            return;
        }

        Inquiry = null;
        lock (_guard)
            _inquiryReports.Add(report);
        await RespondEmpty(context);
    }

    private async Task Acquire(HttpContext context, LeaseHolder holder)
    {
        var address = _leases.GetOrAdd(
            RecordCall("acquire", holder),
            _ => $"10.20.{Interlocked.Increment(ref _lastAddress) >> 8}.{_lastAddress & 255}/16"
        );
        await Respond(context, 200, new PodLease([new LeasedAddress(address, "10.20.255.254")], []).ToBytes());
    }

    private async Task Release(HttpContext context, LeaseHolder holder)
    {
        _leases.TryRemove(RecordCall("release", holder), out _);
        await RespondEmpty(context);
    }

    private string RecordCall(string verb, LeaseHolder holder)
    {
        var name = $"{holder.ContainerId}/{holder.Interface}";
        lock (_guard)
            _calls.Add((verb, name));
        return name;
    }

    private static async Task RespondEmpty(HttpContext context)
    {
        context.Response.StatusCode = 204;
        await context.Response.CompleteAsync();
    }

    private static Task Respond(HttpContext context, int status, JsonObject body) =>
        Respond(context, status, Json.ToUtf8(body));

    private static async Task Respond(HttpContext context, int status, byte[] body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(body);
    }

    private IReadOnlyList<T> Copy<T>(List<T> list)
    {
        lock (_guard)
            return [.. list];
    }

    private void NotifyChange() => Interlocked.Exchange(ref _changed, NewSignal()).SetResult();

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
