using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>
/// PUT, PATCH, DELETE and actions, once for all kinds: functions from what is stored and what is asked to one commit or
/// a refusal.
/// </summary>
/// <remarks>Source: ARM resource provider contract; docs/specs/resource-api.md, "Verbs".</remarks>
internal sealed class ResourceVerbs(
    Kinds kinds,
    Limits limits,
    ImmutableArray<WriteGuard> guards,
    LeaseEffects leaseEffects,
    AffectedAgents affectedAgents
)
{
    /// <summary>PUT: the resource is to be exactly this.</summary>
    public Outcome<Decision> Put(WriteRequest request, ReadTransaction transaction)
    {
        if (FindKind(request.Id) is not { } kind)
            return UnknownType(request.Id);
        if (kind.IsCreatedByServer)
            return new Refusal(RefusalCode.MethodNotAllowed, $"a {kind.Noun} isn't made by PUT", request.Id.ToString());
        var old = transaction.Get(StoreKey.ForResource(request.Id));
        if (CheckPreconditions(request, old) is { } failed)
            return failed;
        if (old is not null && Provisioning.IsDeleting(old))
            return DeletionInProgress(request.Id);

        var findings = new List<Refusal>();
        if (old is null)
            CheckScope(kind, request.Id, transaction, findings);
        var wish = old is null
            ? request.Body
            : ComputedFields.Strip(
                request.Body,
                ResourceBody.Render(kind, old, transaction.State),
                StoredDocument.CallerFields(old)
            );
        var body = kind.Schema.Normalise(wish, old?.Json ?? default, findings);
        CheckIdentity(request, findings);
        var id = old is null ? kinds.CanonicaliseTypes(request.Id) : ResourceKind.IdOf(old);
        return findings.Count > 0 && !CanValidate(findings)
            ? Refusal.Combine(findings, request.Id.ToString())
            : ValidateAndDecide(kind, request, id, body, old, transaction, findings);
    }

    /// <summary>PATCH: the members given are to be this, the others stay.</summary>
    public Outcome<Decision> Patch(WriteRequest request, ReadTransaction transaction)
    {
        if (FindKind(request.Id) is not { } kind)
            return UnknownType(request.Id);
        if (!GetExisting(request.Id, transaction).TryGet(out var old, out var absent))
            return absent;
        var findings = new List<Refusal>();
        var merged = MergePatch(kind.Schema.Members, StoredDocument.CallerFields(old), request.Body, "", findings);
        return findings.Count > 0
            ? Refusal.Combine(findings, request.Id.ToString())
            : Put(request with { Body = merged }, transaction);
    }

    /// <summary>
    /// DELETE: the resource is to be gone. It stays as <c>Deleting</c> until the agents concerned have taken it down.
    /// </summary>
    /// <returns>The decision (without a row where there was nothing), or who still uses it.</returns>
    public Outcome<Decision> Delete(WriteRequest request, ReadTransaction transaction)
    {
        if (FindKind(request.Id) is not { } kind)
            return UnknownType(request.Id);
        if (kind.IsPermanent)
            return new Refusal(
                RefusalCode.MethodNotAllowed,
                $"a {kind.Noun} can't be deleted: it comes and goes with {request.Id.Parent!.Name}",
                request.Id.ToString()
            );
        var old = transaction.Get(StoreKey.ForResource(request.Id));
        if (old is null)
            return new Decision([], null, transaction.State, false, null);
        if (CheckPreconditions(request, old) is { } failed)
            return failed;
        if (Provisioning.IsDeleting(old))
            return new Decision([], old, transaction.State, false, null);
        if (Dependents.FindBlockers(kinds, kind, old, transaction) is { Count: > 0 } users)
            return Refusal.Combine(users, request.Id.ToString());
        if (kind.IsSynchronous)
            return RemoveAtOnce(kind, old, transaction);
        return Decide(
            kind,
            request,
            "Delete",
            Provisioning.WithState(old, Provisioning.Deleting),
            old,
            transaction,
            []
        );
    }

    /// <summary>POST of an action.</summary>
    /// <param name="request">What is asked; the body holds the arguments.</param>
    public Outcome<Decision> InvokeAction(WriteRequest request, string action, ReadTransaction transaction)
    {
        if (FindKind(request.Id) is not { } kind)
            return UnknownType(request.Id);
        if (!GetExisting(request.Id, transaction).TryGet(out var old, out var absent))
            return absent;
        if (kind.InvokeAction(action, request.Body, old, transaction) is not { } outcome)
            return new Refusal(
                RefusalCode.InvalidResourceType,
                $"a {kind.Noun} has no action '{action}'",
                request.Id.ToString()
            );
        if (!outcome.TryGet(out var document, out var refusal))
            return refusal;
        if (JsonNode.DeepEquals(document, old.ToJsonObject()))
            return new Decision([], old, transaction.State, false, null);
        return Decide(kind, request, action, document, old, transaction, []);
    }

    private Outcome<Decision> ValidateAndDecide(
        ResourceKind kind,
        WriteRequest request,
        ResourceId id,
        JsonObject body,
        Row? old,
        ReadTransaction transaction,
        List<Refusal> findings
    )
    {
        kind.ApplyDefaults(id, body, transaction);
        var document = StoredDocument.Create(id, body, old, request);
        var context = new ValidationContext(
            id,
            new Row(StoreKey.ForResource(id), 0, Json.ToUtf8(document)),
            old,
            transaction,
            limits
        )
        {
            Request = request,
        };
        CheckReferences(kind, context);
        if (context.Findings.Count == 0)
            kind.Validate(context);
        findings.AddRange(context.Findings);
        if (findings.Count > 0)
            return Refusal.Combine(findings, id.ToString());
        // The same request again is how a caller tries once more what has failed.
        if (
            old is not null
            && Provisioning.StateOf(old) != Provisioning.Failed
            && StoredDocument.HaveSameCallerFields(old, context.Proposed)
        )
            return new Decision([], old, transaction.State, false, null);

        var after = transaction.State.Next([Mutation.Put(id, document)]);
        var consequences = kind.SideEffects(context, after).ToList();
        if (context.Findings.Count > 0)
            return Refusal.Combine(context.Findings, id.ToString());
        after = after.Next(consequences);
        if (WriteGuard.FindNewErrors(guards, transaction.State, after, id, limits) is { } objection)
            return objection;
        if (!leaseEffects(transaction.State, after, id, request.Now).TryGet(out var leases, out var refusal))
            return refusal;
        // A lease is a row that mustn't have changed since: whoever else took the address meanwhile makes this commit
        // fail.
        foreach (var lease in leases)
            _ = transaction.Get(lease.Key);
        return Decide(kind, request, "Put", document, old, transaction, consequences.Concat(leases));
    }

    private Decision Decide(
        ResourceKind kind,
        WriteRequest request,
        string verb,
        JsonObject document,
        Row? old,
        ReadTransaction transaction,
        IEnumerable<Mutation> more
    )
    {
        var id = ResourceId.Parse(document["id"]!.GetValue<string>()).Value;
        var weft = document[Provisioning.MemberName] as JsonObject ?? [];
        weft["state"] =
            verb == "Delete" ? Provisioning.Deleting
            : kind.IsSynchronous ? Provisioning.Succeeded
            : Provisioning.Accepted;
        if (!kind.IsSynchronous)
            weft["operation"] = request.OperationName;
        weft["etag"] = request.OperationName;
        weft.Remove("message");
        document[Provisioning.MemberName] = weft;

        if (kind.IsSynchronous)
        {
            ImmutableArray<Mutation> all = [Mutation.Put(id, document), .. more];
            var done = transaction.State.Next(all);
            return new Decision(all, done.Get(StoreKey.ForResource(id)), done, old is null, null);
        }

        var operation = new Operation(request.OperationName, id, verb, Operation.InProgress, request.Now);
        List<Mutation> changes = [Mutation.Put(id, document), .. more];
        var after = transaction.State.Next(changes);
        operation = operation with { PendingAgents = affectedAgents(transaction.State, after) };
        if (!operation.PendingAgents.IsEmpty)
            operation = operation with { ReleasesOnCompletion = ExtractLeaseReleases(changes) };
        if (
            old is not null
            && Provisioning.OperationOf(old) is { } earlier
            && transaction.Get(Operation.KeyOf(earlier)) is { } row
        )
        {
            var before = Operation.Read(row);
            if (before.Status != Provisioning.Succeeded)
                operation = operation with
                {
                    ReleasesOnCompletion = [.. before.ReleasesOnCompletion.Union(operation.ReleasesOnCompletion)],
                };
            if (!before.IsTerminal)
                changes.Add(
                    before
                        .Complete(
                            Provisioning.Canceled,
                            request.Now,
                            nameof(RefusalCode.Conflict),
                            $"a newer {verb} of the {kind.Noun} took its place"
                        )
                        .ToMutation()
                );
        }

        changes.Add(operation.ToMutation());
        var final = transaction.State.Next(changes);
        return new Decision([.. changes], final.Get(StoreKey.ForResource(id)), final, old is null, operation);
    }

    /// <summary>A resource and what stands under it, gone with the commit.</summary>
    private Decision RemoveAtOnce(ResourceKind kind, Row old, ReadTransaction transaction)
    {
        ImmutableArray<Mutation> gone =
        [
            .. Dependents
                .WithDescendants(kinds, kind, old, transaction)
                .Reverse()
                .SelectMany(member =>
                    member
                        .Kind.RemovalSideEffects(member.Row, transaction.State)
                        .Append(Mutation.Remove(member.Row.Key))
                ),
        ];
        return new Decision(gone, null, transaction.State.Next(gone), false, null);
    }

    /// <summary>Takes the ends of leases out of changes: they come with the end of the operation.</summary>
    private static ImmutableArray<string> ExtractLeaseReleases(List<Mutation> changes)
    {
        static bool IsEnd(Mutation mutation) =>
            mutation.Bytes is null && mutation.Key.StartsWith(StoreKey.LeasePrefix, StringComparison.Ordinal);
        ImmutableArray<string> keys = [.. changes.Where(IsEnd).Select(mutation => mutation.Key)];
        changes.RemoveAll(IsEnd);
        return keys;
    }

    private static void CheckScope(
        ResourceKind kind,
        ResourceId id,
        ReadTransaction transaction,
        List<Refusal> findings
    )
    {
        if (!kind.AllowsName(id.Name))
            findings.Add(
                new Refusal(
                    RefusalCode.InvalidResourceName,
                    $"'{id.Name}' is no name of this type ({kind.Noun}): it must match {kind.NamePattern}",
                    "name"
                )
            );
        if (id.Type == ResourceId.ResourceGroupType)
            return;
        if (id.ResourceGroup is not { } group)
        {
            findings.Add(
                new Refusal(RefusalCode.InvalidResourceId, $"a {kind.Noun} stands in a resource group", id.ToString())
            );
            return;
        }

        var groupId = ResourceId.ForResourceGroup(id.Subscription, group);
        if (transaction.Get(groupId) is null)
            findings.Add(
                new Refusal(
                    RefusalCode.ResourceGroupNotFound,
                    $"there is no resource group '{group}'; PUT {groupId} first",
                    id.ToString(),
                    groupId.ToString()
                )
            );
        else if (id.Parent!.Type != ResourceId.ResourceGroupType && transaction.Get(id.Parent) is null)
            findings.Add(
                new Refusal(
                    RefusalCode.ResourceNotFound,
                    $"{id.Parent} doesn't exist; make it first",
                    id.ToString(),
                    id.Parent.ToString()
                )
            );
    }

    private static void CheckReferences(ResourceKind kind, ValidationContext context)
    {
        foreach (var (path, id, _) in kind.Schema.References(context.Proposed.Json))
        {
            if (context.Transaction.Get(id) is null)
                context.AddError(RefusalCode.ReferenceNotFound, path, $"'{path}': {id} doesn't exist", id);
        }
    }

    private static void CheckIdentity(WriteRequest request, List<Refusal> findings)
    {
        if (
            request.Body["id"] is JsonValue value
            && value.TryGetValue<string>(out var text)
            && !(ResourceId.TryParse(text, out var id) && id.Equals(request.Id))
        )
            findings.Add(
                new Refusal(RefusalCode.InvalidMember, $"'id': the body says {text}, the path {request.Id}", "id")
            );
    }

    /// <summary>
    /// Rules read members by their types: they are asked only if no member is of a wrong type or missing.
    /// </summary>
    private static bool CanValidate(List<Refusal> findings) =>
        findings.TrueForAll(f => f.Code is RefusalCode.UnknownMember or RefusalCode.ImmutableMember);

    private static Refusal? CheckPreconditions(WriteRequest request, Row? old)
    {
        if (request.IfNoneMatch && old is not null)
            return new Refusal(
                RefusalCode.PreconditionFailed,
                $"{request.Id} exists already (If-None-Match: *)",
                request.Id.ToString()
            );
        if (request.IfMatch is not { } tag)
            return null;
        if (old is null)
            return new Refusal(
                RefusalCode.PreconditionFailed,
                $"{request.Id} doesn't exist (If-Match: {tag})",
                request.Id.ToString()
            );
        return tag == "*" || tag.Trim('"') == Provisioning.ETagOf(old)
            ? null
            : new Refusal(
                RefusalCode.PreconditionFailed,
                $"{request.Id} has etag \"{Provisioning.ETagOf(old)}\", not {tag}; read it again",
                request.Id.ToString()
            );
    }

    private static JsonObject MergePatch(
        ImmutableArray<SchemaMember> members,
        JsonObject into,
        JsonObject patch,
        string path,
        List<Refusal> findings
    )
    {
        foreach (var (name, value) in patch)
        {
            var at = path.Length == 0 ? name : $"{path}.{name}";
            var member = members.FirstOrDefault(m => m.Name == name);
            if (member is null && (path.Length > 0 || !Schema.IsEnvelope(name)))
                findings.Add(Schema.UnknownMember(name, at, members));
            else if (member is { IsPatchable: true })
                into[name] = value?.DeepClone();
            else if (
                member is { Type: MemberType.Object }
                && value is JsonObject inner
                && (path.Length == 0 || HasPatchableMember(member))
            )
                into[name] = MergePatch(
                    member.Members,
                    into[name]?.DeepClone() as JsonObject ?? [],
                    inner,
                    at,
                    findings
                );
            else if (
                member is not (null or { Mutability: Mutability.ReadOnly })
                && !JsonNode.DeepEquals(into[name], value)
            )
                findings.Add(new Refusal(RefusalCode.ImmutableMember, $"'{at}' isn't reached by PATCH; use PUT", at));
        }

        return into;
    }

    private static bool HasPatchableMember(SchemaMember member) =>
        member.Members.Any(m => m.IsPatchable || HasPatchableMember(m));

    /// <summary>
    /// The kind of an id that stands where its kind may: in a group, under its parent, or as the extension of another.
    /// </summary>
    private ResourceKind? FindKind(ResourceId id)
    {
        if (kinds.Find(id.Type) is not { } kind || id.Parent is not { } parent)
            return null;
        if (kind.Extends.IsEmpty && kind.ParentType is null)
            return
                parent.Type == ResourceId.SubscriptionType
                || (parent.Type == ResourceId.ResourceGroupType && id.Type != ResourceId.ResourceGroupType)
                ? kind
                : null;
        return (kind.Extends.Contains(parent.Type) || kind.ParentType == parent.Type) && FindKind(parent) is not null
            ? kind
            : null;
    }

    private static Refusal UnknownType(ResourceId id) =>
        new(RefusalCode.InvalidResourceType, $"there is no resource type {id.Type} here", id.ToString());

    private static Outcome<Row> GetExisting(ResourceId id, ReadTransaction transaction)
    {
        if (transaction.Get(StoreKey.ForResource(id)) is not { } row)
            return new Refusal(RefusalCode.ResourceNotFound, $"{id} doesn't exist", id.ToString());
        return Provisioning.IsDeleting(row) ? DeletionInProgress(id) : row;
    }

    private static Refusal DeletionInProgress(ResourceId id) =>
        new(RefusalCode.Conflict, $"{id} is being deleted; wait until it is gone", id.ToString());
}
