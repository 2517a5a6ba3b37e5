using Weft.Cni.Trunk;

namespace Weft.Cni;

/// <summary>
/// The process <c>weft-ipam</c>, and under that name <c>weft-trunk</c>, which is a link to it: two plugins that share all but what they are for, and a node has
/// the program once. Exit status 0 and a result, or 1 and an error, either of them on stdout.
/// </summary>
internal static class Program
{
    private static int Main() => Run(new ProcessEdge());

    /// <summary>Runs the plugin once, and is the one place that catches its faults.</summary>
    internal static int Run(IEdge edge)
    {
        var name = edge.ProgramName == TrunkRole.Name ? TrunkRole.Name : "weft-ipam";
        var plugin = new Plugin(edge, name == TrunkRole.Name ? new TrunkRole(edge) : new IpamRole(edge));
        Failure? failure;
        try
        {
            if (plugin.TryRun(out var output, out failure))
                return Print(edge, output.Span, 0);
        }
        catch (Exception e)
        {
            edge.Log(e.ToString());
            failure = new Failure(ErrorCode.Fault, $"{name} has a fault; its stderr says more", $"{e.GetType().Name}: {e.Message}");
        }

        return Print(edge, PluginOutput.Error(plugin.Speaks, failure).Span, 1);
    }

    // A runtime that never saw the result must not take the exit status for one.
    private static int Print(IEdge edge, ReadOnlySpan<byte> output, int status)
    {
        if (edge.Print(output))
            return status;
        edge.Log("nobody reads what it has to say on stdout");
        return 1;
    }
}
