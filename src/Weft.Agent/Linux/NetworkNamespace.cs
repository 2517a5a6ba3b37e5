using System.Runtime.ExceptionServices;

namespace Weft.Agent.Linux;

/// <summary>Runs work in a network namespace.</summary>
internal static class NetworkNamespace
{
    /// <summary>
    /// Runs work on a thread of its own that has moved into a namespace, and ends with it: no other work ever runs
    /// there.
    /// </summary>
    /// <param name="path">The namespace (<c>/proc/123/ns/net</c>, <c>/run/netns/…</c>), or null for the process's
    /// own.</param>
    /// <param name="work">The work; it must not hand anything to other threads.</param>
    /// <exception cref="IOException">The namespace can't be entered.</exception>
    public static Task<T> Run<T>(string? path, Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                if (path is not null)
                    Enter(path);
                done.SetResult(work());
            }
            catch (Exception e)
            {
                done.SetException(ExceptionDispatchInfo.SetCurrentStackTrace(e));
            }
        })
        {
            IsBackground = true,
            Name = "weft-verify",
        };
        thread.Start();
        return done.Task;
    }

    private static void Enter(string path)
    {
        var descriptor = SystemCalls.Open(path, SystemCalls.CloseOnExec);
        if (descriptor < 0)
            throw SystemCalls.LastError($"open the network namespace '{path}'");
        try
        {
            if (SystemCalls.SetNamespace(descriptor, SystemCalls.NewNet) != 0)
                throw SystemCalls.LastError($"enter the network namespace '{path}'");
        }
        finally
        {
            _ = SystemCalls.Close(descriptor);
        }
    }
}
