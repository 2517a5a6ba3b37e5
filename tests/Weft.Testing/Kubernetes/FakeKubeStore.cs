using System.Globalization;
using System.Text.Json.Nodes;

namespace Weft.Testing.Kubernetes;

/// <summary>
/// What the API server keeps in etcd: objects, one counter for all of them, and the changes since the last compaction.
/// </summary>
internal sealed class FakeKubeStore
{
    private readonly Lock _guard = new();
    private readonly SortedDictionary<(string Resource, string? Namespace, string Name), JsonObject> _objects = new(
        Comparer<(string Resource, string? Namespace, string Name)>.Create(
            (a, b) =>
                string.CompareOrdinal($"{a.Resource}/{a.Namespace}/{a.Name}", $"{b.Resource}/{b.Namespace}/{b.Name}")
        )
    );

    private readonly List<KubeEvent> _events = [];
    private readonly List<KubeResource> _served =
    [
        new("", "v1", "namespaces", "Namespace", false),
        new("", "v1", "configmaps", "ConfigMap", true),
        new("", "v1", "secrets", "Secret", true),
        new("", "v1", "pods", "Pod", true),
        new("", "v1", "nodes", "Node", false),
        new("coordination.k8s.io", "v1", "leases", "Lease", true),
        new("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", true),
        new(
            "admissionregistration.k8s.io",
            "v1",
            "validatingwebhookconfigurations",
            "ValidatingWebhookConfiguration",
            false
        ),
        new(
            "admissionregistration.k8s.io",
            "v1",
            "mutatingwebhookconfigurations",
            "MutatingWebhookConfiguration",
            false
        ),
        new("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", false),
    ];

    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _version = 100;
    private long _compacted = 100;

    public FakeKubeStore()
    {
        foreach (var name in (string[])["default", "kube-system"])
            Create(
                Find("", "v1", "namespaces"),
                new JsonObject
                {
                    ["apiVersion"] = "v1",
                    ["kind"] = "Namespace",
                    ["metadata"] = new JsonObject { ["name"] = name },
                },
                null,
                "kube-apiserver"
            );
    }

    public long Version
    {
        get
        {
            lock (_guard)
                return _version;
        }
    }

    public Task Changed => Volatile.Read(ref _changed).Task;

    public KubeResource Find(string group, string version, string plural)
    {
        lock (_guard)
        {
            return _served.FirstOrDefault(r => r.Group == group && r.Version == version && r.Plural == plural)
                ?? throw new KubeError(404, "NotFound", "404 page not found\n") { IsPlain = true };
        }
    }

    /// <summary>
    /// Forgets the past: a watch from before it, and a page of a list from before it, are refused with 410.
    /// </summary>
    public void Compact()
    {
        lock (_guard)
        {
            _events.Clear();
            _compacted = ++_version;
        }
    }

    public JsonObject Get(KubeResource resource, string? space, string name)
    {
        lock (_guard)
            return GetOrThrow(resource, space, name).DeepClone().AsObject();
    }

    public (List<JsonObject> Items, long Version) List(
        KubeResource resource,
        string? space,
        Func<JsonObject, bool> selects
    )
    {
        lock (_guard)
            return (
                [
                    .. _objects
                        .Where(o => o.Key.Resource == resource.Title && (space is null || o.Key.Namespace == space))
                        .Select(o => o.Value)
                        .Where(selects)
                        .Select(o => o.DeepClone().AsObject()),
                ],
                _version
            );
    }

    /// <summary>The changes after a version; throws 410 where they are forgotten.</summary>
    public List<KubeEvent> Since(KubeResource resource, long version)
    {
        lock (_guard)
        {
            if (!_served.Contains(resource))
                throw new KubeError(404, "NotFound", "the server could not find the requested resource");
            if (version < _compacted)
                throw new KubeError(410, "Expired", $"too old resource version: {version} ({_compacted})");
            return [.. _events.Where(e => e.Resource == resource && e.Version > version)];
        }
    }

    public void CheckPage(long version)
    {
        lock (_guard)
        {
            if (version < _compacted)
                throw new KubeError(
                    410,
                    "Expired",
                    "The provided continue parameter is too old to display a consistent list result."
                );
        }
    }

    public JsonObject Create(KubeResource resource, JsonObject body, string? space, string manager)
    {
        lock (_guard)
        {
            var name =
                (string?)body["metadata"]?["name"]
                ?? throw KubeError.Invalid("metadata.name: Required value: name or generateName is required");
            if (_objects.ContainsKey((resource.Title, space, name)))
                throw new KubeError(409, "AlreadyExists", $"{resource.Title} \"{name}\" already exists");
            var made = PrepareCreate(resource, body.DeepClone().AsObject(), space, name);
            return Put(resource, space, name, FakeManagedFields.Update(null, made, manager, Now()), "ADDED");
        }
    }

    public (JsonObject Object, bool IsNew) Apply(
        KubeResource resource,
        string? space,
        string name,
        JsonObject body,
        string manager,
        bool force
    )
    {
        lock (_guard)
        {
            _objects.TryGetValue((resource.Title, space, name), out var live);
            if (body["metadata"]?["managedFields"] is not null)
                throw new KubeError(400, "BadRequest", "metadata.managedFields must be nil");
            if ((string?)body["metadata"]?["name"] is { } inside && inside != name)
                throw new KubeError(
                    400,
                    "BadRequest",
                    $"the name of the object ({inside}) does not match the name on the URL ({name})"
                );
            KubeValidation.CheckTypes(resource, body);
            var applied = body.DeepClone().AsObject();
            if (resource.Group != "k8s.cni.cncf.io")
                KubeValidation.DropEmpty(applied);
            applied["metadata"]!["name"] = name;
            if (space is not null)
                applied["metadata"]!["namespace"] = space;
            var start =
                live
                ?? PrepareCreate(
                    resource,
                    new JsonObject
                    {
                        ["apiVersion"] = resource.ApiVersion,
                        ["kind"] = resource.Kind,
                        ["metadata"] = new JsonObject(),
                    },
                    space,
                    name
                );
            var (next, conflicts) = FakeManagedFields.Apply(start, applied, manager, force, Now());
            if (next is null)
            {
                throw new KubeError(409, "Conflict", FieldConflict.Describe(conflicts))
                {
                    Causes = new JsonArray([
                        .. conflicts.Select(c =>
                            (JsonNode)
                                new JsonObject
                                {
                                    ["reason"] = "FieldManagerConflict",
                                    ["message"] = $"conflict with {c.Who}",
                                    ["field"] = c.Field,
                                }
                        ),
                    ]),
                };
            }

            if (live is not null && FakeManagedFields.AreEqual(live, next, withOwners: true))
                return (live.DeepClone().AsObject(), false);
            return (Put(resource, space, name, next, live is null ? "ADDED" : "MODIFIED"), live is null);
        }
    }

    public JsonObject Update(
        KubeResource resource,
        string? space,
        string name,
        Func<JsonObject, JsonObject> change,
        string manager
    )
    {
        lock (_guard)
        {
            var live = GetOrThrow(resource, space, name);
            var next = change(live.DeepClone().AsObject());
            if (
                (string?)next["metadata"]?["resourceVersion"] is { Length: > 0 } version
                && version != (string?)live["metadata"]!["resourceVersion"]
            )
                throw new KubeError(
                    409,
                    "Conflict",
                    $"Operation cannot be fulfilled on {resource.Title} \"{name}\": the object has been modified; "
                        + "please apply your changes to the latest version and try again"
                );
            if ((string?)next["metadata"]?["uid"] is { Length: > 0 } uid && uid != (string?)live["metadata"]!["uid"])
                throw new KubeError(
                    409,
                    "Conflict",
                    $"Operation cannot be fulfilled on {resource.Title} \"{name}\": Precondition failed: "
                        + $"UID in precondition: {uid}, UID in object meta: {live["metadata"]!["uid"]}"
                );
            KubeValidation.CheckTypes(resource, next);
            foreach (
                var kept in (string[])
                    ["uid", "creationTimestamp", "generation", "managedFields", "resourceVersion", "deletionTimestamp"]
            )
                next["metadata"]![kept] = live["metadata"]![kept]?.DeepClone();
            KubeValidation.Prune(next["metadata"]!.AsObject());
            if (FakeManagedFields.AreEqual(live, next, withOwners: false))
                return live.DeepClone().AsObject();
            next = FakeManagedFields.Update(live, next, manager, Now());
            // What waited for its last finalizer goes with it.
            if (
                next["metadata"]!["deletionTimestamp"] is not null
                && next["metadata"]!["finalizers"] is not JsonArray { Count: > 0 }
            )
                return RemoveFinalized(resource, space, name, next);
            return Put(resource, space, name, next, "MODIFIED");
        }
    }

    public JsonObject Delete(KubeResource resource, string? space, string name, JsonObject? options)
    {
        lock (_guard)
        {
            var live = GetOrThrow(resource, space, name);
            foreach (
                var (member, word, hint) in new[]
                {
                    ("uid", "UID", "deleted and then recreated"),
                    ("resourceVersion", "ResourceVersion", "modified"),
                }
            )
            {
                if (
                    (string?)options?["preconditions"]?[member] is { } wanted
                    && wanted != (string?)live["metadata"]![member]
                )
                    throw new KubeError(
                        409,
                        "Conflict",
                        $"Operation cannot be fulfilled on {resource.KindTitle} \"{name}\": the {word} in the precondition "
                            + $"({wanted}) does not match the {word} in record ({live["metadata"]![member]}). "
                            + $"The object might have been {hint}"
                    );
            }

            if (live["metadata"]!["finalizers"] is JsonArray { Count: > 0 })
            {
                var dying = live.DeepClone().AsObject();
                dying["metadata"]!["deletionTimestamp"] = Now();
                return Put(resource, space, name, dying, "MODIFIED");
            }

            return RemoveFinalized(resource, space, name, live.DeepClone().AsObject());
        }
    }

    private JsonObject RemoveFinalized(KubeResource resource, string? space, string name, JsonObject last)
    {
        _objects.Remove((resource.Title, space, name));
        last["metadata"]!["resourceVersion"] = (++_version).ToString(CultureInfo.InvariantCulture);
        if (
            resource.Plural == "customresourcedefinitions"
            && _served.FirstOrDefault(r => r.Title == name) is { } served
        )
        {
            foreach (var instance in _objects.Keys.Where(k => k.Resource == served.Title).ToList())
                _objects.Remove(instance);
            _served.Remove(served);
        }

        return AddEvent("DELETED", resource, last);
    }

    private JsonObject Put(KubeResource resource, string? space, string name, JsonObject next, string type)
    {
        if (
            type == "MODIFIED"
            && next["spec"] is not null
            && _objects.TryGetValue((resource.Title, space, name), out var before)
            && !JsonNode.DeepEquals(before["spec"], next["spec"])
        )
            next["metadata"]!["generation"] = ((int?)next["metadata"]!["generation"] ?? 0) + 1;
        next["metadata"]!["resourceVersion"] = (++_version).ToString(CultureInfo.InvariantCulture);
        _objects[(resource.Title, space, name)] = next;
        if (resource.Plural == "customresourcedefinitions" && type == "ADDED")
        {
            var spec = next["spec"]!;
            _served.Add(
                new KubeResource(
                    (string)spec["group"]!,
                    (string)spec["versions"]![0]!["name"]!,
                    (string)spec["names"]!["plural"]!,
                    (string)spec["names"]!["kind"]!,
                    (string?)spec["scope"] == "Namespaced"
                )
            );
        }

        return AddEvent(type, resource, next);
    }

    private JsonObject AddEvent(string type, KubeResource resource, JsonObject changed)
    {
        _events.Add(new KubeEvent(_version, type, resource, changed.DeepClone().AsObject()));
        Interlocked.Exchange(ref _changed, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
        return changed.DeepClone().AsObject();
    }

    private JsonObject PrepareCreate(KubeResource resource, JsonObject made, string? space, string name)
    {
        KubeValidation.CheckName(resource, name);
        if (space is not null && !_objects.ContainsKey(("namespaces", null, space)))
            throw new KubeError(404, "NotFound", $"namespaces \"{space}\" not found");
        KubeValidation.CheckTypes(resource, made);
        var metadata = made["metadata"]!.AsObject();
        metadata["name"] = name;
        if (space is not null)
            metadata["namespace"] = space;
        metadata["uid"] = Guid.NewGuid().ToString();
        metadata["creationTimestamp"] = Now();
        if (made["spec"] is not null || resource.Group == "k8s.cni.cncf.io")
            metadata["generation"] = 1;
        if (resource.Plural == "namespaces")
        {
            made["spec"] = new JsonObject { ["finalizers"] = new JsonArray("kubernetes") };
            made["status"] = new JsonObject { ["phase"] = "Active" };
        }

        return made;
    }

    private JsonObject GetOrThrow(KubeResource resource, string? space, string name) =>
        _objects.TryGetValue((resource.Title, space, name), out var live)
            ? live
            : throw new KubeError(404, "NotFound", $"{resource.Title} \"{name}\" not found");

    private static string Now() => DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
