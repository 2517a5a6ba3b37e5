using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Weft.Testing.Kubernetes;

/// <summary>The verbs of an API server over what it keeps.</summary>
internal sealed class KubeVerbs(FakeKube kube)
{
    public Task Serve(HttpContext http, KubeRequest request, Action<string> authorize)
    {
        var resource = kube.Store.Find(
            request.Group,
            http.Request.Path.Value!.Split('/')[request.Group.Length == 0 ? 2 : 3],
            request.Resource
        );
        var manager = http.Request.Query["fieldManager"].ToString() is { Length: > 0 } given
            ? given
            : http.Request.Headers.UserAgent.ToString().Split('/')[0];
        return request.Verb switch
        {
            "get" => Respond(http, 200, kube.Store.Get(resource, request.Namespace, request.Name!)),
            "list" => List(http, request, resource),
            "watch" => Watch(http, request, resource),
            "create" => Write(
                http,
                async () => (kube.Store.Create(resource, await Body(http), request.Namespace, manager), 201)
            ),
            "update" => Write(
                http,
                async () =>
                    (
                        await Body(http) is var body
                            ? kube.Store.Update(resource, request.Namespace, request.Name!, _ => body, manager)
                            : body,
                        200
                    )
            ),
            "delete" => Write(
                http,
                async () =>
                {
                    var gone = kube.Store.Delete(resource, request.Namespace, request.Name!, await Body(http));
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
                kube.Store.List(
                    resource,
                    request.Namespace,
                    o => (string?)o["metadata"]!["name"] == request.Name
                ).Items.Count == 0
            )
                authorize("create");
            var (made, isNew) = kube.Store.Apply(
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
                ? live => KubePatch.Json(live, body.AsArray())
            : type.StartsWith("application/merge-patch", StringComparison.Ordinal)
                ? live => KubePatch.Merge(live, body.AsObject())
            : throw new KubeError(
                415,
                "UnsupportedMediaType",
                "the body of the request was in an unknown format - accepted media types include: "
                    + $"application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml; not {type}"
            );
        return (kube.Store.Update(resource, request.Namespace, request.Name!, change, manager), 200);
    }

    private async Task List(HttpContext http, KubeRequest request, KubeResource resource)
    {
        var (items, version) = kube.Store.List(resource, request.Namespace, KubeQuery.Selector(http));
        var limit = Math.Min(
            kube.Page,
            http.Request.Query["limit"].ToString() is { Length: > 0 } text
                ? int.Parse(text, CultureInfo.InvariantCulture)
                : int.MaxValue
        );
        var skip = 0;
        if (http.Request.Query["continue"].ToString() is { Length: > 0 } token)
        {
            var parts = token.Split('/');
            kube.Store.CheckPage(long.Parse(parts[0], CultureInfo.InvariantCulture));
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
        var version = long.Parse(KubeQuery.Parameter(http, "resourceVersion", "0"), CultureInfo.InvariantCulture);
        var seconds = int.Parse(KubeQuery.Parameter(http, "timeoutSeconds", "300"), CultureInfo.InvariantCulture);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, kube.Dropped);
        http.Response.ContentType = "application/json";
        await http.Response.StartAsync(over.Token);
        try
        {
            for (var end = DateTime.UtcNow.AddSeconds(seconds); DateTime.UtcNow < end; )
            {
                var changed = kube.Store.Changed;
                version = await WriteEvents(http, request, resource, version, over.Token);
                if (await Task.WhenAny(changed, Task.Delay(kube.Bookmarks, over.Token)) != changed)
                    version = await WriteBookmark(http, resource, version, over.Token);
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

    /// <summary>Tells what has happened since a version; returns the last one.</summary>
    private async Task<long> WriteEvents(
        HttpContext http,
        KubeRequest request,
        KubeResource resource,
        long version,
        CancellationToken cancel
    )
    {
        var selects = KubeQuery.Selector(http);
        var events = kube.Store.Since(resource, version);
        foreach (var each in events)
        {
            var isInScope =
                request.Namespace is null || (string?)each.Object["metadata"]!["namespace"] == request.Namespace;
            if (isInScope && selects(each.Object))
                await WriteEvent(http, each.Type, each.Object, cancel);
        }

        return events.Count > 0 ? events[^1].Version : version;
    }

    private async Task<long> WriteBookmark(
        HttpContext http,
        KubeResource resource,
        long version,
        CancellationToken cancel
    )
    {
        if (cancel.IsCancellationRequested || http.Request.Query["allowWatchBookmarks"] != "true")
            return version;
        version = Math.Max(version, kube.Store.Since(resource, version).Count == 0 ? kube.Store.Version : version);
        var bookmark = new JsonObject
        {
            ["kind"] = resource.Kind,
            ["apiVersion"] = resource.ApiVersion,
            ["metadata"] = new JsonObject { ["resourceVersion"] = version.ToString(CultureInfo.InvariantCulture) },
        };
        await WriteEvent(http, "BOOKMARK", bookmark, cancel);
        return version;
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

    private static async Task<JsonObject> Body(HttpContext http)
    {
        var text = await new StreamReader(http.Request.Body).ReadToEndAsync();
        return text.Length == 0 ? [] : JsonNode.Parse(text)!.AsObject();
    }

    public static async Task Respond(HttpContext http, int status, JsonObject body)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync(body.ToJsonString());
    }
}
