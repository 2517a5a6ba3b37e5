namespace Weft.Relay.Server.Http;

/// <summary>Why a caller is refused, before its connection was upgraded.</summary>
/// <param name="Text">What it is told: the reason phrase, to which path and tracking id are added.</param>
/// <param name="AuditText">What the audit log is told beyond that; null for the same.</param>
internal sealed record HttpRefusal(int Status, string Text, string? AuditText = null)
{
    /// <summary>The network rule that decided; null where none did.</summary>
    public string? Rule { get; init; }

    /// <summary>The authorization rule of the caller's good token; null for none.</summary>
    public string? Key { get; init; }

    public static readonly HttpRefusal NotReady = new(
        503,
        "The relay is starting and doesn't know its connections yet: come again"
    );
    public static readonly HttpRefusal Draining = new(503, "The relay is shutting down: come again");
    public static readonly HttpRefusal NoSuchEndpoint = new(404, "Endpoint does not exist");
    public static readonly HttpRefusal NotAWebSocket = new(400, "The request must be a WebSocket handshake (RFC 6455)");
    public static readonly HttpRefusal WrongVersion = new(426, "Sec-WebSocket-Version must be 13");
    public static readonly HttpRefusal BadKey = new(400, "Sec-WebSocket-Key must be 16 bytes in base64");
    public static readonly HttpRefusal BadProtocol = new(
        400,
        "Sec-WebSocket-Protocol must be a list of tokens, each once"
    );
    public static readonly HttpRefusal BadRendezvous = new(
        403,
        "The rendezvous address is invalid, expired or was used"
    );
    public static readonly HttpRefusal HeadersTooLarge = new(
        431,
        "The request's headers are too large to be handed to a listener"
    );
    public static readonly HttpRefusal NoMatchingListener = new(
        404,
        "None of the connected listeners meet the AllowedListeners/DisallowedListeners criteria"
    );
    public static readonly HttpRefusal ListenerLost = new(502, "The listener went away before it answered");
    public static readonly HttpRefusal NoFinalStatus = new(
        502,
        "The listener answered with a status that ends no request"
    );
    public static readonly HttpRefusal ListenerTimeout = new(504, "The listener did not answer in time");
}

/// <summary>How an admitted WebSocket is closed: the close code (RFC 6455 §7.4.1) and why.</summary>
/// <param name="Code">1001: gone or shutting down; 1008: policy; 1009: too big; 1011: internal.</param>
/// <param name="Reason">One line; at most 123 bytes of it are sent.</param>
internal sealed record CloseStatus(ushort Code, string Reason);
