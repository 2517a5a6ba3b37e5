using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Weft.Addressing;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Audit;
using Weft.Server.Blocks;
using Weft.Server.Http;
using Weft.Server.Leases;

namespace Weft.Server.Agents;

/// <summary>
/// Several requests about leases in one (docs/specs/agent-api.md, "Batches"). Each counts as if it had come alone, and has
/// an answer of its own.
/// </summary>
internal sealed class LeaseBatchEndpoints(
    ControlPlane controlPlane,
    LeaseAllocator allocator,
    LeaseRates rates,
    LeasedNetworks networks,
    BlockRecalls recalls
)
{
    private static readonly JsonWriterOptions Legible = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        // What is written here is of one form, which tests hold.
        SkipValidation = true,
    };

    /// <summary>Serves <c>POST leases/batch</c>.</summary>
    public async Task Serve(HttpContext http, ResourceId agent)
    {
        if (
            !(await http.ReadBytes()).TryGet(out var bytes, out var refusal)
            || !Read(bytes).TryGet(out var requests, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        // Asked after the body has come, which may take long: who is gone by now speaks for nobody.
        if (Agent.Find(controlPlane.Store.Current, agent) is not { } row)
        {
            await http.Refuse(Agent.Deleted(agent));
            return;
        }

        var items = Judge(requests, agent, row);
        if (items.All(item => item.Answer.Refusal?.Code == RefusalCode.TooManyRequests))
        {
            await http.Refuse(items[0].Answer.Refusal!);
            return;
        }

        await SubmitAndClear(items, http.RequestAborted);
        // Of another session is the whole call, and that is what its agent has to hear.
        if (
            items.FirstOrDefault(item => item.Answer.Refusal?.Code == RefusalCode.LeaseSessionEnded) is { } late
            && items.All(item => item.Answer.Refusal is not null)
        )
            await http.Refuse(late.Answer.Refusal!);
        else
            await Respond(http, items);
    }

    private Outcome<ImmutableArray<Outcome<BatchedLeaseRequest>>> Read(ReadOnlyMemory<byte> bytes)
    {
        if (LeaseBatchBody.CheckLength(bytes.Length) is { } tooLarge)
            return tooLarge;
        if (PlainLeaseBatch.TryRead(bytes.Span, networks.Find) is { } plain)
            return plain.ConvertAll(item => (Outcome<BatchedLeaseRequest>)item).ToImmutableArray();
        return RequestBody.ParseObject(bytes).TryGet(out var body, out var refusal)
            ? LeaseBatchBody.Read(body)
            : refusal;
    }

    /// <summary>What can be said without the allocator; the rest waits for it.</summary>
    private Item[] Judge(ImmutableArray<Outcome<BatchedLeaseRequest>> requests, ResourceId agent, Row row)
    {
        var known = new Dictionary<ResourceId, Refusal?>(ReferenceEqualityComparer.Instance);
        var items = new Item[requests.Length];
        for (var i = 0; i < items.Length; i++)
        {
            if (
                !requests[i].TryGet(out var asked, out var refusal)
                || !asked.Request.Of(agent, row).TryGet(out var request, out refusal)
            )
            {
                items[i] = new Item(null, refusal);
                continue;
            }

            request = request with
            {
                IsRelease = asked.Verb == LeaseVerb.Release,
                IsConfirmation = asked.Verb == LeaseVerb.Confirm,
            };
            items[i] = Judge(request, known);
        }

        return items;
    }

    private Item Judge(LeaseRequest request, Dictionary<ResourceId, Refusal?> known)
    {
        var isAcquire = !request.IsRelease && !request.IsConfirmation;
        if (isAcquire && rates.Take(request.Agent, request.OnlyOfNode) is { } tooFast)
            return new Item(request, tooFast);
        if (isAcquire && WhyNotAttached(request, known) is { } notAttached)
            return new Item(request, notAttached);
        // Checked here it keeps made-up networks out of the allocator; what was leased is given back after a detachment, too.
        if (!isAcquire && controlPlane.Store.Current.Get(StoreKey.ForResource(request.Network)) is null)
            return new Item(
                request,
                request.IsRelease
                    ? ImmutableArray<Lease>.Empty
                    : new Refusal(RefusalCode.ResourceNotFound, $"{request.Network} doesn't exist", "network")
            );
        return new Item(request, default(Outcome<ImmutableArray<Lease>>)) { Waits = true };
    }

    private Refusal? WhyNotAttached(LeaseRequest request, Dictionary<ResourceId, Refusal?> known)
    {
        if (!known.TryGetValue(request.Network, out var refusal))
        {
            var transaction = new ReadTransaction(controlPlane.Store.Current);
            refusal = LeaseAllocator.IsAttached(transaction, request.Cluster, request.Network)
                ? null
                : LeaseAllocator.NotAttachedRefusal(request.Cluster, request.Network);
            known[request.Network] = refusal;
        }

        return refusal;
    }

    /// <summary>Has the allocator answer what waits; what blocks of nodes stand in the way of once more, when they are back.</summary>
    private async Task SubmitAndClear(Item[] items, CancellationToken cancel)
    {
        await Submit(items.Where(item => item.Waits), cancel);
        await recalls.Clear(
            BlocksInTheWay(),
            async () =>
            {
                await Submit(items.Where(item => !BlockRecalls.InTheWayOf(item.Answer).IsEmpty), cancel);
                return BlocksInTheWay();
            },
            cancel
        );

        ImmutableHashSet<string> BlocksInTheWay() =>
            [.. items.SelectMany(item => BlockRecalls.InTheWayOf(item.Answer))];
    }

    /// <summary>Has the allocator answer some, all of a network at once.</summary>
    private async Task Submit(IEnumerable<Item> items, CancellationToken cancel)
    {
        var calls = new List<Task>();
        foreach (var network in items.GroupBy(item => item.Request!.Network))
        {
            Item[] waiting = [.. network];
            var call = new PendingCall(waiting.Length);
            foreach (var item in waiting)
                item.Pending = new PendingLease(item.Request!, call);
            await allocator.Submit(network.Key, Array.ConvertAll(waiting, item => item.Pending!), cancel);
            calls.Add(call.Task);
        }

        await Task.WhenAll(calls).WaitAsync(cancel);
    }

    private Task Respond(HttpContext http, Item[] items)
    {
        var body = new ArrayBufferWriter<byte>(256 * items.Length);
        var refused = 0;
        using (var json = new Utf8JsonWriter(body, Legible))
        {
            json.WriteStartObject();
            json.WriteStartArray("items"u8);
            foreach (var item in items)
            {
                json.WriteStartObject();
                if (item.Answer.TryGet(out var leases, out var refusal))
                    WriteDone(json, item.Request!, leases);
                else
                    WriteRefused(json, refusal.VisibleTo(http.Sight().Invoke));
                refused += refusal is null ? 0 : 1;
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        if (refused > 0)
            http.Audit().Note("refused", string.Create(CultureInfo.InvariantCulture, $"{refused} of {items.Length}"));
        return http.Respond(
            refused == 0 ? StatusCodes.Status200OK : StatusCodes.Status207MultiStatus,
            body.WrittenMemory.ToArray()
        );
    }

    private void WriteDone(Utf8JsonWriter json, LeaseRequest request, ImmutableArray<Lease> leases)
    {
        json.WriteNumber("status"u8, request.IsRelease ? StatusCodes.Status204NoContent : StatusCodes.Status200OK);
        if (request.IsRelease)
            return;
        json.WritePropertyName("lease"u8);
        networks.Write(json, request.Network, leases);
    }

    private static void WriteRefused(Utf8JsonWriter json, Refusal refusal)
    {
        json.WriteNumber("status"u8, refusal.Code.HttpStatus());
        json.WritePropertyName("error"u8);
        refusal.ToErrorBody()["error"]!.WriteTo(json);
        if (HttpContextExtensions.RetryAfterOf(refusal) is { } seconds)
            json.WriteNumber("retryAfter"u8, seconds);
    }

    /// <summary>One item: answered at once, or by the allocator.</summary>
    private sealed class Item(LeaseRequest? request, Outcome<ImmutableArray<Lease>> known)
    {
        public LeaseRequest? Request => request;

        public bool Waits { get; init; }

        public PendingLease? Pending { get; set; }

        public Outcome<ImmutableArray<Lease>> Answer => Pending?.Answer ?? known;
    }
}
