using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Weft.Contracts;
using Weft.Resources;
using Weft.Server;
using Weft.Server.Audit;
using Weft.Server.Identity;
using Weft.Server.Relays;
using Weft.Storage;

namespace Weft.Testing;

/// <summary>An answer, read whole.</summary>
internal sealed record ServerResponse(int Status, HttpResponseHeaders Headers, string Text)
{
    public JsonNode Json => JsonNode.Parse(Text)!;

    public string? Code => Text.Length == 0 ? null : Json["error"]?["code"]?.ToString();

    public string? State => Json["properties"]?["provisioningState"]?.ToString();

    public string? Header(string name) => Headers.TryGetValues(name, out var values) ? values.Single() : null;

    public ServerResponse Expect(int status)
    {
        Assert.True(Status == status, $"expected {status}, but it is {Status}: {Text}");
        return this;
    }
}

/// <summary>
/// The real server in this process, behind a real port, over a store in memory and a clock that only the test moves.
/// </summary>
internal sealed class InProcessServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly DirectoryInfo _directory;
    private readonly string _admin;

    private InProcessServer(
        WebApplication app,
        DirectoryInfo directory,
        IResourceStore store,
        FakeTimeProvider clock,
        string admin
    )
    {
        (_app, _directory, Store, Clock, _admin) = (app, directory, store, clock, admin);
        Client = new HttpClient { BaseAddress = new Uri(app.Urls.First()), Timeout = TimeSpan.FromSeconds(60) };
    }

    public HttpClient Client { get; }

    public IResourceStore Store { get; }

    public FakeTimeProvider Clock { get; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A server without any resource.</summary>
    public static async Task<InProcessServer> Empty(
        IResourceStore? store = null,
        DateTimeOffset? now = null,
        RelayServeOptions? relay = null,
        AuditServeOptions? audit = null,
        string? data = null,
        ServerLimits? numbers = null,
        Func<TimeProvider, IResourceStore>? open = null
    )
    {
        var directory = data is null
            ? Directory.CreateTempSubdirectory("weft-plane-")
            : Directory.CreateDirectory(data);
        var token = Path.Join(directory.FullName, "admin.token");
        var clock = new FakeTimeProvider(now ?? new DateTimeOffset(2026, 11, 22, 10, 0, 0, TimeSpan.Zero));
        store ??= open?.Invoke(clock) ?? new MemoryStore(values: TestLeases.Clock(clock));
        var options = new ServeOptions(directory.FullName, new IPEndPoint(IPAddress.Loopback, 0), null, null, null)
        {
            Relay = relay,
            Audit = audit ?? new AuditServeOptions(),
            Numbers = numbers ?? ServerLimits.Default,
            // A start and a stop of each server would bury what a test has to say.
            LogLevel = LogLevel.Warning,
        };
        var app = Weft.Server.Program.Build(options, store, CredentialStore.Open(token), Limits.Default, clock);
        await app.StartAsync(Cancel);
        return new InProcessServer(app, directory, store, clock, (await File.ReadAllTextAsync(token, Cancel)).Trim());
    }

    /// <summary>A server with the site of <see cref="Documents.Site"/>, all of it provisioned.</summary>
    public static async Task<InProcessServer> WithSite(
        RelayServeOptions? relay = null,
        DateTimeOffset? now = null,
        ServerLimits? numbers = null,
        Func<TimeProvider, IResourceStore>? open = null
    )
    {
        var server = await Empty(relay: relay, now: now, numbers: numbers, open: open);
        foreach (var document in Documents.Site)
            await server.Create(document);
        return server;
    }

    public Task<ServerResponse> Get(string path, params (string Name, string Value)[] headers) =>
        Request("GET", path, null, headers);

    public Task<ServerResponse> Put(Document document, params (string Name, string Value)[] headers) =>
        Request("PUT", document.Id, document.Body.ToJsonString(), headers);

    public Task<ServerResponse> Delete(string path, params (string Name, string Value)[] headers) =>
        Request("DELETE", path, null, headers);

    public Task<ServerResponse> Patch(string path, string body, params (string Name, string Value)[] headers) =>
        Request("PATCH", path, body, headers);

    public Task<ServerResponse> Post(string path, string body) => Request("POST", path, body, []);

    /// <summary>Asks as the administrator; the api-version is added where the path has none.</summary>
    public Task<ServerResponse> Request(string method, string path, string? body, (string Name, string Value)[] headers)
    {
        var versioned = path.Contains("api-version=", StringComparison.Ordinal)
            ? path
            : $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}api-version={Documents.VersionOf(path)}";
        return Send(method, versioned, body is null ? null : Encoding.UTF8.GetBytes(body), _admin, headers);
    }

    /// <summary>Asks for exactly this.</summary>
    public async Task<ServerResponse> Send(
        string method,
        string path,
        byte[]? body,
        string? token,
        params (string Name, string Value)[] headers
    )
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (body is not null)
            request.Content = new ByteArrayContent(body)
            {
                Headers = { ContentType = new MediaTypeHeaderValue("application/json") },
            };
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        foreach (var (name, value) in headers)
            Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        using var response = await Client.SendAsync(request, Cancel);
        return new ServerResponse(
            (int)response.StatusCode,
            response.Headers,
            await response.Content.ReadAsStringAsync(Cancel)
        );
    }

    /// <summary>The administrator's token.</summary>
    public string Administrator => _admin;

    /// <summary>A service of the server's.</summary>
    public T Service<T>()
        where T : notnull => _app.Services.GetRequiredService<T>();

    /// <summary>Sends raw bytes as the administrator.</summary>
    public Task<ServerResponse> SendAsAdministrator(string method, string path, byte[]? body) =>
        Send(method, path, body, _admin);

    /// <summary>Makes a resource, or enables a domain, and waits until it is provisioned.</summary>
    public async Task<ServerResponse> Create(Document document)
    {
        var answer = document.Body.ContainsKey("state")
            ? (await Post($"{document.Id}/updateAdministrativeState", document.Body.ToJsonString())).Expect(202)
            : await Put(document);
        Assert.True(answer.Status is 200 or 201 or 202, answer.Text);
        await WaitForSuccess(answer);
        return await Get(document.Id);
    }

    /// <summary>Removes a resource and waits until it is gone.</summary>
    public async Task DeleteAndWait(string id) => await WaitForSuccess((await Delete(id)).Expect(202));

    /// <summary>Waits for the operation of an answer and returns what it came to.</summary>
    public async Task<JsonNode> WaitForEnd(ServerResponse answer)
    {
        var watched = new Uri(
            answer.Header("Azure-AsyncOperation") ?? throw new InvalidOperationException($"no operation: {answer.Text}")
        );
        return (await Get(watched.PathAndQuery, ("Prefer", "wait=20"))).Expect(200).Json;
    }

    public async Task WaitForSuccess(ServerResponse answer)
    {
        if (answer.Header("Azure-AsyncOperation") is null)
            return;
        var ended = await WaitForEnd(answer);
        Assert.True(ended["status"]!.ToString() == "Succeeded", ended.ToJsonString());
    }

    /// <summary>A new agent of a cluster; returns its credential.</summary>
    public async Task<string> Enrol(string cluster, string name, string? node = null, bool replace = false)
    {
        var token = await EnrolmentToken(cluster, name, node, replace);
        (await TryEnrol(token, name, node, out var credential)).Expect(201);
        return credential;
    }

    /// <summary>A token that enrols one agent, once.</summary>
    /// <param name="replace">Whether it may take the place of one that has the name.</param>
    public async Task<string> EnrolmentToken(string cluster, string name, string? node = null, bool replace = false)
    {
        var wanted = new EnrolmentTokenRequest(name, node, replace, EnrolmentTokenRequest.DefaultMinutes);
        var answer = await Post($"{cluster}/{EnrolmentTokenRequest.ActionName}", wanted.ToJson().ToJsonString());
        return EnrolmentTokenResponse.Read(answer.Expect(200).Json.AsObject())!.Token;
    }

    /// <summary>Enrols as an agent would.</summary>
    /// <param name="credential">The secret that the agent has made for itself.</param>
    public Task<ServerResponse> TryEnrol(string token, string name, string? node, out string credential)
    {
        credential = CredentialStore.NewToken(BearerToken.AgentKind);
        var request = new EnrolmentRequest(name, BearerToken.HashOf(credential), node, null);
        return SendAsAgent(token, "POST", AgentApi.Enrol, JsonNode.Parse(request.ToBytes()));
    }

    public Task<ServerResponse> SendAsAgent(string token, string method, string path, JsonNode? body = null) =>
        Send(method, $"/agents/v1/{path}", body is null ? null : Encoding.UTF8.GetBytes(body.ToJsonString()), token);

    /// <summary>The revision of the newest state: equal before and after means that nothing was written.</summary>
    public long Revision => Store.Current.Revision;

    /// <summary>Where the relay is.</summary>
    public Uri Relay => _app.Services.GetRequiredService<RelayRuntime>().Address!;

    /// <summary>The directory that holds all state.</summary>
    public string Data => _directory.FullName;

    /// <summary>The lines of the audit log so far, over all files, the oldest first.</summary>
    public IReadOnlyList<AuditRecord> Audited() =>
        [
            .. AuditFiles
                .List(Path.Join(Data, "audit.log"), keep: 99)
                .SelectMany(File.ReadLines)
                .Select(line => AuditRecord.Read(Encoding.UTF8.GetBytes(line)))
                .OfType<AuditRecord>(),
        ];

    /// <summary>Waits until a condition holds that some other task brings about.</summary>
    public async Task WaitUntil(Func<bool> condition, string what)
    {
        var clock = Stopwatch.StartNew();
        var state = Store.Current;
        while (!condition())
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"waited for nothing: {what}");
            using var soon = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
            soon.CancelAfter(TimeSpan.FromMilliseconds(20));
            try
            {
                state = await Store.Watch(state.Revision, [""], soon.Token);
            }
            catch (OperationCanceledException) when (!Cancel.IsCancellationRequested)
            {
                // Not every condition is about the store: look again.
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
        await Store.DisposeAsync();
        _directory.Delete(true);
    }
}
