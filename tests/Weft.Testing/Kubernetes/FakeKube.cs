using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Weft.Testing.Kubernetes;

/// <summary>
/// An API server over real HTTPS that behaves as Kubernetes does for what an agent asks of it: versions, watches with
/// bookmarks, 410 after compaction, preconditions, server-side apply with ownership, CRDs, RBAC. It can throttle, drop
/// connections, and restart on its port with its data.
/// </summary>
internal sealed class FakeKube : IAsyncDisposable
{
    public const string AdminToken = "admin-token";
    public const string AgentToken = "agent-token";

    private readonly ConcurrentDictionary<string, (string User, FakeRbac? Rules)> _users = new();
    private readonly ConcurrentQueue<(string User, KubeRequest Request)> _requests = [];
    private readonly KubeVerbs _verbs;
    private readonly X509Certificate2 _certificate;
    private readonly HeldPort _port = new();
    private CancellationTokenSource _dropped = new();
    private int _throttled;
    private int _throttleSeconds;
    private WebApplication? _app;

    private FakeKube()
    {
        (_verbs, _certificate) = (new(this), NewCertificate());
        _users[AdminToken] = ("admin", null);
        _users[AgentToken] = ("agent", null);
    }

    public FakeKubeStore Store { get; } = new();

    /// <summary>Who signs the tokens of service accounts.</summary>
    public ServiceAccountSigner Signer { get; } = new();

    /// <summary>Cancelled when all connections break.</summary>
    public CancellationToken Dropped => Volatile.Read(ref _dropped).Token;

    public int Port => _port.Number;

    public string Url => $"https://127.0.0.1:{Port}";

    /// <summary>Meets each request first; true where it has answered.</summary>
    public Func<HttpContext, KubeRequest, Task<bool>>? Before { get; set; }

    /// <summary>How often a watch without events tells its version. The real one does so about once a minute.</summary>
    public TimeSpan Bookmarks { get; set; } = TimeSpan.FromMilliseconds(200);

    public int Page { get; set; } = int.MaxValue;

    public IReadOnlyList<(string User, KubeRequest Request)> Requests => [.. _requests];

    public int Writes(string user = "agent") =>
        _requests.Count(a =>
            a.User == user && a.Request.Resource != "leases" && a.Request.Verb is not ("get" or "list" or "watch")
        );

    public static async Task<FakeKube> Start(bool withDefinitions = true)
    {
        var fake = new FakeKube();
        await fake.ComeBack();
        if (withDefinitions)
            fake.ServeDefinitions();
        fake.Store.Create(
            fake.Store.Find("", "v1", "namespaces"),
            new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Namespace",
                ["metadata"] = new JsonObject { ["name"] = "weft-system" },
            },
            null,
            "kubectl-client-side-apply"
        );
        return fake;
    }

    public void ServeDefinitions() =>
        Store.Create(
            Store.Find("apiextensions.k8s.io", "v1", "customresourcedefinitions"),
            new JsonObject
            {
                ["apiVersion"] = "apiextensions.k8s.io/v1",
                ["kind"] = "CustomResourceDefinition",
                ["metadata"] = new JsonObject { ["name"] = "network-attachment-definitions.k8s.cni.cncf.io" },
                ["spec"] = new JsonObject
                {
                    ["group"] = "k8s.cni.cncf.io",
                    ["scope"] = "Namespaced",
                    ["versions"] = new JsonArray(
                        new JsonObject
                        {
                            ["name"] = "v1",
                            ["served"] = true,
                            ["storage"] = true,
                        }
                    ),
                    ["names"] = new JsonObject
                    {
                        ["plural"] = "network-attachment-definitions",
                        ["kind"] = "NetworkAttachmentDefinition",
                    },
                },
            },
            null,
            "kubectl"
        );

    /// <summary>Holds the agent's requests to what its shipped roles allow.</summary>
    public void Limit(FakeRbac rules) => _users[AgentToken] = ("agent", rules);

    /// <summary>The next requests are refused with 429.</summary>
    public void Throttle(int requests, int seconds) => (_throttleSeconds, _throttled) = (seconds, requests);

    /// <summary>Breaks every connection at once; the next ones are served.</summary>
    public void Drop() => Interlocked.Exchange(ref _dropped, new()).Cancel();

    public async Task ComeBack()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, Port, at => at.UseHttps(_certificate))
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
        Drop();
        await app.DisposeAsync();
    }

    /// <summary>A kubeconfig for a token.</summary>
    public string Config(string folder, string token = AgentToken)
    {
        var path = Path.Join(folder, $"kubeconfig-{token}");
        File.WriteAllText(
            path,
            $$"""
            apiVersion: v1
            kind: Config
            clusters:
            - name: fake
              cluster:
                server: {{Url}}
                certificate-authority-data: {{Convert.ToBase64String(
                Encoding.ASCII.GetBytes(_certificate.ExportCertificatePem())
            )}}
            users:
            - name: user
              user:
                token: {{token}}
            contexts:
            - name: fake
              context: {cluster: fake, user: user}
            current-context: fake
            """
        );
        return path;
    }

    public async ValueTask DisposeAsync()
    {
        await GoAway();
        _certificate.Dispose();
        Signer.Dispose();
        _port.Dispose();
        _dropped.Dispose();
    }

    private async Task Serve(HttpContext http)
    {
        try
        {
            if (
                !_users.TryGetValue(
                    http.Request.Headers.Authorization.ToString().Replace("Bearer ", "", StringComparison.Ordinal),
                    out var caller
                )
            )
                throw new KubeError(401, "Unauthorized", "Unauthorized");
            // Every service account may read who signs their tokens (system:service-account-issuer-discovery).
            if (DiscoveryOf(http.Request.Path.Value) is { } published)
            {
                await KubeVerbs.Respond(http, 200, published);
                return;
            }

            var request = KubeQuery.Read(http);
            _requests.Enqueue((caller.User, request));
            if (Interlocked.Decrement(ref _throttled) >= 0 && caller.User == "agent")
                throw new KubeError(429, "TooManyRequests", "too many requests, please try again later")
                {
                    RetryAfter = _throttleSeconds,
                };
            Authorize(caller, request);
            if (Before is null || !await Before(http, request))
                await _verbs.Serve(http, request, verb => Authorize(caller, request with { Verb = verb }));
        }
        catch (KubeError refusal)
        {
            if (refusal.RetryAfter is { } seconds)
                http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
            if (http.Response.HasStarted)
                return;
            if (refusal.IsPlain)
            {
                http.Response.StatusCode = refusal.Code;
                http.Response.ContentType = "text/plain; charset=utf-8";
                await http.Response.WriteAsync(refusal.Message);
                return;
            }

            await KubeVerbs.Respond(http, refusal.Code, refusal.Status);
        }
    }

    private JsonObject? DiscoveryOf(string? path) =>
        path switch
        {
            "/.well-known/openid-configuration" => Signer.Configuration,
            "/openid/v1/jwks" => Signer.Keys,
            _ => null,
        };

    private static void Authorize((string User, FakeRbac? Rules) caller, KubeRequest request)
    {
        if (caller.Rules is { } rules && !rules.Allow(request))
            throw new KubeError(
                403,
                "Forbidden",
                $"{request.Resource} is forbidden: User \"{caller.User}\" cannot {request.Verb} resource "
                    + $"\"{request.Resource}\" in API group \"{request.Group}\"{PlaceOf(request)}"
            );
    }

    private static string PlaceOf(KubeRequest request) =>
        request.Namespace is null ? " at the cluster scope" : $" in the namespace \"{request.Namespace}\"";

    private static X509Certificate2 NewCertificate()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=fake-kube", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null);
    }
}
