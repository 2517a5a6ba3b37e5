namespace Weft.Relay.Client;

/// <summary>How a bridge ended.</summary>
/// <param name="BytesToRelay">Bytes from the local end.</param>
/// <param name="BytesFromRelay">Bytes to the local end.</param>
/// <param name="Fault">What cut it short; null where both directions ended well.</param>
internal sealed record BridgeResult(long BytesToRelay, long BytesFromRelay, Exception? Fault);
