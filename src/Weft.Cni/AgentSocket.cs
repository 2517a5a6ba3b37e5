using System.Diagnostics.CodeAnalysis;
using Weft.Contracts;

namespace Weft.Cni;

/// <summary>One question and one answer over the agent's unix socket.</summary>
/// <param name="patience">How long the whole exchange may take.</param>
/// <remarks>docs/specs/agent-socket.md.</remarks>
internal sealed class AgentSocket(string path, TimeSpan patience)
{
    /// <summary>
    /// The plugin's patience: more than the 20 s the agent takes at most, far less than the kubelet's two minutes.
    /// </summary>
    internal static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(25);

    private const int UsualLength = 2048;

    private readonly long _start = TimeProvider.System.GetTimestamp();

    private delegate nint SocketCall(int socket);

    /// <summary>Asks.</summary>
    /// <param name="answer">The agent's line, without its end.</param>
    /// <returns>True if there is a whole line.</returns>
    internal bool TryExchange(
        ReadOnlyMemory<byte> request,
        out ReadOnlyMemory<byte> answer,
        [NotNullWhen(false)] out string? why
    )
    {
        answer = default;
        var socket = SystemCalls.OpenSocket();
        if (socket < 0)
        {
            why = SystemCalls.LastErrorText;
            return false;
        }

        try
        {
            return TryCall(socket, SystemCalls.SendTimeout, s => SystemCalls.Connect(s, path), out _, out why)
                && TrySend(socket, request, out why)
                && TryReceiveLine(socket, out answer, out why);
        }
        finally
        {
            _ = SystemCalls.Close(socket);
        }
    }

    private bool TrySend(int socket, ReadOnlyMemory<byte> request, [NotNullWhen(false)] out string? why)
    {
        why = null;
        while (!request.IsEmpty)
        {
            if (
                !TryCall(socket, SystemCalls.SendTimeout, s => SystemCalls.Send(s, request.Span), out var sent, out why)
            )
                return false;
            request = request[sent..];
        }

        return true;
    }

    private bool TryReceiveLine(int socket, out ReadOnlyMemory<byte> line, [NotNullWhen(false)] out string? why)
    {
        line = default;
        // A lease is a few hundred bytes; room for the longest answer would be sixteen pages to touch.
        var buffer = new byte[UsualLength];
        var filled = 0;
        while (filled < PluginSocket.MaxLineLength)
        {
            if (filled == buffer.Length)
                Array.Resize(ref buffer, PluginSocket.MaxLineLength);
            if (
                !TryCall(
                    socket,
                    SystemCalls.ReceiveTimeout,
                    s => SystemCalls.Read(s, buffer.AsSpan(filled)),
                    out var received,
                    out why
                )
            )
                return false;
            if (received == 0)
            {
                why =
                    filled == 0
                        ? "it closed without an answer"
                        : $"it closed after {filled} bytes, in the middle of its answer";
                return false;
            }

            var end = buffer.AsSpan(filled, received).IndexOf((byte)'\n');
            if (end >= 0)
            {
                line = buffer.AsMemory(0, filled + end);
                return true;
            }

            filled += received;
        }

        why = $"its answer is longer than {PluginSocket.MaxLineLength} bytes";
        return false;
    }

    // The time-out of each call is what is left of the whole, so that an agent that drips can't hold us.
    private bool TryCall(int socket, int timeout, SocketCall call, out int result, [NotNullWhen(false)] out string? why)
    {
        while (true)
        {
            var left = patience - TimeProvider.System.GetElapsedTime(_start);
            var inTime = left >= TimeSpan.FromMicroseconds(1); // what timeval can say; 0 would mean for ever
            result = inTime && SystemCalls.SetTimeout(socket, timeout, left) == 0 ? (int)call(socket) : -1;
            if (result >= 0)
            {
                why = null;
                return true;
            }

            if (!inTime || SystemCalls.LastError == SystemCalls.TimedOut)
            {
                why = $"no answer within {patience.TotalSeconds:0.###} s";
                return false;
            }

            if (SystemCalls.LastError != SystemCalls.Interrupted)
            {
                why = SystemCalls.LastErrorText;
                return false;
            }
        }
    }
}
