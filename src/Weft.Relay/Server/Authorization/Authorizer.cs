using System.Collections.Immutable;
using Weft.Relay.Protocol;
using Weft.Relay.Server.Http;

namespace Weft.Relay.Server.Authorization;

/// <summary>
/// Decides who is admitted, at every endpoint, and who may stay. Only callers with a good token are told what the
/// network rules say.
/// </summary>
internal sealed class Authorizer(IRelayDirectory directory, RelayServerOptions options, TimeProvider clock)
{
    private static readonly CloseStatus ConnectionDeleted = new(1001, "the hybrid connection was deleted");
    private static readonly CloseStatus KeyRevoked = new(1008, "the key of your token is no longer good");
    private static readonly CloseStatus TokenRequired = new(1008, "the hybrid connection requires authorization now");
    private static readonly CloseStatus Unauthorized = new(1008, "unauthorized");

    /// <summary>Authorizes a caller that comes with a token, or without where none is required.</summary>
    /// <param name="grant">Its grant; null where it is refused.</param>
    /// <returns>Why it is refused; null where it isn't.</returns>
    public HttpRefusal? Authorize(RelayRequest request, ClientRole role, out Grant? grant) =>
        Authorize(request, role, role == ClientRole.Listener ? RelayRights.Listen : RelayRights.Send, out grant);

    /// <summary>Authorizes a caller whose token gives one of some rights.</summary>
    /// <param name="rights">What its token must give: any of these.</param>
    /// <param name="grant">Its grant; null where it is refused.</param>
    /// <returns>Why it is refused; null where it isn't.</returns>
    public HttpRefusal? Authorize(RelayRequest request, ClientRole role, RelayRights rights, out Grant? grant)
    {
        grant = null;
        // Read before anything is decided: after a change in between, the grant is out of date and is checked again; it
        // never looks newer than it is.
        var version = directory.Version;
        var path = request.Path.Path;
        var connection = path.Length == 0 ? null : directory.Find(path);
        var isRequired =
            connection is null
            || role == ClientRole.Listener
            || rights != RelayRights.Send
            || connection.RequiresClientAuthorization;
        var (text, isFromAuthorization) = request.FindToken(isRequired);
        var result = Verify(text, connection?.Rules ?? directory.RulesAbove(path), path, role);
        var holds = result.IsValid && (result.Rule!.Rights & rights) != 0;
        if (isRequired && !holds)
            return RefuseToken(result, rights);
        // Only who might use a connection there is told that there is none: to others it looks like one that they may not use.
        if (connection is null)
            return HttpRefusal.NoSuchEndpoint with { Key = result.Rule!.Name };
        var key = holds ? result.Rule!.Name : null;
        var service = path.Length > connection.Path.Length ? path[(connection.Path.Length + 1)..] : "";
        var admission = directory.Admit(connection, role, service, request.Source.Address);
        if (!admission.IsAllowed)
            return key is null ? RefuseStranger(request, admission) : RefuseNetwork(admission, key);
        grant = new(connection, role, path, service, request.Source, version)
        {
            Token = holds && SharedAccessSignature.TryParse(text, out var token) ? token : null,
            Key = key,
            Rule = admission.Rule,
            IsTokenFromAuthorization = isFromAuthorization,
        };
        return null;
    }

    /// <summary>
    /// Authorizes a listener that comes to a rendezvous: its address is its authorization, and the network rules hold
    /// all the same.
    /// </summary>
    /// <param name="grant">The listener's grant; null where it is refused.</param>
    /// <returns>Why it is refused; null where it isn't.</returns>
    public HttpRefusal? AuthorizeRendezvous(RelayRequest request, Grant senderGrant, out Grant? grant)
    {
        grant = null;
        var version = directory.Version;
        var admission = directory.Admit(
            senderGrant.Connection,
            ClientRole.Listener,
            senderGrant.Service,
            request.Source.Address
        );
        if (!admission.IsAllowed)
            return RefuseNetwork(admission, "rendezvous");
        grant = new(
            senderGrant.Connection,
            ClientRole.Listener,
            senderGrant.Path,
            senderGrant.Service,
            request.Source,
            version
        )
        {
            Rule = admission.Rule,
        };
        return null;
    }

    /// <summary>Checks somebody who is here by the directory as it is now.</summary>
    /// <returns>Why it has to go; null where it may stay.</returns>
    public CloseStatus? Reauthorize(Grant grant)
    {
        var version = directory.Version;
        if (
            directory.Find(grant.Path) is not { } connection
            || connection.Path != grant.Connection.Path
            || connection.CreatedAt != grant.Connection.CreatedAt
        )
            return ConnectionDeleted;
        if (ReauthorizeToken(grant, connection) is { } closeStatus)
            return closeStatus;
        var admission = directory.Admit(connection, grant.Role, grant.Service, grant.Source.Address);
        if (!admission.IsAllowed)
            return grant is { Role: ClientRole.Sender, Key: null }
                ? Unauthorized
                : new(1008, admission.Refusal ?? "the network rules have changed");
        grant.Version = version;
        return null;
    }

    private CloseStatus? ReauthorizeToken(Grant grant, HybridConnectionDescription connection)
    {
        if (grant.Token is not { } token)
            return grant.Role == ClientRole.Sender && connection.RequiresClientAuthorization ? TokenRequired : null;
        var result = token.Verify(connection.Rules, grant.Path, clock.GetUtcNow(), SkewOf(grant.Role), options.Hosts);
        var right = grant.Role == ClientRole.Listener ? RelayRights.Listen : RelayRights.Send;
        // Expiry is checked elsewhere, and doesn't end a session.
        return result.Fault is TokenFault.None or TokenFault.Expired && (result.Rule!.Rights & right) != 0
            ? null
            : KeyRevoked;
    }

    /// <summary>Verifies a token that a listener renews with.</summary>
    /// <param name="grant">The listener's grant; its token is replaced where the new one is good.</param>
    /// <returns>Why it is refused; null where it isn't.</returns>
    public string? RenewToken(string text, Grant grant)
    {
        if (directory.Find(grant.Path) is not { } connection)
            return "the hybrid connection was deleted";
        var result = Verify(text, connection.Rules, grant.Path, ClientRole.Listener);
        if (!result.IsValid)
            return result.Phrase;
        if ((result.Rule!.Rights & RelayRights.Listen) == 0)
            return "the token doesn't give the right to listen";
        _ = SharedAccessSignature.TryParse(text, out var token);
        grant.Token = token;
        return null;
    }

    private TokenValidationResult Verify(
        string? text,
        ImmutableArray<AuthorizationRule> rules,
        string path,
        ClientRole role
    ) => SharedAccessSignature.Verify(text, rules, path, clock.GetUtcNow(), SkewOf(role), options.Hosts);

    private TimeSpan SkewOf(ClientRole role) =>
        role == ClientRole.Listener ? options.ListenerTokenSkew : options.SenderTokenSkew;

    private static HttpRefusal RefuseToken(TokenValidationResult result, RelayRights rights) =>
        result switch
        {
            { IsValid: true } => new(403, $"The token doesn't give the right: {rights}") { Key = result.Rule!.Name },
            _ => new(result.Status, result.Phrase) { Key = result.Rule?.Name },
        };

    /// <summary>
    /// Refuses somebody without a good token by the network rules, in the words of a connection that isn't there. The
    /// audit log has the rule.
    /// </summary>
    private HttpRefusal RefuseStranger(RelayRequest request, Admission admission)
    {
        var (text, _) = request.FindToken(isRequired: true);
        var result = Verify(text, [], request.Path.Path, ClientRole.Sender);
        return RefuseToken(result, RelayRights.Send) with { AuditText = admission.Refusal, Rule = admission.Rule };
    }

    private static HttpRefusal RefuseNetwork(Admission admission, string key) =>
        new(403, admission.Refusal ?? "Your network is not allowed here") { Rule = admission.Rule, Key = key };
}
