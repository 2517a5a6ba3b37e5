using Weft.Relay.Frames;

namespace Weft.Relay.Client;

/// <summary>A message, gathered.</summary>
/// <param name="Count">Its length in bytes.</param>
/// <param name="IsTooLong">Whether there was more than there was room for; the rest has been thrown away.</param>
internal readonly record struct ReceivedMessage(Opcode Kind, int Count, bool IsTooLong);

/// <summary>Messages as wholes.</summary>
internal static class WebSocketConnectionExtensions
{
    /// <summary>Reads a whole message.</summary>
    /// <param name="cancel">Ends it, and the connection with it.</param>
    /// <returns>The message; null where a Close came.</returns>
    public static async ValueTask<ReceivedMessage?> ReceiveMessage(
        this WebSocketConnection connection,
        byte[] buffer,
        CancellationToken cancel
    )
    {
        var count = 0;
        while (true)
        {
            var isFull = count == buffer.Length;
            var received = await connection
                .ReceiveAsync(isFull ? new byte[1] : buffer.AsMemory(count), cancel)
                .ConfigureAwait(false);
            if (received.Kind == Opcode.Close)
                return null;
            if (isFull && received.Count > 0)
                return await SkipMessage(connection, received, cancel).ConfigureAwait(false);
            count += received.Count;
            if (received.EndsMessage)
                return new(received.Kind, count, false);
        }
    }

    private static async ValueTask<ReceivedMessage?> SkipMessage(
        WebSocketConnection connection,
        ReceivedChunk received,
        CancellationToken cancel
    )
    {
        var rest = new byte[4096];
        while (!received.EndsMessage)
        {
            received = await connection.ReceiveAsync(rest, cancel).ConfigureAwait(false);
            if (received.Kind == Opcode.Close)
                return null;
        }

        return new(received.Kind, 0, true);
    }
}
