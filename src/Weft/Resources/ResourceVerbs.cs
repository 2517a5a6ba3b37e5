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
    FindAgentEffects findAgentEffects,
    InsistOnWrite insist
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
        if (RequestChecks.CheckPreconditions(request, old) is { } failed)
            return failed;
        if (old is not null && Provisioning.IsDeleting(old))
            return DeletionInProgress(request.Id);

        var findings = new List<Refusal>();
        if (old is null)
            RequestChecks.CheckScope(kind, request.Id, transaction, findings);
        var wanted = old is null
            ? request.Body
            : ComputedFields.Strip(
                request.Body,
                ResourceBody.Render(kind, old, transaction.State),
                StoredDocument.CallerFields(old)
            );
        var body = kind.Schema.Normalise(wanted, old?.Json ?? default, findings);
        RequestChecks.CheckIdentity(request, findings);
        var id = old is null ? kinds.CanonicaliseTypes(request.Id) : ResourceKind.IdOf(old);
        return CanValidate(findings)
            ? ValidateAndDecide(kind, request, id, body, old, transaction, findings)
            : Refusal.Combine(findings, request.Id.ToString());
    }

    /// <summary>PATCH: the members given are to be this, the others stay.</summary>
    public Outcome<Decision> Patch(WriteRequest request, ReadTransaction transaction)
    {
        if (FindKind(request.Id) is not { } kind)
            return UnknownType(request.Id);
        if (!GetExisting(request.Id, transaction).TryGet(out var old, out var absent))
            return absent;
        var findings = new List<Refusal>();
        var merged = MergePatch.Apply(
            kind.Schema.Members,
            StoredDocument.CallerFields(old),
            request.Body,
            "",
            findings
        );
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
        if (RequestChecks.CheckPreconditions(request, old) is { } failed)
            return failed;
        if (Provisioning.IsDeleting(old))
            return DecideAgain(request, old, transaction);
        if (Dependents.FindBlockers(kinds, kind, old, transaction) is { Count: > 0 } users)
            return Refusal.Combine(users, request.Id.ToString());
        if (!request.Force && kind.FindRunningUsers(old, transaction) is { } running)
            return running;
        var removal = new ValidationContext(ResourceKind.IdOf(old), old, old, transaction, limits);
        kind.ValidateRemoval(removal);
        if (removal.Findings.Count > 0)
            return Refusal.Combine(removal.Findings, request.Id.ToString());
        if (kind.IsSynchronous)
            return RemoveAtOnce(kind, old, transaction);
        var document = Provisioning.WithState(old, Provisioning.Deleting);
        return Commit(new AcceptedWrite(kind, request, AcceptedWrite.DeleteVerb, document, old, []), transaction);
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
        return Commit(new AcceptedWrite(kind, request, action, document, old, []), transaction);
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
        RequestChecks.CheckReferences(kind, context);
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
            return DecideAgain(request, old, transaction);

        return AddConsequences(kind, context, document).TryGet(out var more, out var objection)
            ? Commit(new AcceptedWrite(kind, request, AcceptedWrite.PutVerb, document, old, more), transaction)
            : objection;
    }

    /// <summary>
    /// What a valid write brings with it: side effects of its kind and leases; or what stands in the way of them.
    /// </summary>
    private Outcome<ImmutableArray<Mutation>> AddConsequences(
        ResourceKind kind,
        ValidationContext context,
        JsonObject document
    )
    {
        var (id, transaction, before) = (context.Id, context.Transaction, context.Transaction.State);
        var after = before.Next([Mutation.Put(id, document)]);
        var sideEffects = kind.SideEffects(context, after).ToList();
        if (context.Findings.Count > 0)
            return Refusal.Combine(context.Findings, id.ToString());
        after = after.Next(sideEffects);
        if (WriteGuard.FindNewErrors(guards, before, after, id, limits) is { } objection)
            return objection;
        if (!leaseEffects(before, after, id, context.Request!.Now).TryGet(out var leases, out var refusal))
            return refusal;
        return ImmutableArray.CreateRange(sideEffects.Concat(leases));
    }

    private Outcome<Decision> Commit(AcceptedWrite write, ReadTransaction transaction) =>
        WriteCommit.Create(write, transaction, findAgentEffects);

    /// <summary>The same write once more: it changes nothing, unless who insists doesn't wait for others any longer.</summary>
    private Decision DecideAgain(WriteRequest request, Row old, ReadTransaction transaction)
    {
        var effects = request.Force ? insist(transaction.State, ResourceKind.IdOf(old)) : AgentEffects.None;
        if (effects.Changes.IsEmpty)
            return new Decision([], old, transaction.State, false, null);
        foreach (var change in effects.Changes)
            _ = transaction.Get(change.Key);
        return new Decision(effects.Changes, old, transaction.State.Next(effects.Changes), false, null)
        {
            Before = old,
            Warnings = effects.Warnings,
        };
    }

    /// <summary>A resource and what stands under it, gone with the commit.</summary>
    private Decision RemoveAtOnce(ResourceKind kind, Row old, ReadTransaction transaction)
    {
        ImmutableArray<Mutation> gone =
        [
            .. Dependents
                .WithDescendants(kinds, kind, old, transaction)
                .SelectMany(member =>
                    member
                        .Kind.RemovalSideEffects(member.Row, transaction.State)
                        .Append(Mutation.Remove(member.Row.Key))
                ),
        ];
        return new Decision(gone, null, transaction.State.Next(gone), false, null) { Before = old };
    }

    /// <summary>
    /// Rules read members by their types: they are asked only if no member is of a wrong type or missing.
    /// </summary>
    private static bool CanValidate(List<Refusal> findings) =>
        findings.TrueForAll(f => f.Code is RefusalCode.UnknownMember or RefusalCode.ImmutableMember);

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
