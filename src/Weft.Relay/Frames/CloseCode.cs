using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace Weft.Relay.Frames;

/// <summary>Why a WebSocket is closed (RFC 6455, section 7.4.1): the codes that the relay itself sends.</summary>
internal enum CloseCode : ushort
{
    Normal = 1000,
    GoingAway = 1001,
    ProtocolError = 1002,
    InvalidPayload = 1007,
    PolicyViolation = 1008,
    InternalError = 1011,
}

/// <summary>Which close codes may be sent (RFC 6455 §7.4).</summary>
internal static class CloseCodes
{
    private const int MaxReasonSize = FrameHeader.MaxControlPayload - 2;

    /// <summary>
    /// Whether a peer may send a code: those that are defined for the wire, and those of libraries and applications
    /// (section 7.4.2).
    /// </summary>
    public static bool IsSendable(int code) =>
        code is (>= 1000 and <= 1003) or (>= 1007 and <= 1014) or (>= 3000 and <= 4999);

    /// <summary>Checks the payload of a Close frame (section 5.5.1): empty, or a code and a reason in UTF-8.</summary>
    public static FrameFault? Check(ReadOnlySpan<byte> payload) =>
        payload switch
        {
            [] => null,
            [_] => FrameFault.ShortClosePayload,
            _ when !IsSendable(BinaryPrimitives.ReadUInt16BigEndian(payload)) => FrameFault.BadCloseCode,
            _ when !Utf8.IsValid(payload[2..]) => FrameFault.BadCloseReason,
            _ => null,
        };

    /// <summary>
    /// The payload of a Close frame of the relay's own; a reason that is too long is cut between characters.
    /// </summary>
    public static byte[] WritePayload(CloseCode code, string reason)
    {
        Span<byte> text = stackalloc byte[MaxReasonSize];
        Utf8.FromUtf16(reason, text, out _, out var length);
        var payload = new byte[2 + length];
        BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)code);
        text[..length].CopyTo(payload.AsSpan(2));
        return payload;
    }

    /// <summary>The code of a payload that was found good; null for none.</summary>
    public static ushort? ReadCode(ReadOnlySpan<byte> payload) =>
        payload.Length >= 2 ? BinaryPrimitives.ReadUInt16BigEndian(payload) : null;

    /// <summary>The reason of a payload that was found good.</summary>
    public static string ReadReason(ReadOnlySpan<byte> payload) =>
        payload.Length > 2 ? Encoding.UTF8.GetString(payload[2..]) : "";
}
