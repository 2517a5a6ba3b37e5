using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Agent.Targets;

namespace Weft.Agent.Kubernetes;

/// <summary>
/// What the API server has of one scope: listed once, then followed by watching. What is here may be some milliseconds old and is never wrong for
/// longer than a broken connection lasts, which <see cref="Trouble"/> says.
/// </summary>
/// <param name="changed">Rung when something has changed by another's hand.</param>
internal sealed class LiveObjects(KubeApi api, Scope scope, Signal changed, KubePace pace, TimeProvider clock, Log log)
{
    private const int Page = 500;

    private readonly ConcurrentDictionary<ObjectKey, LiveObject> _objects = new();
    private readonly TaskCompletionSource _settled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile KubeException? _failed;
    private long _lastGood;
    private bool _isListed;

    /// <summary>What is followed.</summary>
    public Scope Scope => scope;

    /// <summary>The objects that are there.</summary>
    public IReadOnlyDictionary<ObjectKey, LiveObject> Objects => _objects;

    /// <summary>Whether all of them are here. Until then a missing object says nothing.</summary>
    public bool IsWhole => Volatile.Read(ref _isListed);

    /// <summary>Whether the API server doesn't know the kind.</summary>
    public bool IsUnserved => !IsWhole && _failed is { Status: 404 };

    /// <summary>Done once the first list came or was refused.</summary>
    public Task Settled => _settled.Task;

    /// <summary>Why the scope can't be followed: at once what a person must mend, the rest after a while. Null where it can.</summary>
    public KubeException? Trouble => _failed is { } failed && (!failed.IsPassing || clock.GetElapsedTime(Interlocked.Read(ref _lastGood)) > pace.Grace) ? failed : null;

    /// <summary>Takes in what the agent itself has written, before the watch tells.</summary>
    public void Take(LiveObject written) =>
        _objects.AddOrUpdate(KeyOf(written), written, (_, known) => written.IsOlderThan(known) ? known : written);

    /// <summary>Takes an object out that the agent itself has deleted; one that is only dying stays.</summary>
    /// <param name="deleted">The object as it was looked at.</param>
    public void Forget(LiveObject deleted) => _objects.TryRemove(new KeyValuePair<ObjectKey, LiveObject>(KeyOf(deleted), deleted));

    /// <summary>Follows until cancelled.</summary>
    public async Task Follow(CancellationToken cancel)
    {
        Interlocked.Exchange(ref _lastGood, clock.GetTimestamp());
        var backoff = new Backoff(pace.FirstRetry, pace.LastRetry);
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
                log.Note("watch-expired", ("scope", scope));
                version = null;
                await Task.Delay(backoff.Next(), clock, cancel);
            }
            catch (KubeException e)
            {
                version = Fail(e, version);
                await Task.Delay(backoff.Next(e.RetryAfter), clock, cancel);
            }
        }
    }

    private async Task<string> List(Backoff backoff, CancellationToken cancel)
    {
        var found = new Dictionary<ObjectKey, LiveObject>();
        string? next = null;
        string version;
        do
        {
            var page = await api.List($"{scope.Path}limit={Page}{(next is null ? "" : $"&continue={Uri.EscapeDataString(next)}")}", cancel);
            foreach (var item in (page["items"] as JsonArray ?? []).OfType<JsonObject>())
            {
                // In a list the API server leaves out what the list has said already.
                (item["apiVersion"], item["kind"]) = (scope.Kind.ApiVersion, scope.Kind.Name);
                var live = new LiveObject(item);
                found[KeyOf(live)] = live;
            }

            version = (string?)page["metadata"]?["resourceVersion"] ?? throw new KubeException($"the list of {scope} has no version");
            next = (string?)page["metadata"]?["continue"];
        }
        while (!string.IsNullOrEmpty(next));

        foreach (var gone in _objects.Keys.Where(key => !found.ContainsKey(key)))
            _objects.TryRemove(gone, out _);
        foreach (var live in found.Values)
            Take(live);
        Volatile.Write(ref _isListed, true);
        Good(backoff);
        _settled.TrySetResult();
        changed.Set();
        return version;
    }

    private async Task<string> Watch(string version, Backoff backoff, CancellationToken cancel)
    {
        var seconds = ((int)pace.Watch.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        try
        {
            using var answer = await api.Watch(
                $"{scope.Path}watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}&resourceVersion={Uri.EscapeDataString(version)}", cancel);
            Good(backoff);
            // The API server ends a watch in time; a connection whose other end has vanished never does.
            over.CancelAfter(pace.Watch + pace.Silence);
            using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(over.Token));
            var began = clock.GetTimestamp();
            var events = 0;
            while (await reader.ReadLineAsync(over.Token) is { } line)
            {
                version = Hear(line) ?? version;
                events++;
            }

            // One that ends as soon as it begins must not become a flood of them.
            if (events == 0 && clock.GetElapsedTime(began) < pace.LastRetry)
                await Task.Delay(backoff.Next(), clock, cancel);
            return version;
        }
        catch (Exception e) when (e is IOException or HttpRequestException or JsonException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            Lost(new KubeException($"the watch of {scope} broke: {e.Message}", e));
            await Task.Delay(backoff.Next(), clock, cancel);
            return version;
        }
    }

    /// <summary>Takes one event in.</summary>
    /// <returns>The version to go on from, or null.</returns>
    private string? Hear(string line)
    {
        if (JsonNode.Parse(line) is not JsonObject told || told["object"] is not JsonObject body)
            throw new JsonException("an event of a watch has no object");
        var kind = (string?)told["type"];
        if (kind == "ERROR")
        {
            throw new KubeException((string?)body["message"] ?? "the watch failed")
            {
                Status = body["code"] is JsonValue code && code.TryGetValue<int>(out var number) ? number : 500, Reason = (string?)body["reason"],
            };
        }

        var live = new LiveObject(body);
        if (kind is not "BOOKMARK")
            Change(kind, live);
        return live.Version.Length > 0 ? live.Version : null;
    }

    private void Change(string? kind, LiveObject live)
    {
        var key = KeyOf(live);
        var known = _objects.GetValueOrDefault(key);
        if (kind == "DELETED")
        {
            // A younger one of that name may have been made, and taken in, before its predecessor's end was told.
            if (known is not null && known.Uid == live.Uid && _objects.TryRemove(key, out _))
                changed.Set();
        }
        else if (known is null || known.Version != live.Version)
        {
            Take(live);
            changed.Set();
        }
    }

    private void Good(Backoff backoff)
    {
        if (_failed is not null)
            log.Note("watching", ("scope", scope));
        _failed = null;
        Interlocked.Exchange(ref _lastGood, clock.GetTimestamp());
        backoff.Reset();
    }

    private string? Fail(KubeException e, string? version)
    {
        Lost(e);
        if (e.Status == 404)
        {
            // The kind is gone, and all its objects with it.
            _objects.Clear();
            Volatile.Write(ref _isListed, false);
            version = null;
        }

        if (!e.IsPassing || e.Status == 404)
        {
            _settled.TrySetResult();
            changed.Set();
        }

        return version;
    }

    private void Lost(KubeException e)
    {
        if (_failed?.Message != e.Message)
            log.Warn("not-watching", null, ("scope", scope), ("status", e.Status), ("error", e.Message));
        if (_failed is null)
            Interlocked.Exchange(ref _lastGood, clock.GetTimestamp());
        _failed = e;
    }

    private ObjectKey KeyOf(LiveObject live) => new(scope.Kind, live.Namespace, live.Name);
}
