using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Weft.Cni;

/// <summary>One run of a plugin: what all plugins read and check before they do what they are for.</summary>
/// <param name="role">Which of the plugins of this program it is.</param>
/// <remarks>
/// The order of checks is that of libcni's <c>skel</c>, so that whoever gets an error of it gets the same from us:
/// missing variables (4), stdin (5), JSON (6), name (7), bad variables (4), version (1). Then comes what only this plugin reads.
/// docs/specs/cni.md, "Order of checks".
/// </remarks>
internal sealed class Plugin(IEdge edge, IRole role)
{
    /// <summary>
    /// How long VERSION waits for an input it can do without: a person at a terminal sends none. A runtime has it written
    /// before we run.
    /// </summary>
    private static readonly TimeSpan VersionPatience = TimeSpan.FromSeconds(1);

    /// <summary>The version that errors carry: the configuration's own as soon as it is known.</summary>
    internal string Speaks { get; private set; } = CniVersion.Newest.Text;

    /// <summary>Does what <c>CNI_COMMAND</c> asks.</summary>
    /// <param name="output">What belongs on stdout; empty for a success that has no result.</param>
    internal bool TryRun(out ReadOnlyMemory<byte> output, [NotNullWhen(false)] out Failure? failure)
    {
        (output, failure) = (default, null);
        if (edge.Variable("CNI_COMMAND") is not { Length: > 0 } command)
        {
            edge.Log($"{role.About}, for CNI {role.Versions[0].Text} to {role.Versions[^1].Text}");
            return true;
        }

        var invocation = Invocation.Read(command, edge.Variable);
        if (invocation.Verb == Verb.Version)
        {
            output = PluginOutput.Versions(AskedVersion(), role.Versions);
            return true;
        }

        return TryPrepare(invocation, out var configuration, out var version, out failure)
            && TryServe(invocation, configuration, version, out output, out failure);
    }

    // VERSION is how a runtime finds out what we are, so nothing it sends may make it fail.
    private string AskedVersion() =>
        edge.TryReadInput(VersionPatience, out var text, out _)
        && NetworkConfiguration.TryParse(text, out var configuration, out _)
        && configuration.VersionText is { Length: > 0 } asked
            ? asked
            : CniVersion.Newest.Text;

    private bool TryPrepare(
        Invocation invocation,
        [NotNullWhen(true)] out NetworkConfiguration? configuration,
        [NotNullWhen(true)] out CniVersion? version,
        [NotNullWhen(false)] out Failure? failure)
    {
        (configuration, version) = (null, null);
        failure = invocation.FindMissing(edge.Variable);
        if (failure is not null)
            return false;
        if (!edge.TryReadInput(null, out var text, out var why))
        {
            failure = new Failure(ErrorCode.UnreadableInput, "the network configuration can't be read from stdin", why);
            return false;
        }

        if (!NetworkConfiguration.TryParse(text, out configuration, out failure))
            return false;
        Speaks = configuration.VersionText is { Length: > 0 } asked ? asked : CniVersion.Supported[0].Text;
        failure = configuration.FindBadName() ?? invocation.FindBad();
        return failure is null && configuration.TryGetVersion(invocation.Verb, role.Versions, out version, out failure);
    }

    private bool TryServe(
        Invocation invocation,
        NetworkConfiguration configuration,
        CniVersion version,
        out ReadOnlyMemory<byte> output,
        [NotNullWhen(false)] out Failure? failure)
    {
        output = default;
        try
        {
            return role.TryServe(invocation, configuration, version, out output, out failure);
        }
        catch (JsonException e)
        {
            failure = Failure.Invalid($"the network configuration is invalid: {e.Message}");
            return false;
        }
    }
}
