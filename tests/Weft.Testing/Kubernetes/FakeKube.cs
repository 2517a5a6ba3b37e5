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
    private readonly X509Certificate2 _certificate;
    private readonly HeldPort _port = new();
    private CancellationTokenSource _dropped = new();
    private int _throttled;
    private int _throttleSeconds;
    private WebApplication? _app;

    private FakeKube()
    {
        _certificate = NewCertificate();
        _users[AdminToken] = ("admin", null);
        _users[AgentToken] = ("agent", null);
    }

    public FakeKubeStore Store { get; } = new();

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
            var request = Read(http);
            _requests.Enqueue((caller.User, request));
            if (Interlocked.Decrement(ref _throttled) >= 0 && caller.User == "agent")
                throw new KubeError(429, "TooManyRequests", "too many requests, please try again later")
                {
                    RetryAfter = _throttleSeconds,
                };
            Authorize(caller, request);
            if (Before is null || !await Before(http, request))
                await Serve(http, request, verb => Authorize(caller, request with { Verb = verb }));
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

            await Respond(http, refusal.Code, refusal.Status);
        }
    }

    private static void Authorize((string User, FakeRbac? Rules) caller, KubeRequest request)
    {
        if (caller.Rules is { } rules && !rules.Allow(request))
            throw new KubeError(
                403,
                "Forbidden",
                $"{request.Resource} is forbidden: User \"{caller.User}\" cannot {request.Verb} resource \"{request.Resource}\" in API group \"{request.Group}\"{(request.Namespace is null ? " at the cluster scope" : $" in the namespace \"{request.Namespace}\"")}"
            );
    }

    private Task Serve(HttpContext http, KubeRequest request, Action<string> authorize)
    {
        var resource = Store.Find(
            request.Group,
            http.Request.Path.Value!.Split('/')[request.Group.Length == 0 ? 2 : 3],
            request.Resource
        );
        var manager = http.Request.Query["fieldManager"].ToString() is { Length: > 0 } given
            ? given
            : http.Request.Headers.UserAgent.ToString().Split('/')[0];
        return request.Verb switch
        {
            "get" => Respond(http, 200, Store.Get(resource, request.Namespace, request.Name!)),
            "list" => List(http, request, resource),
            "watch" => Watch(http, request, resource),
            "create" => Write(
                http,
                async () => (Store.Create(resource, await Body(http), request.Namespace, manager), 201)
            ),
            "update" => Write(
                http,
                async () =>
                    (
                        await Body(http) is var body
                            ? Store.Update(resource, request.Namespace, request.Name!, _ => body, manager)
                            : body,
                        200
                    )
            ),
            "delete" => Write(
                http,
                async () =>
                {
                    var gone = Store.Delete(resource, request.Namespace, request.Name!, await Body(http));
                    return (
                        gone["metadata"]!["deletionTimestamp"] is not null
                            ? gone
                            : new JsonObject
                            {
                                ["kind"] = "Status",
                                ["apiVersion"] = "v1",
                                ["metadata"] = new JsonObject(),
                                ["status"] = "Success",
                            },
                        200
                    );
                }
            ),
            _ => Write(http, () => Patch(http, request, resource, manager, authorize)),
        };
    }

    private async Task<(JsonObject, int)> Patch(
        HttpContext http,
        KubeRequest request,
        KubeResource resource,
        string manager,
        Action<string> authorize
    )
    {
        var type = http.Request.ContentType ?? "";
        var body = JsonNode.Parse(await new StreamReader(http.Request.Body).ReadToEndAsync())!;
        if (type.StartsWith("application/apply-patch+yaml", StringComparison.Ordinal))
        {
            if (http.Request.Query["fieldManager"].Count == 0)
                throw new KubeError(
                    400,
                    "BadRequest",
                    "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
                );
            // Applying what isn't there is a creation as well, and the name counts for both.
            if (
                Store
                    .List(resource, request.Namespace, o => (string?)o["metadata"]!["name"] == request.Name)
                    .Items.Count == 0
            )
                authorize("create");
            var (made, isNew) = Store.Apply(
                resource,
                request.Namespace,
                request.Name!,
                body.AsObject(),
                manager,
                http.Request.Query["force"] == "true"
            );
            return (made, isNew ? 201 : 200);
        }

        Func<JsonObject, JsonObject> change =
            type.StartsWith("application/json-patch", StringComparison.Ordinal)
                ? live => JsonPatch(live, body.AsArray())
            : type.StartsWith("application/merge-patch", StringComparison.Ordinal)
                ? live => Merge(live, body.AsObject())
            : throw new KubeError(
                415,
                "UnsupportedMediaType",
                $"the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml; not {type}"
            );
        return (Store.Update(resource, request.Namespace, request.Name!, change, manager), 200);
    }

    private async Task List(HttpContext http, KubeRequest request, KubeResource resource)
    {
        var (items, version) = Store.List(resource, request.Namespace, Selector(http));
        var limit = Math.Min(
            Page,
            http.Request.Query["limit"].ToString() is { Length: > 0 } text
                ? int.Parse(text, CultureInfo.InvariantCulture)
                : int.MaxValue
        );
        var skip = 0;
        if (http.Request.Query["continue"].ToString() is { Length: > 0 } token)
        {
            var parts = token.Split('/');
            Store.CheckPage(long.Parse(parts[0], CultureInfo.InvariantCulture));
            (version, skip) = (
                long.Parse(parts[0], CultureInfo.InvariantCulture),
                int.Parse(parts[1], CultureInfo.InvariantCulture)
            );
        }

        var metadata = new JsonObject { ["resourceVersion"] = version.ToString(CultureInfo.InvariantCulture) };
        if (items.Count > skip + limit)
            metadata["continue"] = $"{version}/{skip + limit}";
        // As the real one does: items of its own kinds don't repeat what the list says, those of a CRD do.
        foreach (var item in items.Where(_ => resource.Group != "k8s.cni.cncf.io"))
        {
            item.Remove("apiVersion");
            item.Remove("kind");
        }

        await Respond(
            http,
            200,
            new JsonObject
            {
                ["kind"] = $"{resource.Kind}List",
                ["apiVersion"] = resource.ApiVersion,
                ["metadata"] = metadata,
                ["items"] = new JsonArray([.. items.Skip(skip).Take(limit)]),
            }
        );
    }

    private async Task Watch(HttpContext http, KubeRequest request, KubeResource resource)
    {
        var selects = Selector(http);
        var version = long.Parse(
            http.Request.Query["resourceVersion"].ToString() is { Length: > 0 } text ? text : "0",
            CultureInfo.InvariantCulture
        );
        using var over = CancellationTokenSource.CreateLinkedTokenSource(
            http.RequestAborted,
            Volatile.Read(ref _dropped).Token
        );
        var end = DateTime.UtcNow.AddSeconds(
            int.Parse(
                http.Request.Query["timeoutSeconds"].ToString() is { Length: > 0 } s ? s : "300",
                CultureInfo.InvariantCulture
            )
        );
        http.Response.ContentType = "application/json";
        await http.Response.StartAsync(over.Token);
        try
        {
            while (DateTime.UtcNow < end)
            {
                var changed = Store.Changed;
                var events = Store.Since(resource, version);
                foreach (
                    var each in events.Where(e =>
                        (request.Namespace is null || (string?)e.Object["metadata"]!["namespace"] == request.Namespace)
                        && selects(e.Object)
                    )
                )
                    await WriteEvent(http, each.Type, each.Object, over.Token);
                version = events.Count > 0 ? events[^1].Version : version;
                if (
                    await Task.WhenAny(changed, Task.Delay(Bookmarks, over.Token)) != changed
                    && !over.IsCancellationRequested
                    && http.Request.Query["allowWatchBookmarks"] == "true"
                )
                {
                    version = Math.Max(version, Store.Since(resource, version).Count == 0 ? Store.Version : version);
                    await WriteEvent(
                        http,
                        "BOOKMARK",
                        new JsonObject
                        {
                            ["kind"] = resource.Kind,
                            ["apiVersion"] = resource.ApiVersion,
                            ["metadata"] = new JsonObject
                            {
                                ["resourceVersion"] = version.ToString(CultureInfo.InvariantCulture),
                            },
                        },
                        over.Token
                    );
                }

                over.Token.ThrowIfCancellationRequested();
            }
        }
        catch (KubeError refusal)
        {
            await WriteEvent(http, "ERROR", refusal.Status, over.Token);
        }
        catch (OperationCanceledException)
        {
            http.Abort();
        }
    }

    private static async Task WriteEvent(HttpContext http, string type, JsonObject body, CancellationToken cancel)
    {
        await http.Response.Body.WriteAsync(
            Encoding.UTF8.GetBytes(
                new JsonObject { ["type"] = type, ["object"] = body.DeepClone() }.ToJsonString() + "\n"
            ),
            cancel
        );
        await http.Response.Body.FlushAsync(cancel);
    }

    private static async Task Write(HttpContext http, Func<Task<(JsonObject Object, int Code)>> write)
    {
        var (written, code) = await write();
        await Respond(http, code, written);
    }

    private static Func<JsonObject, bool> Selector(HttpContext http)
    {
        var labels = http
            .Request.Query["labelSelector"]
            .ToString()
            .Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Select(p => p.Split('=', 2))
            .ToList();
        var fields = http
            .Request.Query["fieldSelector"]
            .ToString()
            .Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Select(p => p.Split('=', 2))
            .ToList();
        return o =>
            labels.All(l => (string?)o["metadata"]!["labels"]?[l[0]] == l[1])
            && fields.All(f => (string?)f[0].Split('.').Aggregate((JsonNode?)o, (at, name) => at?[name]) == f[1]);
    }

    private static KubeRequest Read(HttpContext http)
    {
        var parts = http.Request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var (group, rest) = parts[0] == "api" ? ("", parts[2..]) : (parts[1], parts[3..]);
        string? space = null;
        if (rest.Length > 2 && rest[0] == "namespaces")
            (space, rest) = (rest[1], rest[2..]);
        var name = rest.Length > 1 ? rest[1] : null;
        var isWatch = http.Request.Query["watch"] == "true";
        var verb = http.Request.Method switch
        {
            "GET" => name is not null ? "get"
            : isWatch ? "watch"
            : "list",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            _ => "delete",
        };
        // A list of one name is a request for that name: that is how a role can be limited to it.
        if (
            name is null
            && http
                .Request.Query["fieldSelector"]
                .ToString()
                .Split(',')
                .FirstOrDefault(f => f.StartsWith("metadata.name=", StringComparison.Ordinal))
                is { } only
        )
            name = only["metadata.name=".Length..];
        return new KubeRequest(verb, group, rest[0], space, name);
    }

    private static async Task<JsonObject> Body(HttpContext http)
    {
        var text = await new StreamReader(http.Request.Body).ReadToEndAsync();
        return text.Length == 0 ? [] : JsonNode.Parse(text)!.AsObject();
    }

    private static JsonObject Merge(JsonObject live, JsonObject patch)
    {
        foreach (var (name, value) in patch)
        {
            if (value is null)
                live.Remove(name);
            else
                live[name] = value is JsonObject members
                    ? Merge(live[name] as JsonObject is { } there ? there.DeepClone().AsObject() : [], members)
                    : value.DeepClone();
        }

        return live;
    }

    private static JsonObject JsonPatch(JsonObject live, JsonArray operations)
    {
        foreach (var operation in operations)
        {
            var names = ((string)operation!["path"]!)
                .Split('/')[1..]
                .Select(n =>
                    n.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)
                )
                .ToArray();
            JsonNode at = live;
            foreach (var name in names[..^1])
                at =
                    (at is JsonArray list ? list[int.Parse(name, CultureInfo.InvariantCulture)] : at[name])
                    ?? throw new KubeError(
                        422,
                        "Invalid",
                        $"the server rejected our request due to an error in our request: no {operation["path"]}"
                    );
            var holder = at.AsObject();
            switch ((string)operation["op"]!)
            {
                case "test" when !JsonNode.DeepEquals(holder[names[^1]], operation["value"]):
                    throw new KubeError(
                        422,
                        "Invalid",
                        "the server rejected our request due to an error in our request: testing value failed"
                    );
                case "test":
                    break;
                case "remove":
                    holder.Remove(names[^1]);
                    break;
                default:
                    holder[names[^1]] = operation["value"]?.DeepClone();
                    break;
            }
        }

        return live;
    }

    private static async Task Respond(HttpContext http, int status, JsonObject body)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync(body.ToJsonString());
    }

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
