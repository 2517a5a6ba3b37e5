using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Relay.Client;
using Weft.Resources;

namespace Weft.Agent.Kubernetes;

/// <summary>
/// Requests to a cluster's API server, objects as plain JSON. The library knows how to reach it and proves who we are;
/// here is what it doesn't do: patience with 429 and 5xx, and the question before each write whether the agent may
/// still write.
/// </summary>
/// <remarks>
/// Every method throws <see cref="KubeException"/> for whatever is no good answer, else only cancellation.
/// </remarks>
internal sealed class KubeApi(k8s.Kubernetes client, KubeTimings timings, TimeProvider clock)
{
    /// <summary>The field manager.</summary>
    public const string FieldOwner = "weft-agent";

    private const string PlainJson = "application/json";

    // YAML is what the media type says, and JSON is YAML.
    private const string ApplyPatch = "application/apply-patch+yaml";

    private long _throttledUntil = long.MinValue;

    /// <summary>Asked before each write: false means that another replica may be writing by now.</summary>
    public Func<bool> MayWrite { get; set; } = () => true;

    /// <summary>Where the API server is.</summary>
    public Uri Server => client.BaseUri;

    /// <summary>Reads an object.</summary>
    /// <returns>The object, or null where there is none.</returns>
    public async Task<JsonObject?> Get(string path, CancellationToken cancel)
    {
        try
        {
            return await SendWithRetries(HttpMethod.Get, path, null, null, cancel);
        }
        catch (KubeException e) when (e.Status == 404)
        {
            return null;
        }
    }

    /// <summary>Reads one page of a list.</summary>
    public Task<JsonObject> List(string path, CancellationToken cancel) =>
        SendWithRetries(HttpMethod.Get, path, null, null, cancel);

    /// <summary>Server-side apply.</summary>
    /// <param name="force">Whether fields are taken from their other owners.</param>
    public Task<JsonObject> Apply(string path, byte[] body, bool force, CancellationToken cancel) =>
        Write(
            HttpMethod.Patch,
            $"{path}?fieldManager={FieldOwner}&force={(force ? "true" : "false")}",
            body,
            ApplyPatch,
            cancel
        );

    /// <summary>
    /// Server-side apply by another field manager of ours, for what must not be mixed with what the desired state
    /// holds.
    /// </summary>
    public Task<JsonObject> ApplyAs(string owner, string path, byte[] body, CancellationToken cancel) =>
        Write(HttpMethod.Patch, $"{path}?fieldManager={owner}&force=true", body, ApplyPatch, cancel);

    /// <summary>Makes an object that isn't there.</summary>
    public Task<JsonObject> Create(string collection, JsonObject body, CancellationToken cancel) =>
        Write(HttpMethod.Post, $"{collection}?fieldManager={FieldOwner}", Json.ToUtf8(body), PlainJson, cancel);

    /// <summary>Replaces an object; its <c>resourceVersion</c> must be the one read.</summary>
    public Task<JsonObject> Replace(string path, JsonObject body, CancellationToken cancel) =>
        Write(HttpMethod.Put, $"{path}?fieldManager={FieldOwner}", Json.ToUtf8(body), PlainJson, cancel);

    /// <summary>Changes an object by a JSON Patch.</summary>
    public Task<JsonObject> Patch(string path, JsonArray operations, CancellationToken cancel) =>
        Write(
            HttpMethod.Patch,
            $"{path}?fieldManager={FieldOwner}",
            Json.ToUtf8(operations),
            "application/json-patch+json",
            cancel
        );

    /// <summary>Deletes an object, if it is still the one that was looked at.</summary>
    /// <param name="observed">The object as it was looked at.</param>
    /// <param name="anyVersion">Whether it may have changed since, as long as it is the same one.</param>
    /// <returns>Done when it is deleted or being so.</returns>
    public Task Delete(string path, ObservedObject observed, CancellationToken cancel, bool anyVersion = false)
    {
        var preconditions = new JsonObject { ["uid"] = observed.Uid };
        if (!anyVersion)
            preconditions["resourceVersion"] = observed.Version;
        return Write(
            HttpMethod.Delete,
            path,
            Json.ToUtf8(
                new JsonObject
                {
                    ["kind"] = "DeleteOptions",
                    ["apiVersion"] = "v1",
                    ["propagationPolicy"] = "Background",
                    ["preconditions"] = preconditions,
                }
            ),
            PlainJson,
            cancel
        );
    }

    /// <summary>Opens a watch.</summary>
    /// <returns>The answer; its body is a line per event.</returns>
    public async Task<HttpResponseMessage> Watch(string path, CancellationToken cancel)
    {
        if (clock.GetTimestamp() is var now && now < Interlocked.Read(ref _throttledUntil))
            await Task.Delay(clock.GetElapsedTime(now, Interlocked.Read(ref _throttledUntil)), clock, cancel);
        return await Send(HttpMethod.Get, path, null, null, cancel);
    }

    private Task<JsonObject> Write(
        HttpMethod method,
        string path,
        byte[] body,
        string type,
        CancellationToken cancel
    ) => SendWithRetries(method, path, body, type, cancel);

    /// <summary>Asks until there is an answer that asking again won't change, or the patience is over.</summary>
    private async Task<JsonObject> SendWithRetries(
        HttpMethod method,
        string path,
        byte[]? body,
        string? type,
        CancellationToken cancel
    )
    {
        var began = clock.GetTimestamp();
        var backoff = new Backoff(timings.InitialBackoff, timings.MaxBackoff);
        while (true)
        {
            try
            {
                await WaitForThrottle(began, cancel);
                using var answer = await Send(method, path, body, type, cancel);
                return await Read(answer, cancel);
            }
            catch (KubeException e) when (e.IsTransient)
            {
                if (e.RetryAfter is { } asked)
                    Interlocked.Exchange(
                        ref _throttledUntil,
                        clock.GetTimestamp() + (long)(asked.TotalSeconds * clock.TimestampFrequency)
                    );
                var wait = backoff.NextDelay(e.RetryAfter);
                if (clock.GetElapsedTime(began) + wait > timings.RetryTimeout)
                    throw;
                await Task.Delay(wait, clock, cancel);
            }
        }
    }

    /// <summary>Waits as long as the API server has asked any request to wait.</summary>
    private async Task WaitForThrottle(long began, CancellationToken cancel)
    {
        var (now, until) = (clock.GetTimestamp(), Interlocked.Read(ref _throttledUntil));
        if (now >= until)
            return;
        if (clock.GetElapsedTime(began, until) > timings.RetryTimeout)
        {
            var rest = clock.GetElapsedTime(now, until).TotalSeconds;
            throw new KubeException(
                $"the API server at {Server.Authority} asked to be left alone for another {rest:0} s"
            )
            {
                Status = 429,
            };
        }

        await Task.Delay(clock.GetElapsedTime(now, until), clock, cancel);
    }

    private async Task<HttpResponseMessage> Send(
        HttpMethod method,
        string path,
        byte[]? body,
        string? type,
        CancellationToken cancel
    )
    {
        if (method != HttpMethod.Get && !MayWrite())
            throw new KubeException("this replica no longer leads: nothing was written")
            {
                Status = 409,
                Reason = "NotLeading",
            };
        var answer = await Exchange(method, path, body, type, cancel);
        if (answer.IsSuccessStatusCode)
            return answer;
        using (answer)
            throw await ReadError(method, path, answer, cancel);
    }

    /// <summary>Sends one request, and says what is wrong with the way there.</summary>
    private async Task<HttpResponseMessage> Exchange(
        HttpMethod method,
        string path,
        byte[]? body,
        string? type,
        CancellationToken cancel
    )
    {
        using var deadline = new CancellationTokenSource(timings.RequestTimeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, deadline.Token);
        try
        {
            using var message = CreateMessage(method, path, body, type);
            if (client.Credentials is { } credentials)
                await credentials.ProcessHttpRequestAsync(message, either.Token);
            return await client.HttpClient.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, either.Token);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            var why = deadline.IsCancellationRequested
                ? $"has not answered for {timings.RequestTimeout.TotalSeconds:0.#} s"
                : $"has not taken a connection for {KubeConnection.ConnectTimeout.TotalSeconds:0.#} s: is the way there blocked?";
            throw new KubeException($"the API server at {Server.Authority} {why}", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or k8s.Exceptions.KubernetesClientException)
        {
            throw new KubeException(
                $"the API server at {Server.Authority} can't be reached: {ProxyDiagnostics.DescribeFailure(e, Server)}",
                e
            );
        }
    }

    private HttpRequestMessage CreateMessage(HttpMethod method, string path, byte[]? body, string? type)
    {
        var message = new HttpRequestMessage(method, new Uri(client.BaseUri, path)) { Version = HttpVersion.Version20 };
        message.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(PlainJson));
        if (body is not null)
            message.Content = new ByteArrayContent(body) { Headers = { ContentType = new(type!) } };
        return message;
    }

    private async Task<KubeException> ReadError(
        HttpMethod method,
        string path,
        HttpResponseMessage answer,
        CancellationToken cancel
    )
    {
        JsonObject? status = null;
        try
        {
            status = JsonNode.Parse(await answer.Content.ReadAsByteArrayAsync(cancel)) as JsonObject;
        }
        catch (Exception e) when (e is JsonException or HttpRequestException or IOException)
        {
            // A proxy's page, or half an answer: the number says enough.
        }

        var code = (int)answer.StatusCode;
        var said = Text(status?["message"]) ?? $"{method} {path.Split('?')[0]} was answered by {code}";
        return new KubeException(said)
        {
            Status = code,
            Reason = Text(status?["reason"]),
            RetryAfter = RetryAfter(answer.Headers.RetryAfter, status),
        };
    }

    /// <summary>How long to wait: the header says it, or else the body.</summary>
    private TimeSpan? RetryAfter(RetryConditionHeaderValue? asked, JsonObject? status)
    {
        if (asked?.Delta is { } wait)
            return wait;
        if (asked?.Date is { } date)
            return date - clock.GetUtcNow();
        var seconds = status?["details"]?["retryAfterSeconds"];
        return seconds is JsonValue number && number.TryGetValue<int>(out var whole) && whole > 0
            ? TimeSpan.FromSeconds(whole)
            : null;
    }

    private static string? Text(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private async Task<JsonObject> Read(HttpResponseMessage answer, CancellationToken cancel)
    {
        try
        {
            return JsonNode.Parse(await answer.Content.ReadAsByteArrayAsync(cancel)) as JsonObject
                ?? throw new KubeException($"the API server at {Server.Authority} answered no object");
        }
        catch (Exception e) when (e is JsonException or HttpRequestException or IOException)
        {
            throw new KubeException($"the API server at {Server.Authority} broke off its answer: {e.Message}", e);
        }
    }
}
