namespace Weft.Relay.Frames;

/// <summary>What a frame is (RFC 6455, section 11.8).</summary>
internal enum Opcode : byte
{
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xA,
}

/// <summary>What an opcode says of its frame (RFC 6455 §5.2).</summary>
internal static class Opcodes
{
    public static bool IsKnown(this Opcode opcode) =>
        opcode is <= Opcode.Binary or (>= Opcode.Close and <= Opcode.Pong);

    public static bool IsControl(this Opcode opcode) => opcode >= Opcode.Close;
}
