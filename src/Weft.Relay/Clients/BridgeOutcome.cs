namespace Weft.Relay.Clients;

/// <summary>How a bridge ended.</summary>
/// <param name="BytesToRelay">Bytes from the local end.</param>
/// <param name="BytesFromRelay">Bytes to the local end.</param>
/// <param name="Fault">What cut it short; null where both directions ended well.</param>
public sealed record BridgeOutcome(long BytesToRelay, long BytesFromRelay, Exception? Fault);
