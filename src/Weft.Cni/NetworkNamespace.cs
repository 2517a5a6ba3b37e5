namespace Weft.Cni;

/// <summary>Writes files of <c>/proc/sys/net</c> as another network namespace has them.</summary>
internal static class NetworkNamespace
{
    /// <inheritdoc cref="IHost.TryWriteInNamespace"/>
    internal static string? TryWrite(string space, string file, ReadOnlySpan<byte> text)
    {
        var entered = SystemCalls.Open(space, SystemCalls.ReadOnly);
        if (entered < 0)
            return WhyNotOpened();
        // Of this thread, which is the only one that does anything; what is opened next is seen by it.
        var status = SystemCalls.SetNamespace(entered, SystemCalls.NetworkNamespace);
        var why = status < 0 ? SystemCalls.LastErrorText : null;
        _ = SystemCalls.Close(entered);
        return why ?? TryWrite(file, text);
    }

    private static string? TryWrite(string file, ReadOnlySpan<byte> text)
    {
        var opened = SystemCalls.Open(file, SystemCalls.WriteOnly);
        if (opened < 0)
            return WhyNotOpened();
        var why = SystemCalls.Write(opened, text) < 0 ? SystemCalls.LastErrorText : null;
        _ = SystemCalls.Close(opened);
        return why;
    }

    private static string? WhyNotOpened() =>
        SystemCalls.LastError == SystemCalls.NoSuchFile ? null : SystemCalls.LastErrorText;
}
