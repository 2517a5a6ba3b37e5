using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Weft.Tests.Agent;

/// <summary>
/// What the real weftd can't be made to do (<see cref="AgentHarness.Join"/>), over real HTTP: it goes away and comes
/// back on the same port, answers late or by a fault, and asks for what no weftd would render. It counts what it is
/// asked.
/// </summary>
internal sealed class ScriptedControlPlane : IAsyncDisposable
{
    public const string Token = "weft_enr_a-good-one";
    public const string Group = "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/g";
    public const string Cluster = $"{Group}/providers/Microsoft.NetworkCloud/kubernetesClusters/c1";

    private static int _lastPort = Environment.ProcessId * 97 % 12_000;

    private readonly X509Certificate2? _certificate;
    private readonly ConcurrentDictionary<string, string> _leases = new();
    private readonly Lock _guard = new();
    private readonly List<(string Verb, string Holder)> _calls = [];
    private readonly List<JsonObject> _reports = [];
    private readonly List<JsonObject> _enrolments = [];
    private readonly List<JsonObject> _inventories = [];
    private TaskCompletionSource _changed = NewSignal();
    private JsonObject? _desired;
    private WebApplication? _app;
    private int _lastAddress;

    private readonly IPAddress _at;

    private ScriptedControlPlane(X509Certificate2? certificate, IPAddress at) =>
        (_certificate, _at) = (certificate, at);

    public int Port { get; } = FreePort();

    public string Url => $"{(_certificate is null ? "http" : "https")}://{_at}:{Port}";

    /// <summary>
    /// What each call of leases/acquire and leases/release meets first; it may wait, or answer instead.
    /// </summary>
    public Func<string, JsonObject, HttpContext, Task<bool>>? Before { get; set; }

    /// <summary>The credential given last; any other is refused with 401.</summary>
    public string? Credential { get; private set; }

    public IReadOnlyList<(string Verb, string Holder)> Calls => Copy(_calls);

    public IReadOnlyList<JsonObject> Reports => Copy(_reports);

    public IReadOnlyList<JsonObject> Enrolments => Copy(_enrolments);

    /// <summary>What the agent has said it found on its node.</summary>
    public IReadOnlyList<JsonObject> Inventories => Copy(_inventories);

    /// <summary>What an inventory meets instead of being taken.</summary>
    public Func<HttpContext, Task>? OnInventory { get; set; }

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
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
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
        Until(
            () => Reports.Any(r => (string?)r["digest"] == digest && (string?)r["state"] == state),
            $"{digest} reported {state}"
        );

    public async ValueTask DisposeAsync() => await GoAway();

    private async Task Serve(HttpContext context)
    {
        var body =
            context.Request.ContentLength > 0 ? (await JsonNode.ParseAsync(context.Request.Body))!.AsObject() : [];
        var bearer = context.Request.Headers.Authorization.ToString().Replace("Bearer ", "", StringComparison.Ordinal);
        var path = context.Request.Path.Value!["/agents/v1/".Length..];
        if (bearer != (path == "enroll" ? Token : Credential))
            await Refuse(context, 401, "AuthenticationFailed", "the bearer is not known");
        else if (
            Before is null
            || !path.StartsWith("leases/", StringComparison.Ordinal)
            || !await Before(path["leases/".Length..], body, context)
        )
            await (
                path switch
                {
                    "enroll" => Enrol(context, body),
                    "desired" => Desired(context),
                    "status" => Report(context, body),
                    "inventory" => Inventory(context, body),
                    "leases/acquire" => Acquire(context, body),
                    "leases/release" => Release(context, body),
                    _ => Refuse(context, 404, "InvalidResourceType", path),
                }
            );
        NotifyChange();
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
        lock (_guard)
            _enrolments.Add(body);
        Credential = $"weft_agt_{Guid.NewGuid():N}";
        await Respond(
            context,
            201,
            new JsonObject
            {
                ["agentId"] = $"{Cluster}/providers/Weft.Fleet/agents/{body["name"]}",
                ["cluster"] = Cluster,
                ["credential"] = Credential,
            }
        );
    }

    private async Task Desired(HttpContext context)
    {
        lock (_guard)
            Polls++;
        NotifyChange();
        var wait = int.Parse(context.Request.Query["wait"]!, CultureInfo.InvariantCulture);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        over.CancelAfter(TimeSpan.FromSeconds(wait));
        while (!over.IsCancellationRequested)
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
        context.Response.Headers["Weft-Revision"] = "1";
    }

    private async Task Report(HttpContext context, JsonObject body)
    {
        lock (_guard)
            _reports.Add(body);
        context.Response.StatusCode = 204;
        await context.Response.CompleteAsync();
    }

    private async Task Inventory(HttpContext context, JsonObject body)
    {
        lock (_guard)
            _inventories.Add(body);
        if (OnInventory is { } answer)
        {
            await answer(context);
            return;
        }

        context.Response.StatusCode = 204;
        await context.Response.CompleteAsync();
    }

    private async Task Acquire(HttpContext context, JsonObject body)
    {
        var holder = RecordCall("acquire", body);
        var address = _leases.GetOrAdd(
            holder,
            _ => $"10.20.{Interlocked.Increment(ref _lastAddress) >> 8}.{_lastAddress & 255}/16"
        );
        await Respond(
            context,
            200,
            new JsonObject
            {
                ["addresses"] = new JsonArray(new JsonObject { ["address"] = address, ["gateway"] = "10.20.255.254" }),
                ["routes"] = new JsonArray(),
            }
        );
    }

    private async Task Release(HttpContext context, JsonObject body)
    {
        var holder = RecordCall("release", body);
        _leases.TryRemove(holder, out _);
        context.Response.StatusCode = 204;
        await context.Response.CompleteAsync();
    }

    private string RecordCall(string verb, JsonObject body)
    {
        var holder = $"{body["containerId"]}/{body["interface"]}";
        lock (_guard)
            _calls.Add((verb, holder));
        return holder;
    }

    private static async Task Respond(HttpContext context, int status, JsonObject body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(body.ToJsonString());
    }

    private IReadOnlyList<T> Copy<T>(List<T> list)
    {
        lock (_guard)
            return [.. list];
    }

    private void NotifyChange() => Interlocked.Exchange(ref _changed, NewSignal()).SetResult();

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>
    /// A port that stays ours while nobody listens on it: below the range that the kernel deals out, and never given
    /// twice here.
    /// </summary>
    private static int FreePort()
    {
        while (true)
        {
            var port = 20_000 + (Interlocked.Increment(ref _lastPort) % 12_000);
            try
            {
                using var probe = new TcpListener(IPAddress.Loopback, port);
                probe.Start();
                return port;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // Somebody else's; the next one.
                continue;
            }
        }
    }
}
