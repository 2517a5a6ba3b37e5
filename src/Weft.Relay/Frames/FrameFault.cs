namespace Weft.Relay.Frames;

/// <summary>What is wrong with a peer's frames: the code and the reason it is closed with.</summary>
/// <param name="Reason">One line, at most 123 bytes.</param>
internal sealed record FrameFault(CloseCode Code, string Reason)
{
    public static readonly FrameFault ReservedBits = ProtocolError(
        "a reserved bit is set and no extension was agreed on"
    );
    public static readonly FrameFault UnknownOpcode = ProtocolError("the opcode is reserved");
    public static readonly FrameFault Unmasked = ProtocolError("a client's frame must be masked");
    public static readonly FrameFault FragmentedControl = ProtocolError("a control frame must not be fragmented");
    public static readonly FrameFault LongControl = ProtocolError("a control frame holds at most 125 bytes");
    public static readonly FrameFault LengthTooLarge = ProtocolError("the highest bit of a length must be 0");
    public static readonly FrameFault LengthNotMinimal = ProtocolError("a length must be written in the fewest bytes");
    public static readonly FrameFault NothingToContinue = ProtocolError("a continuation has no message to continue");
    public static readonly FrameFault MessageNotEnded = ProtocolError("a message began inside another");
    public static readonly FrameFault ShortClosePayload = ProtocolError(
        "a Close frame holds nothing or at least a code of two bytes"
    );
    public static readonly FrameFault BadCloseCode = ProtocolError("the close code may not be sent");
    public static readonly FrameFault BadCloseReason = new(CloseCode.InvalidPayload, "the close reason is not UTF-8");

    private static FrameFault ProtocolError(string reason) => new(CloseCode.ProtocolError, reason);
}
