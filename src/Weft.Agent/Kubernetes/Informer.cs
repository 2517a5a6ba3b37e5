using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Agent.Reconcilers;

namespace Weft.Agent.Kubernetes;

/// <summary>
/// What the API server has of one scope: listed once, then followed by watching. What is here may be some milliseconds
/// old and is never wrong for longer than a broken connection lasts, which <see cref="WatchError"/> says.
/// </summary>
/// <param name="changed">Rung when something has changed by another's hand.</param>
internal sealed class Informer(
    KubeApi api,
    WatchScope scope,
    AsyncAutoResetEvent changed,
    KubeTimings timings,
    TimeProvider clock,
    ILogger log
)
{
    private const int PageSize = 500;

    private readonly ConcurrentDictionary<ObjectKey, ObservedObject> _objects = new();
    private readonly TaskCompletionSource _initialList = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile KubeException? _lastError;
    private long _lastSuccess;
    private bool _isListed;

    /// <summary>What is followed.</summary>
    public WatchScope Scope => scope;

    /// <summary>The objects that are there.</summary>
    public IReadOnlyDictionary<ObjectKey, ObservedObject> Objects => _objects;

    /// <summary>Whether all of them are here. Until then a missing object says nothing.</summary>
    public bool HasSynced => Volatile.Read(ref _isListed);

    /// <summary>Whether the API server doesn't know the kind.</summary>
    public bool IsKindMissing => !HasSynced && _lastError is { Status: 404 };

    /// <summary>Done once the first list came or was refused.</summary>
    public Task InitialList => _initialList.Task;

    /// <summary>
    /// Why the scope can't be followed: at once what a person must fix, the rest after a while. Null where it can.
    /// </summary>
    public KubeException? WatchError =>
        _lastError is { } failed
        && (!failed.IsTransient || clock.GetElapsedTime(Interlocked.Read(ref _lastSuccess)) > timings.Grace)
            ? failed
            : null;

    /// <summary>Takes in what the agent itself has written, before the watch tells.</summary>
    public void Upsert(ObservedObject written) =>
        _objects.AddOrUpdate(KeyOf(written), written, (_, known) => written.IsOlderThan(known) ? known : written);

    /// <summary>Takes an object out that the agent itself has deleted; one that is only dying stays.</summary>
    /// <param name="deleted">The object as it was looked at.</param>
    public void Remove(ObservedObject deleted) =>
        _objects.TryRemove(new KeyValuePair<ObjectKey, ObservedObject>(KeyOf(deleted), deleted));

    /// <summary>Follows until cancelled.</summary>
    public async Task Run(CancellationToken cancel)
    {
        Interlocked.Exchange(ref _lastSuccess, clock.GetTimestamp());
        var backoff = new Backoff(timings.InitialBackoff, timings.MaxBackoff);
        string? version = null;
        while (true)
        {
            try
            {
                version ??= await List(backoff, cancel);
                version = await Watch(version, backoff, cancel);
            }
            catch (KubeException e) when (e.IsExpired)
            {
                log.WatchExpired(scope);
                version = null;
                await Task.Delay(backoff.NextDelay(), clock, cancel);
            }
            catch (KubeException e)
            {
                version = HandleFailure(e, version);
                await Task.Delay(backoff.NextDelay(e.RetryAfter), clock, cancel);
            }
        }
    }

    private async Task<string> List(Backoff backoff, CancellationToken cancel)
    {
        var found = new Dictionary<ObjectKey, ObservedObject>();
        string? next = null;
        string version;
        do
        {
            (version, next) = await ListPage(next, found, cancel);
        } while (!string.IsNullOrEmpty(next));

        foreach (var gone in _objects.Keys.Where(key => !found.ContainsKey(key)))
            _objects.TryRemove(gone, out _);
        foreach (var observed in found.Values)
            Upsert(observed);
        Volatile.Write(ref _isListed, true);
        RecordSuccess(backoff);
        _initialList.TrySetResult();
        changed.Set();
        return version;
    }

    /// <summary>Reads one page of the list.</summary>
    /// <param name="token">Where it goes on, as the page before said; null for the first.</param>
    private async Task<(string Version, string? Next)> ListPage(
        string? token,
        Dictionary<ObjectKey, ObservedObject> found,
        CancellationToken cancel
    )
    {
        var goOn = token is null ? "" : $"&continue={Uri.EscapeDataString(token)}";
        var page = await api.List($"{scope.Path}limit={PageSize}{goOn}", cancel);
        foreach (var item in (page["items"] as JsonArray ?? []).OfType<JsonObject>())
        {
            // In a list the API server leaves out what the list has said already.
            (item["apiVersion"], item["kind"]) = (scope.Kind.ApiVersion, scope.Kind.Name);
            var observed = new ObservedObject(item);
            found[KeyOf(observed)] = observed;
        }

        var metadata = page["metadata"];
        var version =
            (string?)metadata?["resourceVersion"] ?? throw new KubeException($"the list of {scope} has no version");
        return (version, (string?)metadata?["continue"]);
    }

    private async Task<string> Watch(string version, Backoff backoff, CancellationToken cancel)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        try
        {
            using var answer = await api.Watch(WatchPath(version), cancel);
            RecordSuccess(backoff);
            // The API server ends a watch in time; a connection whose other end has vanished never does.
            over.CancelAfter(timings.WatchTimeout + timings.WatchSilenceLimit);
            using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(over.Token));
            var began = clock.GetTimestamp();
            var events = 0;
            while (await reader.ReadLineAsync(over.Token) is { } line)
            {
                version = HandleEvent(line) ?? version;
                events++;
            }

            // A watch that ends as soon as it begins must not become a flood of requests.
            if (events == 0 && clock.GetElapsedTime(began) < timings.MaxBackoff)
                await Task.Delay(backoff.NextDelay(), clock, cancel);
            return version;
        }
        catch (Exception e) when (IsBroken(e, cancel))
        {
            RecordFailure(new KubeException($"the watch of {scope} broke: {e.Message}", e));
            await Task.Delay(backoff.NextDelay(), clock, cancel);
            return version;
        }
    }

    private string WatchPath(string version)
    {
        var seconds = ((int)timings.WatchTimeout.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        var from = Uri.EscapeDataString(version);
        return $"{scope.Path}watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}&resourceVersion={from}";
    }

    private static bool IsBroken(Exception e, CancellationToken cancel) =>
        e is IOException or HttpRequestException or JsonException
        || (e is OperationCanceledException && !cancel.IsCancellationRequested);

    /// <summary>Takes one event in.</summary>
    /// <returns>The version to go on from, or null.</returns>
    private string? HandleEvent(string line)
    {
        if (JsonNode.Parse(line) is not JsonObject told || told["object"] is not JsonObject body)
            throw new JsonException("an event of a watch has no object");
        var kind = (string?)told["type"];
        if (kind == "ERROR")
        {
            throw new KubeException((string?)body["message"] ?? "the watch failed")
            {
                Status = body["code"] is JsonValue code && code.TryGetValue<int>(out var number) ? number : 500,
                Reason = (string?)body["reason"],
            };
        }

        var observed = new ObservedObject(body);
        if (kind is not "BOOKMARK")
            ApplyEvent(kind, observed);
        return observed.Version.Length > 0 ? observed.Version : null;
    }

    private void ApplyEvent(string? kind, ObservedObject observed)
    {
        var key = KeyOf(observed);
        var known = _objects.GetValueOrDefault(key);
        if (kind == "DELETED")
        {
            // A younger one of that name may have been made, and taken in, before its predecessor's end was told.
            if (known is not null && known.Uid == observed.Uid && _objects.TryRemove(key, out _))
                changed.Set();
        }
        else if (known is null || known.Version != observed.Version)
        {
            Upsert(observed);
            changed.Set();
        }
    }

    private void RecordSuccess(Backoff backoff)
    {
        if (_lastError is not null)
            log.Watching(scope);
        _lastError = null;
        Interlocked.Exchange(ref _lastSuccess, clock.GetTimestamp());
        backoff.Reset();
    }

    private string? HandleFailure(KubeException e, string? version)
    {
        RecordFailure(e);
        if (e.Status == 404)
        {
            // The kind is gone, and all its objects with it.
            _objects.Clear();
            Volatile.Write(ref _isListed, false);
            version = null;
        }

        if (!e.IsTransient || e.Status == 404)
        {
            _initialList.TrySetResult();
            changed.Set();
        }

        return version;
    }

    private void RecordFailure(KubeException e)
    {
        if (_lastError?.Message != e.Message)
            log.NotWatching(scope, e.Status, e.Message);
        if (_lastError is null)
            Interlocked.Exchange(ref _lastSuccess, clock.GetTimestamp());
        _lastError = e;
    }

    private ObjectKey KeyOf(ObservedObject observed) => new(scope.Kind, observed.Namespace, observed.Name);
}
