namespace Weft.Cni;

/// <summary>The process <c>weft-ipam</c>: exit status 0 and a result, or 1 and an error, either of them on stdout.</summary>
internal static class Program
{
    private static int Main() => Run(new ProcessEdge());

    /// <summary>Runs the plugin once, and is the one place that catches its faults.</summary>
    /// <param name="edge">Where it runs.</param>
    /// <returns>The exit status.</returns>
    internal static int Run(IEdge edge)
    {
        var plugin = new Plugin(edge);
        Failure? failure;
        try
        {
            if (plugin.TryRun(out var output, out failure))
                return Print(edge, output.Span, 0);
        }
        catch (Exception e)
        {
            edge.Log(e.ToString());
            failure = new Failure(ErrorCode.Fault, "weft-ipam has a fault; its stderr says more", $"{e.GetType().Name}: {e.Message}");
        }

        return Print(edge, PluginOutput.Error(plugin.Speaks, failure).Span, 1);
    }

    // A runtime that never saw the result must not take the exit status for one.
    private static int Print(IEdge edge, ReadOnlySpan<byte> output, int status)
    {
        if (edge.Print(output))
            return status;
        edge.Log("nobody reads what weft-ipam has to say on stdout");
        return 1;
    }
}
