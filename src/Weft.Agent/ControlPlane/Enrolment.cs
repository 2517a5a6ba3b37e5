using Weft.Contracts;

namespace Weft.Agent.ControlPlane;

/// <summary>
/// The first start: a token that is good for one enrolment makes a credential known that this agent has made itself.
/// </summary>
/// <param name="options">The name, the node and the token's file.</param>
/// <param name="keep">Where it is kept besides, before it is used; null for nowhere.</param>
internal sealed class Enrolment(
    ControlPlaneClient plane,
    AgentOptions options,
    string credentialPath,
    TimeProvider clock,
    Func<Identity, CancellationToken, Task>? keep = null
)
{
    private const int MaxTokenLength = 8 * 1024;

    /// <summary>
    /// Uses the identity that is kept, if there is one; else checks that enrolling can at least be tried.
    /// </summary>
    /// <exception cref="StartupException">There is neither an identity nor a token.</exception>
    /// <param name="exposed">See <see cref="Identity.Read"/>.</param>
    public void Resume(Action<UnixFileMode>? exposed = null)
    {
        plane.Identity = Identity.Read(credentialPath, options.Name, exposed);
        if (plane.Identity is null)
            _ = ReadToken();
    }

    /// <summary>Asks the control plane once.</summary>
    /// <remarks>
    /// A node that joins by its cluster's word is tried again: the word may come later, when the cluster's agent has
    /// said who signs it.
    /// </remarks>
    /// <exception cref="StartupException">The token, or the request, was refused.</exception>
    /// <exception cref="ControlPlaneException">It can't be reached: try again.</exception>
    public async Task<Identity> Enrol(CancellationToken cancel)
    {
        // Read each time, so that a token that has expired while the control plane was away can be replaced in place.
        var token = ReadToken();
        try
        {
            // On the disk before it is used: should the answer be lost, the next start asks with the same one.
            var credential = PendingCredential.ReadOrCreate(credentialPath);
            var request = new EnrolmentRequest(
                options.Name,
                BearerToken.HashOf(credential),
                options.Node,
                AgentOptions.Version
            );
            var answer = options.Cluster is { } cluster
                ? await plane.Join(request, cluster, token, cancel)
                : await plane.Enrol(request, token, cancel);
            var identity = new Identity(
                options.Name,
                answer.AgentId,
                answer.Cluster,
                credential,
                Since: clock.GetUtcNow()
            );
            if (keep is not null)
                await keep(identity, cancel);
            identity.Save(credentialPath);
            PendingCredential.Remove(credentialPath);
            return plane.Identity = identity;
        }
        catch (ControlPlaneException e) when (e.IsBearerRefused && options.Cluster is null)
        {
            throw new StartupException(
                $"the control plane refused the enrolment token of '{options.TokenFile}': {e.Message}. "
                    + "Make a new one for this cluster, write it there and start again",
                e
            );
        }
        catch (ControlPlaneException e) when (e.IsRefusal && e.Status is not 404 && options.Cluster is null)
        {
            throw new StartupException($"the control plane refused to enrol '{options.Name}': {e.Message}", e);
        }
    }

    private string ReadToken()
    {
        if ((options.ServiceAccountTokenFile ?? options.TokenFile) is not { } path)
        {
            throw new StartupException(
                "the agent isn't enrolled: make an enrolment token for its cluster, and start with --enrollment-token-file FILE"
            );
        }

        string token;
        try
        {
            token = File.ReadAllText(path).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"the token to enrol with can't be read: {e.Message}", e);
        }

        // Anything else couldn't stand in a header, and must not be printed either.
        if (token.Length is 0 or > MaxTokenLength || token.Any(c => c is <= ' ' or >= (char)127))
            throw new StartupException($"'{path}' holds no token to enrol with: it must be one line of visible ASCII");
        return token;
    }
}
