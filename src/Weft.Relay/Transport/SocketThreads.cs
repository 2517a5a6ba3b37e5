using System.Globalization;

namespace Weft.Relay.Transport;

/// <summary>How the runtime runs what waited for a socket.</summary>
public static class SocketThreads
{
    private const string Inline = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";
    private const string Count = "DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT";

    /// <summary>
    /// Has a relay's bytes carried on by the thread that heard of them, and one such thread for each processor, so that both ways of a session
    /// still run beside each other. Otherwise each read wakes a second thread, which costs a small message more than all the rest of its way.
    /// It holds for the whole process, and only where it is called before the first socket is made; Kestrel's own endpoints go on to the
    /// thread pool all the same. What the environment says already is left as it is.
    /// </summary>
    public static void CarryOnWhereHeard()
    {
        if (Environment.GetEnvironmentVariable(Inline) is not null)
            return;
        // The runtime reads both when it makes its first socket, and has no other way to be told.
        Environment.SetEnvironmentVariable(Inline, "1");
        if (Environment.GetEnvironmentVariable(Count) is null)
            Environment.SetEnvironmentVariable(Count, Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture));
    }
}
