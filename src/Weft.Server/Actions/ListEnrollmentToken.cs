using System.Globalization;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Audit;
using Weft.Server.Http;
using Weft.Server.Identity;

namespace Weft.Server.Actions;

/// <summary>
/// <c>POST {cluster}/listEnrollmentToken</c>: a token that enrols one agent of one cluster, once. It is shown once; a
/// hash of it is kept.
/// </summary>
internal sealed class ListEnrollmentToken(ControlPlane controlPlane)
{
    public async Task Serve(ActionRequest request)
    {
        var (http, caller, cluster, _) = request;
        var state = controlPlane.Store.Current;
        if (state.Get(StoreKey.ForResource(cluster)) is not { } row)
        {
            await http.Refuse(
                new Refusal(RefusalCode.ResourceNotFound, $"{cluster} doesn't exist", cluster.ToString())
            );
            return;
        }

        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !EnrolmentTokenRequest.Read(body, cluster.Name).TryGet(out var wanted, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        if (!wanted.Replace && Agent.Find(state, cluster.Extend(Agent.ResourceType, wanted.Name)) is { } taken)
        {
            await http.Refuse(Agent.NameInUse(taken));
            return;
        }

        var token = CredentialStore.NewToken(BearerToken.EnrolmentKind);
        var expires = (controlPlane.UtcNow + TimeSpan.FromMinutes(wanted.Minutes)).ToString(
            "O",
            CultureInfo.InvariantCulture
        );
        var enrolment = new EnrolmentToken(cluster, wanted.Name, wanted.Node, wanted.Replace, caller.Name);
        _ = await controlPlane.Store.Commit(
            ReadSet.Empty,
            [Mutation.Put(EnrolmentToken.KeyOf(BearerToken.HashOf(token)), enrolment.ToDocument(row, expires))],
            http.RequestAborted
        );
        Describe(http.Audit(), enrolment, BearerToken.HashOf(token), expires);
        http.Response.Headers.CacheControl = "no-store";
        await http.Respond(
            200,
            new EnrolmentTokenResponse(token, expires, cluster.ToString(), wanted.Name, wanted.Node).ToJson()
        );
    }

    private static void Describe(AuditEntry entry, EnrolmentToken enrolment, string hash, string expires)
    {
        entry.Note("token", AuditEntry.TokenIdOf(hash));
        entry.Note("name", enrolment.Name);
        entry.Note("node", enrolment.Node);
        entry.Note("replace", enrolment.MayReplace ? "True" : "False");
        entry.Note("expiresAt", expires);
    }
}
