using Weft.Cni.Trunk;

namespace Weft.Cni;

/// <summary>
/// The process <c>weft-ipam</c>, and under that name <c>weft-trunk</c>, which is a link to it: two plugins that share
/// all but what they are for, and a node has the program once. Exit status 0 and a result, or 1 and an error, either of
/// them on stdout.
/// </summary>
internal static class Program
{
    private static int Main() => Run(new ProcessHost());

    /// <summary>Runs the plugin once, and is the one place that catches its exceptions.</summary>
    internal static int Run(IHost host)
    {
        IPlugin plugin = host.ProgramName == TrunkPlugin.ProgramName ? new TrunkPlugin(host) : new IpamPlugin(host);
        var runner = new PluginRunner(host, plugin);
        CniError error;
        try
        {
            var result = runner.Run();
            if (result.IsSuccess)
                return WriteOutput(host, result.Output.Span, 0);
            error = result.Error;
        }
        catch (Exception e)
        {
            host.Log(e.ToString());
            error = new CniError(
                ErrorCode.InternalError,
                $"{plugin.Name} has a fault; its stderr says more",
                $"{e.GetType().Name}: {e.Message}"
            );
        }

        return WriteOutput(host, PluginOutput.WriteError(runner.ResponseVersion, error).Span, 1);
    }

    // A runtime that never saw the result must not take the exit status for one.
    private static int WriteOutput(IHost host, ReadOnlySpan<byte> output, int status)
    {
        if (host.TryWriteOutput(output))
            return status;
        host.Log("nobody reads what it has to say on stdout");
        return 1;
    }
}
