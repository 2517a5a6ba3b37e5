using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>A write that passed all rules.</summary>
/// <param name="Verb"><c>Put</c>, <c>Delete</c> or an action's name.</param>
/// <param name="Document">The resource as it is to be stored, but for its provisioning.</param>
/// <param name="Old">What it replaces, or null for a new resource.</param>
/// <param name="More">What it brings with it: side effects and leases.</param>
internal sealed record AcceptedWrite(
    ResourceKind Kind,
    WriteRequest Request,
    string Verb,
    JsonObject Document,
    Row? Old,
    IEnumerable<Mutation> More
)
{
    public const string PutVerb = "Put";

    public const string DeleteVerb = "Delete";

    public ResourceId Id { get; } = ResourceId.Parse(Document["id"]!.GetValue<string>()).Value;
}

/// <summary>Makes one commit of a write: the resource, what it brings with it, and the operation that begins.</summary>
internal static class WriteCommit
{
    public static Outcome<Decision> Create(
        AcceptedWrite write,
        ReadTransaction transaction,
        FindAgentEffects findAgentEffects
    )
    {
        StampProvisioning(write);
        List<Mutation> changes = [Mutation.Put(write.Id, write.Document), .. write.More];
        var before = transaction.State;
        if (write.Kind.IsSynchronous)
            return CreateDecision(write, changes, null, before);
        if (
            !findAgentEffects(before, before.Next(changes), changes, write.Request)
                .TryGet(out var effects, out var refusal)
        )
            return refusal;
        changes.AddRange(effects.Changes);
        var operation = BeginOperation(write, changes, effects.Agents);
        operation = ReplaceEarlierOperation(write, operation, changes, transaction);
        changes.Add(operation.ToMutation());
        return CreateDecision(write, changes, operation, before) with { Warnings = effects.Warnings };
    }

    private static void StampProvisioning(AcceptedWrite write)
    {
        var stamp = write.Document[Provisioning.MemberName] as JsonObject ?? [];
        stamp["state"] =
            write.Verb == AcceptedWrite.DeleteVerb ? Provisioning.Deleting
            : write.Kind.IsSynchronous ? Provisioning.Succeeded
            : Provisioning.Accepted;
        if (!write.Kind.IsSynchronous)
            stamp["operation"] = write.Request.OperationName;
        stamp["etag"] = write.Request.OperationName;
        stamp.Remove("message");
        stamp.Remove(Provisioning.DisclosesName);
        write.Document[Provisioning.MemberName] = stamp;
    }

    /// <summary>The operation of a write, which waits for the agents whose desired state it alters.</summary>
    /// <param name="changes">The commit; ends of leases are taken out of it where the operation is to end them.</param>
    private static Operation BeginOperation(AcceptedWrite write, List<Mutation> changes, ImmutableArray<string> pending)
    {
        var request = write.Request;
        var operation = new Operation(
            request.OperationName,
            write.Id,
            write.Verb,
            Operation.InProgress,
            request.Now
        ) with
        {
            PendingAgents = pending,
        };
        return pending.IsEmpty ? operation : operation with { ReleasesOnCompletion = ExtractLeaseReleases(changes) };
    }

    /// <summary>Takes over what an earlier operation hasn't released, and ends it where it still runs.</summary>
    private static Operation ReplaceEarlierOperation(
        AcceptedWrite write,
        Operation operation,
        List<Mutation> changes,
        ReadTransaction transaction
    )
    {
        if (
            write.Old is not { } old
            || Provisioning.OperationOf(old) is not { } name
            || transaction.Get(Operation.KeyOf(name)) is not { } row
        )
            return operation;
        var earlier = Operation.Read(row);
        if (!earlier.IsTerminal)
            changes.Add(
                earlier
                    .Complete(
                        Provisioning.Canceled,
                        write.Request.Now,
                        nameof(RefusalCode.Conflict),
                        $"a newer {write.Verb} of the {write.Kind.Noun} took its place"
                    )
                    .ToMutation()
            );
        return earlier.Status == Provisioning.Succeeded
            ? operation
            : operation with
            {
                ReleasesOnCompletion = [.. earlier.ReleasesOnCompletion.Union(operation.ReleasesOnCompletion)],
            };
    }

    private static Decision CreateDecision(
        AcceptedWrite write,
        List<Mutation> changes,
        Operation? operation,
        StoreState before
    )
    {
        var after = before.Next(changes);
        return new Decision(
            [.. changes],
            after.Get(StoreKey.ForResource(write.Id)),
            after,
            write.Old is null,
            operation
        )
        {
            Before = write.Old,
        };
    }

    /// <summary>Takes the ends of leases out of changes: they come with the end of the operation.</summary>
    private static ImmutableArray<string> ExtractLeaseReleases(List<Mutation> changes)
    {
        var keys = ImmutableArray.CreateBuilder<string>();
        for (var i = changes.Count - 1; i >= 0; i--)
        {
            if (changes[i] is not PackedMutation packed)
                continue;
            var (rest, ends) = packed.WithoutEnds();
            keys.InsertRange(0, ends);
            if (rest is null)
                changes.RemoveAt(i);
            else
                changes[i] = rest;
        }

        return keys.ToImmutable();
    }
}
