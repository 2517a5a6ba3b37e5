using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>What a write must keep whatever its kind: its place, its id, its conditions, what it names.</summary>
internal static class RequestChecks
{
    public static void CheckScope(ResourceKind kind, ResourceId id, ReadTransaction transaction, List<Refusal> findings)
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

    /// <summary>
    /// What is named must be the caller's to join, and be there. Nothing is said of whether it is there to who may not join
    /// it. What is joined already isn't asked for again: an edit of tags needs no right on the network.
    /// </summary>
    public static void CheckReferences(ResourceKind kind, ValidationContext context)
    {
        var joined = context.Old is { } old
            ? kind.Schema.References(old.Json).Select(r => r.Id).Concat(kind.HostsOf(old).Select(h => h.Id)).ToHashSet()
            : [];
        Refusal? Denied(string path, ResourceId id) =>
            context.Request is { } request && !joined.Contains(id) ? request.CheckJoin(path, id) : null;
        foreach (var (path, id) in kind.HostsOf(context.Proposed))
        {
            if (Denied(path, id) is { } denied)
                context.AddError(denied);
        }

        foreach (var (path, id, _) in kind.Schema.References(context.Proposed.Json))
        {
            if (Denied(path, id) is { } denied)
                context.AddError(denied);
            else if (context.Transaction.Get(id) is null)
                context.AddError(RefusalCode.ReferenceNotFound, path, $"'{path}': {id} doesn't exist", id);
        }
    }

    public static void CheckIdentity(WriteRequest request, List<Refusal> findings)
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

    public static Refusal? CheckPreconditions(WriteRequest request, Row? old)
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
}
