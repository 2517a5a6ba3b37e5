using Weft.Contracts;

namespace Weft.Agent.ControlPlane;

/// <summary>The first start: a token that many may use becomes a credential of this agent alone.</summary>
/// <param name="options">The name, the node and the token's file.</param>
/// <param name="keep">Where it is kept besides, before it is used; null for nowhere.</param>
internal sealed class Enrolment(
    ControlPlaneClient plane,
    AgentOptions options,
    string credentialPath,
    Func<Identity, CancellationToken, Task>? keep = null
)
{
    /// <summary>
    /// Uses the identity that is kept, if there is one; else checks that enrolling can at least be tried.
    /// </summary>
    /// <exception cref="StartupException">There is neither an identity nor a token.</exception>
    public void Resume()
    {
        plane.Identity = Identity.Read(credentialPath, options.Name);
        if (plane.Identity is null)
            _ = ReadToken();
    }

    /// <summary>Asks the control plane once, and keeps what it gives before using it.</summary>
    /// <exception cref="StartupException">The token, or the request, was refused.</exception>
    /// <exception cref="ControlPlaneException">It can't be reached: try again.</exception>
    public async Task<Identity> Enrol(CancellationToken cancel)
    {
        // Read each time, so that a token that has expired while the control plane was away can be replaced in place.
        var token = ReadToken();
        try
        {
            var answer = await plane.Enrol(
                new EnrolmentRequest(options.Name, options.Node, AgentOptions.Version),
                token,
                cancel
            );
            var identity = new Identity(options.Name, answer.AgentId, answer.Cluster, answer.Credential);
            if (keep is not null)
                await keep(identity, cancel);
            identity.Save(credentialPath);
            return plane.Identity = identity;
        }
        catch (ControlPlaneException e) when (e.IsBearerRefused)
        {
            throw new StartupException(
                $"the control plane refused the enrolment token of '{options.TokenFile}': {e.Message}. "
                    + "Make a new one for this cluster, write it there and start again",
                e
            );
        }
        catch (ControlPlaneException e) when (e.IsRefusal && e.Status is not 404)
        {
            throw new StartupException($"the control plane refused to enrol '{options.Name}': {e.Message}", e);
        }
    }

    private string ReadToken()
    {
        if (options.TokenFile is not { } path)
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
            throw new StartupException($"the enrolment token can't be read: {e.Message}", e);
        }

        // Anything else couldn't stand in a header, and must not be printed either.
        if (token.Length is 0 or > 4096 || token.Any(c => c is <= ' ' or >= (char)127))
            throw new StartupException($"'{path}' holds no enrolment token: it must be one line of visible ASCII");
        return token;
    }
}
