using System.Text.Json.Nodes;
using Weft.Networks;
using Weft.Resources;
using Weft.Server.Audit;
using Weft.Server.Http;
using Weft.Server.Identity;

namespace Weft.Server.Actions;

/// <summary>
/// <c>POST {l3Network}/providers/Weft.Ipam/pools/default/import</c>: addresses that are in use become reservations, in one
/// commit or not at all.
/// </summary>
internal sealed class ImportAddresses(ControlPlane controlPlane)
{
    public async Task Serve(ActionRequest request)
    {
        var http = request.Http;
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !PoolImport.Read(body).TryGet(out var import, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        var outcome = import.IsDryRun
            ? Decide(request, import, new ReadTransaction(controlPlane.Store.Current))
            : await controlPlane.Decide(transaction => Decide(request, import, transaction), http.RequestAborted);
        if (!outcome.TryGet(out var decision, out refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        if (!import.IsDryRun)
            http.Audit().Change(decision);
        await http.Respond(200, Render(import, decision));
    }

    private Outcome<Decision> Decide(ActionRequest request, PoolImport import, ReadTransaction transaction)
    {
        var merged = import.MergeInto(transaction.Get(request.Id));
        var write = new WriteRequest(
            request.Id,
            request.Caller.Name,
            "User",
            controlPlane.Now,
            ControlPlane.NewOperationName()
        )
        {
            CheckJoin = (path, linked) => Authorization.CheckJoin(request.Caller, path, linked),
            Body = merged.Body,
        };
        var outcome = controlPlane.Verbs.Put(write, transaction);
        return outcome.TryGet(out _, out var refusal) ? outcome : merged.Locate(refusal);
    }

    private static JsonObject Render(PoolImport import, Decision decision)
    {
        var (before, after) = (KeptOf(decision.Before ?? decision.Row), KeptOf(decision.Row));
        if (decision.Created)
            before = 0;
        return new JsonObject
        {
            ["entries"] = import.Entries.Length,
            ["imported"] = (after - before).ToString(System.Globalization.CultureInfo.InvariantCulture),
            ["dryRun"] = import.IsDryRun,
        };
    }

    private static UInt128 KeptOf(Row? pool) => pool is null ? 0 : PoolSpec.Read(pool).Rules.Kept.Count;
}
