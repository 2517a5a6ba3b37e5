using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Weft.Cni;

/// <summary>One run of a plugin: what all plugins read and check before they do what they are for.</summary>
/// <param name="plugin">Which of the plugins of this program it is.</param>
/// <remarks>
/// The order of checks is that of libcni's <c>skel</c>, so that whoever gets an error of it gets the same from us:
/// missing variables (4), stdin (5), JSON (6), name (7), bad variables (4), version (1). Then comes what only this
/// plugin reads. docs/specs/cni.md, "Order of checks".
/// </remarks>
internal sealed class PluginRunner(IHost host, IPlugin plugin)
{
    /// <summary>
    /// How long VERSION waits for an input it can do without: a person at a terminal sends none. A runtime has it
    /// written before we run.
    /// </summary>
    private static readonly TimeSpan VersionInputTimeout = TimeSpan.FromSeconds(1);

    /// <summary>The version that errors carry: the configuration's own as soon as it is known.</summary>
    internal string ResponseVersion { get; private set; } = CniVersion.Newest.Text;

    /// <summary>Does what <c>CNI_COMMAND</c> asks.</summary>
    internal PluginResult Run()
    {
        if (host.GetVariable("CNI_COMMAND") is not { Length: > 0 } command)
        {
            host.Log(
                $"{plugin.Description}, for CNI {plugin.SupportedVersions[0].Text} to {plugin.SupportedVersions[^1].Text}"
            );
            return PluginResult.Done;
        }

        var invocation = Invocation.Read(command, host.GetVariable);
        if (invocation.Command == Command.Version)
            return PluginOutput.WriteVersions(ReadRequestedVersion(), plugin.SupportedVersions);
        return TryPrepare(invocation, out var request, out var error) ? Handle(request) : error;
    }

    // VERSION is how a runtime finds out what we are, so nothing it sends may make it fail.
    private string ReadRequestedVersion() =>
        host.TryReadInput(VersionInputTimeout, out var text, out _)
        && NetworkConfiguration.TryParse(text, out var configuration, out _)
        && configuration.VersionText is { Length: > 0 } asked
            ? asked
            : CniVersion.Newest.Text;

    private bool TryPrepare(
        Invocation invocation,
        [NotNullWhen(true)] out PluginRequest? request,
        [NotNullWhen(false)] out CniError? error
    )
    {
        request = null;
        error = invocation.FindMissingVariable(host.GetVariable);
        if (error is not null)
            return false;
        if (!host.TryReadInput(null, out var text, out var why))
        {
            error = new CniError(ErrorCode.UnreadableInput, "the network configuration can't be read from stdin", why);
            return false;
        }

        if (!NetworkConfiguration.TryParse(text, out var configuration, out error))
            return false;
        ResponseVersion = configuration.VersionText is { Length: > 0 } asked ? asked : CniVersion.Supported[0].Text;
        error = configuration.FindInvalidName() ?? invocation.FindInvalidVariable();
        if (
            error is not null
            || !configuration.TryGetVersion(invocation.Command, plugin.SupportedVersions, out var version, out error)
        )
            return false;
        request = new PluginRequest(invocation, configuration, version);
        return true;
    }

    private PluginResult Handle(PluginRequest request)
    {
        if (request.Invocation.Command == Command.CollectGarbage && !plugin.CollectsGarbage)
            return new CniError(
                ErrorCode.InvalidEnvironment,
                $"CNI_COMMAND is 'GC', which {plugin.Name} doesn't serve: what its pods hold is taken back by weftd"
            );
        try
        {
            return plugin.Handle(request);
        }
        catch (JsonException e)
        {
            return CniError.InvalidConfiguration($"the network configuration is invalid: {e.Message}");
        }
    }
}
