using System.Globalization;

namespace Weft.Relay.Transport;

/// <summary>How the runtime runs completions of socket operations.</summary>
internal static class SocketCompletions
{
    private const string InlineVariable = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";
    private const string ThreadCountVariable = "DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT";

    /// <summary>
    /// Has completions run on the epoll thread that received the event, and one such thread for each processor, so that
    /// both ways of a session still run beside each other. Otherwise each read wakes a second thread, which costs a
    /// small message more than all the rest of its way. It holds for the whole process, and only where it is called
    /// before the first socket is made; Kestrel's own endpoints go on to the thread pool all the same. What the
    /// environment says already is left as it is.
    /// </summary>
    public static void UseInlineCompletions()
    {
        if (Environment.GetEnvironmentVariable(InlineVariable) is not null)
            return;
        // The runtime reads both when it makes its first socket, and has no other way to be told.
        Environment.SetEnvironmentVariable(InlineVariable, "1");
        if (Environment.GetEnvironmentVariable(ThreadCountVariable) is null)
            Environment.SetEnvironmentVariable(
                ThreadCountVariable,
                Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture)
            );
    }
}
