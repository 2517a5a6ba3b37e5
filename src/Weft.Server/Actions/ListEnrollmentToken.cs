using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Resources;
using Weft.Server.Http;
using Weft.Server.Identity;

namespace Weft.Server.Actions;

/// <summary>
/// <c>POST {cluster}/listEnrollmentToken</c>: a token that enrols agents of one cluster. It is shown once; a hash of it
/// is kept.
/// </summary>
internal sealed class ListEnrollmentToken(ControlPlane controlPlane)
{
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromHours(24);

    public async Task Serve(ActionRequest request)
    {
        var (http, _, cluster, _) = request;
        if (controlPlane.Store.Current.Get(StoreKey.ForResource(cluster)) is not { } row)
        {
            await http.Refuse(
                new Refusal(RefusalCode.ResourceNotFound, $"{cluster} doesn't exist", cluster.ToString())
            );
            return;
        }

        var token = CredentialStore.NewToken("enr");
        var expires = (controlPlane.UtcNow + TokenLifetime).ToString("O", CultureInfo.InvariantCulture);
        var kept = new JsonObject
        {
            ["cluster"] = cluster.ToString(),
            ["made"] = CredentialStore.CreatedAtOf(row),
            ["expiresAt"] = expires,
        };
        _ = await controlPlane.Store.Commit(
            ReadSet.Empty,
            [Mutation.Put($"{CredentialStore.EnrolmentPartition}|{CredentialStore.HashOf(token)}", kept)],
            http.RequestAborted
        );
        http.Response.Headers.CacheControl = "no-store";
        await http.Respond(
            200,
            new JsonObject
            {
                ["token"] = token,
                ["expiresAt"] = expires,
                ["cluster"] = cluster.ToString(),
            }
        );
    }
}
