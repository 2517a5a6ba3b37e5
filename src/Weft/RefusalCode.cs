namespace Weft;

/// <summary>
/// The closed list of refusals. The spec page docs/specs/errors.md holds the same list, and a test compares them.
/// </summary>
internal enum RefusalCode
{
    /// <summary>The request carries no credential, or one that is unknown or expired. 401.</summary>
    AuthenticationFailed,

    /// <summary>The credential is good, but not for this. 403.</summary>
    AuthorizationFailed,

    /// <summary>The request refers to what its caller may not join, or what isn't there: both look alike. 403.</summary>
    LinkedAuthorizationFailed,

    /// <summary>The query has no <c>api-version</c>. 400.</summary>
    MissingApiVersionParameter,

    /// <summary>The <c>api-version</c> is no date of the form <c>YYYY-MM-DD[-preview]</c>. 400.</summary>
    InvalidApiVersionParameter,

    /// <summary>The type does not know this <c>api-version</c>. 400.</summary>
    NoRegisteredProviderFound,

    /// <summary>No such resource provider. 409, as ARM has it.</summary>
    MissingSubscriptionRegistration,

    /// <summary>No such resource type in the provider. 404.</summary>
    InvalidResourceType,

    /// <summary>The resource name does not fit the type's pattern. 400.</summary>
    InvalidResourceName,

    /// <summary>The path is no resource id. 400.</summary>
    InvalidResourceId,

    /// <summary>The body is no JSON object, or not the JSON this type takes. 400.</summary>
    InvalidRequestContent,

    /// <summary>A member has a value outside its type, pattern, range or list. 400.</summary>
    InvalidMember,

    /// <summary>A member that must be there is missing. 400.</summary>
    MissingMember,

    /// <summary>The type has no such member. 400.</summary>
    UnknownMember,

    /// <summary>A member that is set at creation only would change. 400.</summary>
    ImmutableMember,

    /// <summary>A member contradicts another object; the culprit names it. 400.</summary>
    Mismatch,

    /// <summary>A referenced resource does not exist. 400.</summary>
    ReferenceNotFound,

    /// <summary>The resource does not exist. 404.</summary>
    ResourceNotFound,

    /// <summary>The resource group does not exist. 404.</summary>
    ResourceGroupNotFound,

    /// <summary>The request is right in itself, but the state of another object forbids it. 409.</summary>
    Conflict,

    /// <summary>The resource is still used by others. 409.</summary>
    InUse,

    /// <summary>Prefixes, VLANs or names collide. 409.</summary>
    Overlap,

    /// <summary>The address is held by somebody else. 409.</summary>
    AddressHeld,

    /// <summary>The address is reserved or lies outside what may be leased. 400.</summary>
    AddressNotUsable,

    /// <summary>The pool has no free address left. 409.</summary>
    AddressPoolExhausted,

    /// <summary>A node, cluster or caller has as many as it may; the message says who, how many, and of what bound. 409.</summary>
    QuotaExceeded,

    /// <summary>A precondition (<c>If-Match</c>, <c>If-None-Match</c>) does not hold. 412.</summary>
    PreconditionFailed,

    /// <summary>The plugin cannot serve this type of network. 400.</summary>
    PluginNotAllowed,

    /// <summary>
    /// The attachment is legal, but what its configuration is drawn from is not known on some node (any more). 409.
    /// </summary>
    PluginNotDrawn,

    /// <summary>The method is not one this resource knows. 405.</summary>
    MethodNotAllowed,

    /// <summary>The body is larger than the server takes. 413.</summary>
    RequestTooLarge,

    /// <summary>The body came too slowly. 408.</summary>
    RequestTimeout,

    /// <summary>The caller asks too much at once; <c>Retry-After</c> says when to ask again. 429.</summary>
    TooManyRequests,

    /// <summary>The change would shut out who makes it; it must be insisted on. 409.</summary>
    WouldLockOut,

    /// <summary>The request belongs to a lease session that is over; open one and ask again. 409.</summary>
    LeaseSessionEnded,

    /// <summary>The owner of blocks isn't the one it was: its journal was copied or set back. It draws another name. 409.</summary>
    BlocksFenced,

    /// <summary>Others changed the same objects again and again; try once more. 409.</summary>
    Contended,

    /// <summary>
    /// Agents haven't registered what their pods hold since the store was restored; until then nothing new is leased. 503.
    /// </summary>
    RegistrationPending,

    /// <summary>The server cannot serve now; try again. 503.</summary>
    ServiceUnavailable,

    /// <summary>A fault of ours. 500.</summary>
    InternalError,
}

/// <summary>What a refusal is on the wire.</summary>
internal static class RefusalCodes
{
    /// <summary>The HTTP status of a refusal.</summary>
    /// <returns>A status from 400 to 599.</returns>
    public static int HttpStatus(this RefusalCode code) =>
        code switch
        {
            RefusalCode.AuthenticationFailed => 401,
            RefusalCode.AuthorizationFailed or RefusalCode.LinkedAuthorizationFailed => 403,
            RefusalCode.InvalidResourceType or RefusalCode.ResourceNotFound or RefusalCode.ResourceGroupNotFound => 404,
            RefusalCode.MethodNotAllowed => 405,
            RefusalCode.RequestTimeout => 408,
            RefusalCode.MissingSubscriptionRegistration
            or RefusalCode.Conflict
            or RefusalCode.InUse
            or RefusalCode.Overlap
            or RefusalCode.AddressHeld
            or RefusalCode.AddressPoolExhausted
            or RefusalCode.QuotaExceeded
            or RefusalCode.PluginNotDrawn
            or RefusalCode.LeaseSessionEnded
            or RefusalCode.BlocksFenced
            or RefusalCode.Contended
            or RefusalCode.WouldLockOut => 409,
            RefusalCode.PreconditionFailed => 412,
            RefusalCode.RequestTooLarge => 413,
            RefusalCode.TooManyRequests => 429,
            RefusalCode.InternalError => 500,
            RefusalCode.ServiceUnavailable or RefusalCode.RegistrationPending => 503,
            _ => 400,
        };

    /// <summary>What is said of a finding to somebody who may not read what it tells of.</summary>
    public static string ConcealedText(this RefusalCode code) =>
        code switch
        {
            RefusalCode.Overlap => "it overlaps with something that you may not see",
            RefusalCode.InUse => "it is used by something that you may not see",
            RefusalCode.AddressHeld => "the address is held by something that you may not see",
            RefusalCode.AddressNotUsable => "the address can't be leased there",
            RefusalCode.AddressPoolExhausted => "no address is free there",
            RefusalCode.RegistrationPending =>
                "agents that you may not see haven't registered what their pods hold; until then nothing new is leased",
            RefusalCode.ReferenceNotFound => "it isn't there, or you may not see it",
            RefusalCode.WouldLockOut => "it would shut you out; allow your address, or insist with force=true",
            RefusalCode.Mismatch or RefusalCode.MissingMember => "it doesn't fit something that you may not see",
            _ => "something that you may not see stands in the way",
        };
}
