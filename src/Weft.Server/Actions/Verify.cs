using Weft.Server.Http;
using Weft.Server.Verifications;

namespace Weft.Server.Actions;

/// <summary><c>POST {cluster}/verify</c>: has the cluster's agents check what they made.</summary>
internal sealed class Verify(ControlPlane controlPlane, VerificationRuns runs)
{
    public async Task Serve(ActionRequest request)
    {
        var (http, _, cluster, _) = request;
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !VerificationRequest
                .Read(controlPlane.Store.Current, cluster, body)
                .TryGet(out var verification, out refusal)
        )
            await http.Refuse(refusal);
        else
            await http.Respond(201, runs.Start(verification).Render());
    }
}
