namespace Weft.Relay.Frames;

/// <summary>What is wrong with a peer's frames: the code and the reason it is closed with.</summary>
/// <param name="Reason">One line, at most 123 bytes.</param>
internal sealed record FrameFault(CloseCode Code, string Reason)
{
    public static readonly FrameFault ReservedBits = Protocol("a reserved bit is set and no extension was agreed on");
    public static readonly FrameFault UnknownOpcode = Protocol("the opcode is reserved");
    public static readonly FrameFault Unmasked = Protocol("a client's frame must be masked");
    public static readonly FrameFault FragmentedControl = Protocol("a control frame must not be fragmented");
    public static readonly FrameFault LongControl = Protocol("a control frame holds at most 125 bytes");
    public static readonly FrameFault LengthTooLarge = Protocol("the highest bit of a length must be 0");
    public static readonly FrameFault LengthNotMinimal = Protocol("a length must be written in the fewest bytes");
    public static readonly FrameFault NothingToContinue = Protocol("a continuation has no message to continue");
    public static readonly FrameFault MessageNotEnded = Protocol("a message began inside another");
    public static readonly FrameFault ShortClosePayload = Protocol("a Close frame holds nothing or at least a code of two bytes");
    public static readonly FrameFault BadCloseCode = Protocol("the close code may not be sent");
    public static readonly FrameFault BadCloseReason = new(CloseCode.InvalidPayload, "the close reason is not UTF-8");

    private static FrameFault Protocol(string reason) => new(CloseCode.ProtocolError, reason);
}
