namespace Weft.Relay.Protocol;

/// <summary>What is wrong with a token.</summary>
internal enum TokenFault
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>It is no token. Answered with 401.</summary>
    Malformed,

    /// <summary>No rule of that name, or not its key: nobody is told which. Answered with 401.</summary>
    BadSignature,

    /// <summary>It has expired. Answered with 401.</summary>
    Expired,

    /// <summary>It is for another host than this relay. Answered with 401.</summary>
    WrongHost,

    /// <summary>It is good for something else. Answered with 403.</summary>
    WrongPath,
}

/// <summary>The result of verifying a token.</summary>
/// <param name="Fault">What is wrong with it; <see cref="TokenFault.None"/> where it is good.</param>
/// <param name="Rule">The rule that it was signed with; null where no signature was good.</param>
/// <param name="ExpiresAt">When it expires; of no meaning where no signature was good.</param>
internal readonly record struct TokenValidationResult(
    TokenFault Fault,
    AuthorizationRule? Rule = null,
    DateTimeOffset ExpiresAt = default
)
{
    /// <summary>Whether the token is good. Its <see cref="Rule"/> tells which rights it gives.</summary>
    public bool IsValid => Fault == TokenFault.None;

    /// <summary>The HTTP status that says so: 200, 401 or 403.</summary>
    public int Status =>
        Fault switch
        {
            TokenFault.None => 200,
            TokenFault.WrongPath => 403,
            _ => 401,
        };

    /// <summary>
    /// What the caller is told. The real clients' own tests look for the words "token has an invalid signature".
    /// </summary>
    public string Phrase =>
        Fault switch
        {
            TokenFault.None => "The token is good",
            TokenFault.Malformed => "The token is missing or malformed",
            TokenFault.BadSignature => "The token has an invalid signature",
            TokenFault.Expired => $"The token expired at {ExpiresAt:u}",
            TokenFault.WrongHost => "The token is for another host",
            _ => "The token is for another path",
        };
}
