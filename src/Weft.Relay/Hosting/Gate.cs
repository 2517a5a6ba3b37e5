using Weft.Relay.Wire;

namespace Weft.Relay.Hosting;

/// <summary>Decides who comes in, at every door, and who may stay. Only those whose token is good learn what the network rules say.</summary>
internal sealed class Gate(IRelayDirectory directory, RelayOptions options, TimeProvider clock)
{
    private static readonly Ending Deleted = new(1001, "the hybrid connection was deleted");
    private static readonly Ending KeyRevoked = new(1008, "the key of your token is no longer good");
    private static readonly Ending NeedsToken = new(1008, "the hybrid connection requires authorization now");
    private static readonly Ending Unauthorized = new(1008, "unauthorized");

    /// <summary>Lets a caller in that comes with a token, or without where none is required.</summary>
    /// <param name="pass">Its pass; null where it is refused.</param>
    /// <returns>Why it is refused; null where it isn't.</returns>
    public Refusal? Enter(Caller caller, RelayRole role, out Pass? pass) => Enter(caller, role, role == RelayRole.Listener ? RelayRights.Listen : RelayRights.Send, out pass);

    /// <summary>Lets a caller in whose token gives one of some rights.</summary>
    /// <param name="rights">What its token must give: any of these.</param>
    /// <param name="pass">Its pass; null where it is refused.</param>
    /// <returns>Why it is refused; null where it isn't.</returns>
    public Refusal? Enter(Caller caller, RelayRole role, RelayRights rights, out Pass? pass)
    {
        pass = null;
        // Read before anything is decided: a change in between leaves a pass that is out of date, never one that wrongly seems fresh.
        var version = directory.Version;
        var path = caller.Path.Path;
        if (path.Length == 0 || directory.Find(path) is not { } connection)
            return Refusal.NoSuchEndpoint;
        var isRequired = role == RelayRole.Listener || rights != RelayRights.Send || connection.RequiresClientAuthorization;
        var (text, isFromAuthorization) = caller.Token(isRequired);
        var verdict = text is null ? new TokenVerdict(TokenFault.Malformed) : SharedAccessSignature.Verify(text, connection.Rules, path, clock.GetUtcNow(), options.ClockSkew);
        var holds = verdict.IsGood && (verdict.Rule!.Rights & rights) != 0;
        if (isRequired && !holds)
            return WrongToken(verdict, rights);
        var service = path.Length > connection.Path.Length ? path[(connection.Path.Length + 1)..] : "";
        var admission = directory.Admit(connection, role, service, caller.Source.Address);
        if (!admission.IsAllowed)
            return Denied(admission, holds ? verdict.Rule!.Name : null);
        pass = new(connection, role, path, service, caller.Source, version)
        {
            Token = holds && SharedAccessSignature.TryParse(text, out var token) ? token : null,
            Key = holds ? verdict.Rule!.Name : null,
            Rule = admission.Rule,
            IsTokenFromAuthorization = isFromAuthorization,
        };
        return null;
    }

    /// <summary>Lets a listener in that comes to a rendezvous: its address is its authorization, and the network rules hold all the same.</summary>
    /// <param name="pass">The listener's pass; null where it is refused.</param>
    /// <returns>Why it is refused; null where it isn't.</returns>
    public Refusal? EnterRendezvous(Caller caller, Pass expected, out Pass? pass)
    {
        pass = null;
        var version = directory.Version;
        var admission = directory.Admit(expected.Connection, RelayRole.Listener, expected.Service, caller.Source.Address);
        if (!admission.IsAllowed)
            return Denied(admission, "rendezvous");
        pass = new(expected.Connection, RelayRole.Listener, expected.Path, expected.Service, caller.Source, version) { Rule = admission.Rule };
        return null;
    }

    /// <summary>Judges somebody who is here by the directory as it is now.</summary>
    /// <returns>Why it has to go; null where it may stay.</returns>
    public Ending? Judge(Pass pass)
    {
        var version = directory.Version;
        if (directory.Find(pass.Path) is not { } connection || connection.Path != pass.Connection.Path || connection.CreatedAt != pass.Connection.CreatedAt)
            return Deleted;
        if (pass.Token is { } token)
        {
            var verdict = token.Verify(connection.Rules, pass.Path, clock.GetUtcNow(), options.ClockSkew);
            var right = pass.Role == RelayRole.Listener ? RelayRights.Listen : RelayRights.Send;
            // Expiry is watched elsewhere, and doesn't end a session.
            if (verdict.Fault is not (TokenFault.None or TokenFault.Expired) || (verdict.Rule!.Rights & right) == 0)
                return KeyRevoked;
        }
        else if (pass.Role == RelayRole.Sender && connection.RequiresClientAuthorization)
        {
            return NeedsToken;
        }

        var admission = directory.Admit(connection, pass.Role, pass.Service, pass.Source.Address);
        if (!admission.IsAllowed)
            return pass is { Role: RelayRole.Sender, Key: null } ? Unauthorized : new(1008, admission.Refusal ?? "the network rules have changed");
        pass.Version = version;
        return null;
    }

    /// <summary>Verifies a token that a listener renews with.</summary>
    /// <param name="pass">The listener's pass; its token is replaced where the new one is good.</param>
    /// <returns>Why it is refused; null where it isn't.</returns>
    public string? Renew(string text, Pass pass)
    {
        if (directory.Find(pass.Path) is not { } connection)
            return "the hybrid connection was deleted";
        var verdict = SharedAccessSignature.Verify(text, connection.Rules, pass.Path, clock.GetUtcNow(), options.ClockSkew);
        if (!verdict.IsGood)
            return verdict.Phrase;
        if ((verdict.Rule!.Rights & RelayRights.Listen) == 0)
            return "the token doesn't give the right to listen";
        _ = SharedAccessSignature.TryParse(text, out var token);
        pass.Token = token;
        return null;
    }

    private static Refusal WrongToken(TokenVerdict verdict, RelayRights rights) => verdict switch
    {
        { IsGood: true } => new(403, $"The token doesn't give the right: {rights}") { Key = verdict.Rule!.Name },
        _ => new(verdict.Status, verdict.Phrase) { Key = verdict.Rule?.Name },
    };

    private static Refusal Denied(Admission admission, string? key) => key is null
        ? new(401, "Unauthorized", admission.Refusal) { Rule = admission.Rule }
        : new(403, admission.Refusal ?? "Your network is not allowed here") { Rule = admission.Rule, Key = key };
}
