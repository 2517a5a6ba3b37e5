using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>
/// PUT, PATCH, DELETE and actions, once for all kinds: functions from what is stored and what is asked to one commit or a refusal.
/// </summary>
/// <remarks>Source: ARM resource provider contract; docs/specs/resource-api.md, "Verbs".</remarks>
public sealed class Verbs(Kinds kinds, Limits limits, Follows follows, Concerned concerned)
{
    /// <summary>PUT: the resource is to be exactly this.</summary>
    public Outcome<Decision> Put(WriteRequest request, Snapshot seen)
    {
        if (KindOf(request.Id) is not { } kind)
            return NoSuchType(request.Id);
        if (kind.MadeByServer)
            return new Refusal(RefusalCode.MethodNotAllowed, $"a {kind.Noun} isn't made by PUT", request.Id.ToString());
        var old = seen.Get(StoreKey.Of(request.Id));
        if (Preconditions(request, old) is { } failed)
            return failed;
        if (old is not null && Provisioning.IsDeleting(old))
            return BeingDeleted(request.Id);

        var findings = new List<Refusal>();
        if (old is null)
            CheckPlace(kind, request.Id, seen, findings);
        var wish = old is null ? request.Body : Echo.Drop(request.Body, ResourceBody.Draw(kind, old, seen.Image), StoredForm.Writable(old));
        var body = kind.Shape.Normalise(wish, old?.Json ?? default, findings);
        CheckIdentity(request, findings);
        var id = old is null ? kinds.Spelt(request.Id) : ResourceKind.IdOf(old);
        return findings.Count > 0 && !CanJudge(findings) ? Refusal.Of(findings, request.Id.ToString()) : Weigh(kind, request, id, body, old, seen, findings);
    }

    /// <summary>PATCH: the members given are to be this, the others stay.</summary>
    public Outcome<Decision> Patch(WriteRequest request, Snapshot seen)
    {
        if (KindOf(request.Id) is not { } kind)
            return NoSuchType(request.Id);
        if (!Existing(request.Id, seen).TryGet(out var old, out var absent))
            return absent;
        var findings = new List<Refusal>();
        var merged = Merge(kind.Shape.Members, StoredForm.Writable(old), request.Body, "", findings);
        return findings.Count > 0 ? Refusal.Of(findings, request.Id.ToString()) : Put(request with { Body = merged }, seen);
    }

    /// <summary>DELETE: the resource is to be gone. It stays as <c>Deleting</c> until the agents concerned have taken it down.</summary>
    /// <returns>The decision (without a row where there was nothing), or who still uses it.</returns>
    public Outcome<Decision> Delete(WriteRequest request, Snapshot seen)
    {
        if (KindOf(request.Id) is not { } kind)
            return NoSuchType(request.Id);
        if (kind.IsPermanent)
            return new Refusal(RefusalCode.MethodNotAllowed, $"a {kind.Noun} can't be deleted: it comes and goes with {request.Id.Parent!.Name}", request.Id.ToString());
        var old = seen.Get(StoreKey.Of(request.Id));
        if (old is null)
            return new Decision([], null, seen.Image, false, null);
        if (Preconditions(request, old) is { } failed)
            return failed;
        if (Provisioning.IsDeleting(old))
            return new Decision([], old, seen.Image, false, null);
        if (Usage.Findings(kinds, kind, old, seen) is { Count: > 0 } users)
            return Refusal.Of(users, request.Id.ToString());
        if (kind.EndsAtOnce)
            return Removal(kind, old, seen);
        return Decide(kind, request, "Delete", Provisioning.WithState(old, Provisioning.Deleting), old, seen, []);
    }

    /// <summary>POST of an action.</summary>
    /// <param name="request">What is asked; the body holds the arguments.</param>
    public Outcome<Decision> Act(WriteRequest request, string action, Snapshot seen)
    {
        if (KindOf(request.Id) is not { } kind)
            return NoSuchType(request.Id);
        if (!Existing(request.Id, seen).TryGet(out var old, out var absent))
            return absent;
        if (kind.Act(action, request.Body, old, seen) is not { } outcome)
            return new Refusal(RefusalCode.InvalidResourceType, $"a {kind.Noun} has no action '{action}'", request.Id.ToString());
        if (!outcome.TryGet(out var document, out var refusal))
            return refusal;
        if (JsonNode.DeepEquals(document, old.ToObject()))
            return new Decision([], old, seen.Image, false, null);
        return Decide(kind, request, action, document, old, seen, []);
    }

    private Outcome<Decision> Weigh(
        ResourceKind kind, WriteRequest request, ResourceId id, JsonObject body, Stored? old, Snapshot seen, List<Refusal> findings)
    {
        kind.Complete(id, body, seen);
        var document = StoredForm.Of(id, body, old, request);
        var proposal = new Proposal(id, new Stored(StoreKey.Of(id), 0, Json.Bytes(document)), old, seen, limits) { Request = request };
        CheckReferences(kind, proposal);
        if (proposal.Findings.Count == 0)
            kind.Check(proposal);
        findings.AddRange(proposal.Findings);
        if (findings.Count > 0)
            return Refusal.Of(findings, id.ToString());
        // The same wish again is how a caller tries once more what has failed.
        if (old is not null && Provisioning.StateOf(old) != Provisioning.Failed && StoredForm.SameWish(old, proposal.Wanted))
            return new Decision([], old, seen.Image, false, null);

        var after = seen.Image.Next([Change.Put(id, document)]);
        var consequences = kind.Consequences(proposal, after).ToList();
        if (proposal.Findings.Count > 0)
            return Refusal.Of(proposal.Findings, id.ToString());
        if (!follows(seen.Image, after.Next(consequences), id, request.Now).TryGet(out var leases, out var refusal))
            return refusal;
        // A lease is a row that mustn't have changed since: whoever else took the address meanwhile makes this commit fail.
        foreach (var lease in leases)
            _ = seen.Get(lease.Key);
        return Decide(kind, request, "Put", document, old, seen, consequences.Concat(leases));
    }

    private Decision Decide(
        ResourceKind kind, WriteRequest request, string verb, JsonObject document, Stored? old, Snapshot seen, IEnumerable<Change> more)
    {
        var id = ResourceId.Parse(document["id"]!.GetValue<string>()).Value;
        var weft = document[Provisioning.Member] as JsonObject ?? [];
        weft["state"] = verb == "Delete" ? Provisioning.Deleting : kind.EndsAtOnce ? Provisioning.Succeeded : Provisioning.Accepted;
        if (!kind.EndsAtOnce)
            weft["operation"] = request.OperationName;
        weft["etag"] = request.OperationName;
        weft.Remove("message");
        document[Provisioning.Member] = weft;

        if (kind.EndsAtOnce)
        {
            ImmutableArray<Change> all = [Change.Put(id, document), .. more];
            var done = seen.Image.Next(all);
            return new Decision(all, done.Get(StoreKey.Of(id)), done, old is null, null);
        }

        var operation = new Operation(request.OperationName, id, verb, Operation.InProgress, request.Now);
        List<Change> changes = [Change.Put(id, document), .. more];
        var after = seen.Image.Next(changes);
        operation = operation with { WaitsFor = concerned(seen.Image, after) };
        if (!operation.WaitsFor.IsEmpty)
            operation = operation with { GivesBack = Postponed(changes) };
        if (old is not null && Provisioning.OperationOf(old) is { } earlier && seen.Get(Operation.KeyOf(earlier)) is { } row)
        {
            var before = Operation.Of(row);
            if (before.Status != Provisioning.Succeeded)
                operation = operation with { GivesBack = [.. before.GivesBack.Union(operation.GivesBack)] };
            if (!before.IsTerminal)
                changes.Add(before.End(Provisioning.Canceled, request.Now, nameof(RefusalCode.Conflict), $"a newer {verb} of the {kind.Noun} took its place").ToChange());
        }

        changes.Add(operation.ToChange());
        var final = seen.Image.Next(changes);
        return new Decision([.. changes], final.Get(StoreKey.Of(id)), final, old is null, operation);
    }

    /// <summary>A resource and what stands under it, gone with the commit.</summary>
    private Decision Removal(ResourceKind kind, Stored old, Snapshot seen)
    {
        ImmutableArray<Change> gone = [.. Usage.Family(kinds, kind, old, seen).Reverse().SelectMany(member => member.Kind.RemovedWith(member.Row, seen.Image).Append(Change.Remove(member.Row.Key)))];
        return new Decision(gone, null, seen.Image.Next(gone), false, null);
    }

    /// <summary>Takes the ends of leases out of changes: they come with the end of the operation.</summary>
    private static ImmutableArray<string> Postponed(List<Change> changes)
    {
        static bool IsEnd(Change change) => change.Bytes is null && change.Key.StartsWith(StoreKey.Lease, StringComparison.Ordinal);
        ImmutableArray<string> keys = [.. changes.Where(IsEnd).Select(change => change.Key)];
        changes.RemoveAll(IsEnd);
        return keys;
    }

    private static void CheckPlace(ResourceKind kind, ResourceId id, Snapshot seen, List<Refusal> findings)
    {
        if (!kind.AllowsName(id.Name))
            findings.Add(new Refusal(RefusalCode.InvalidResourceName, $"'{id.Name}' is no name of this type ({kind.Noun}): it must match {kind.NamePattern}", "name"));
        if (id.Type == ResourceId.ResourceGroupType)
            return;
        if (id.ResourceGroup is not { } group)
        {
            findings.Add(new Refusal(RefusalCode.InvalidResourceId, $"a {kind.Noun} stands in a resource group", id.ToString()));
            return;
        }

        var groupId = ResourceId.OfResourceGroup(id.Subscription, group);
        if (seen.Get(groupId) is null)
            findings.Add(new Refusal(RefusalCode.ResourceGroupNotFound, $"there is no resource group '{group}'; PUT {groupId} first", id.ToString(), groupId.ToString()));
        else if (id.Parent!.Type != ResourceId.ResourceGroupType && seen.Get(id.Parent) is null)
            findings.Add(new Refusal(RefusalCode.ResourceNotFound, $"{id.Parent} doesn't exist; make it first", id.ToString(), id.Parent.ToString()));
    }

    private static void CheckReferences(ResourceKind kind, Proposal proposal)
    {
        foreach (var (path, id, _) in kind.Shape.References(proposal.Wanted.Json))
        {
            if (proposal.Seen.Get(id) is null)
                proposal.Find(RefusalCode.ReferenceNotFound, path, $"'{path}': {id} doesn't exist", id);
        }
    }

    private static void CheckIdentity(WriteRequest request, List<Refusal> findings)
    {
        if (request.Body["id"] is JsonValue value && value.TryGetValue<string>(out var text)
            && !(ResourceId.TryParse(text, out var id) && id.Equals(request.Id)))
            findings.Add(new Refusal(RefusalCode.InvalidMember, $"'id': the body says {text}, the path {request.Id}", "id"));
    }

    /// <summary>Rules read members by their types: they are asked only if no member is of a wrong type or missing.</summary>
    private static bool CanJudge(List<Refusal> findings) => findings.TrueForAll(f => f.Code is RefusalCode.UnknownMember or RefusalCode.ImmutableMember);

    private static Refusal? Preconditions(WriteRequest request, Stored? old)
    {
        if (request.IfNoneMatch && old is not null)
            return new Refusal(RefusalCode.PreconditionFailed, $"{request.Id} exists already (If-None-Match: *)", request.Id.ToString());
        if (request.IfMatch is not { } tag)
            return null;
        if (old is null)
            return new Refusal(RefusalCode.PreconditionFailed, $"{request.Id} doesn't exist (If-Match: {tag})", request.Id.ToString());
        return tag == "*" || tag.Trim('"') == Provisioning.ETagOf(old) ? null
            : new Refusal(RefusalCode.PreconditionFailed, $"{request.Id} has etag \"{Provisioning.ETagOf(old)}\", not {tag}; read it again", request.Id.ToString());
    }

    private static JsonObject Merge(ImmutableArray<Member> members, JsonObject into, JsonObject patch, string path, List<Refusal> findings)
    {
        foreach (var (name, value) in patch)
        {
            var at = path.Length == 0 ? name : $"{path}.{name}";
            var member = members.FirstOrDefault(m => m.Name == name);
            if (member is null && (path.Length > 0 || !Shape.IsEnvelope(name)))
                findings.Add(Shape.Unknown(name, at, members));
            else if (member is { Patchable: true })
                into[name] = value?.DeepClone();
            else if (member is { Type: MemberType.Group } && value is JsonObject inner && (path.Length == 0 || Reachable(member)))
                into[name] = Merge(member.Members, into[name]?.DeepClone() as JsonObject ?? [], inner, at, findings);
            else if (member is not (null or { Mutability: Mutability.ReadOnly }) && !JsonNode.DeepEquals(into[name], value))
                findings.Add(new Refusal(RefusalCode.ImmutableMember, $"'{at}' isn't reached by PATCH; use PUT", at));
        }

        return into;
    }

    private static bool Reachable(Member member) => member.Members.Any(m => m.Patchable || Reachable(m));

    /// <summary>The kind of an id that stands where its kind may: in a group, under its parent, or as the extension of another.</summary>
    private ResourceKind? KindOf(ResourceId id)
    {
        if (kinds.Find(id.Type) is not { } kind || id.Parent is not { } parent)
            return null;
        if (kind.Extends.IsEmpty && kind.ParentType is null)
            return parent.Type == ResourceId.SubscriptionType || (parent.Type == ResourceId.ResourceGroupType && id.Type != ResourceId.ResourceGroupType) ? kind : null;
        return (kind.Extends.Contains(parent.Type) || kind.ParentType == parent.Type) && KindOf(parent) is not null ? kind : null;
    }

    private static Refusal NoSuchType(ResourceId id) => new(RefusalCode.InvalidResourceType, $"there is no resource type {id.Type} here", id.ToString());

    private static Outcome<Stored> Existing(ResourceId id, Snapshot seen)
    {
        if (seen.Get(StoreKey.Of(id)) is not { } row)
            return new Refusal(RefusalCode.ResourceNotFound, $"{id} doesn't exist", id.ToString());
        return Provisioning.IsDeleting(row) ? BeingDeleted(id) : row;
    }

    private static Refusal BeingDeleted(ResourceId id) => new(RefusalCode.Conflict, $"{id} is being deleted; wait until it is gone", id.ToString());
}
