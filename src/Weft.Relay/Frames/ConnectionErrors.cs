namespace Weft.Relay.Frames;

/// <summary>What a connection throws whose peer has gone.</summary>
internal static class ConnectionErrors
{
    /// <summary>
    /// Whether an exception is one of those that reading or writing a connection throws when the peer has gone, the
    /// deadline has passed, or this side has ended it meanwhile.
    /// </summary>
    public static bool IsConnectionError(this Exception error) =>
        error is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException;
}
