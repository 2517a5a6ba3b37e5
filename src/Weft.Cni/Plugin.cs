using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Weft.Cni;

/// <summary>One run of the plugin: it parses, asks the agent once, and says what to print.</summary>
/// <param name="edge">Where it runs.</param>
/// <remarks>
/// The order of checks is that of libcni's <c>skel</c>, so that whoever gets an error of it gets the same from us:
/// missing variables (4), stdin (5), JSON (6), name (7), bad variables (4), version (1). Then comes what only an IPAM plugin reads.
/// docs/specs/cni.md, "Order of checks".
/// </remarks>
internal sealed class Plugin(IEdge edge)
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
    /// <param name="failure">Why it isn't done.</param>
    /// <returns>True if it is done.</returns>
    internal bool TryRun(out ReadOnlyMemory<byte> output, [NotNullWhen(false)] out Failure? failure)
    {
        (output, failure) = (default, null);
        if (edge.Variable("CNI_COMMAND") is not { Length: > 0 } command)
        {
            edge.Log($"the CNI IPAM plugin of Weft, for CNI {CniVersion.Supported[0].Text} to {CniVersion.Newest.Text}");
            return true;
        }

        var invocation = Invocation.Read(command, edge.Variable);
        if (invocation.Verb == Verb.Version)
        {
            output = PluginOutput.Versions(AskedVersion());
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
        return failure is null && configuration.TryGetVersion(invocation.Verb, out version, out failure);
    }

    private bool TryServe(
        Invocation invocation,
        NetworkConfiguration configuration,
        CniVersion version,
        out ReadOnlyMemory<byte> output,
        [NotNullWhen(false)] out Failure? failure)
    {
        output = default;
        if (invocation.Verb == Verb.CollectGarbage)
        {
            failure = new Failure(ErrorCode.InvalidEnvironment, "CNI_COMMAND is 'GC', which weft-ipam doesn't serve: "
                + "leases are never freed by a list alone");
            return false;
        }

        try
        {
            if (!IpamSection.TryRead(configuration.Root, invocation.Verb, out var ipam, out failure)
                || !RuntimeArguments.TryParse(invocation.Arguments, out var arguments, out failure))
                return false;
            var request = RequestOf(invocation, ipam, arguments);
            return invocation.Verb switch
            {
                Verb.Add => TryAdd(configuration.Root, version, ipam.Socket, request, arguments, out output, out failure),
                Verb.Check => TryCheck(configuration.Root, ipam.Socket, request, out failure),
                _ => TryAsk(invocation.Verb, ipam.Socket, request, out _, out failure),
            };
        }
        catch (JsonException e)
        {
            failure = Failure.Invalid($"the network configuration is invalid: {e.Message}");
            return false;
        }
    }

    private static AgentRequest RequestOf(Invocation invocation, IpamSection ipam, RuntimeArguments arguments)
    {
        if (invocation.Verb == Verb.Status)
            return new AgentRequest("status");
        var verb = invocation.Verb switch
        {
            Verb.Add => "acquire",
            Verb.Check => "check",
            _ => "release",
        };
        return new AgentRequest(verb)
        {
            Network = ipam.Network,
            ContainerId = invocation.ContainerId,
            Interface = invocation.Interface,
            Pod = arguments,
        };
    }

    // What only ADD uses, only ADD refuses: a bad route must not keep DEL from giving an address back.
    private bool TryAdd(
        JsonElement root,
        CniVersion version,
        string socket,
        AgentRequest request,
        RuntimeArguments arguments,
        out ReadOnlyMemory<byte> output,
        [NotNullWhen(false)] out Failure? failure)
    {
        output = default;
        if (!Route.TryReadAll(root, out var routes, out failure)
            || !NamedAddresses.TryReadAsked(root, arguments, out var asked, out failure)
            || !TryAsk(Verb.Add, socket, request with { Asked = asked }, out var answer, out failure))
            return false;
        if (answer.Lease is not { } lease)
        {
            failure = new Failure(ErrorCode.TryAgainLater, "the agent acquired an address, but its answer has no lease");
            return false;
        }

        output = PluginOutput.Result(version, lease, routes);
        return true;
    }

    private bool TryCheck(JsonElement root, string socket, AgentRequest request, [NotNullWhen(false)] out Failure? failure) =>
        NamedAddresses.TryReadPrevious(root, out var held, out failure)
        && TryAsk(Verb.Check, socket, request with { Held = held }, out _, out failure);

    private bool TryAsk(
        Verb verb,
        string socket,
        AgentRequest request,
        [NotNullWhen(true)] out AgentAnswer? answer,
        [NotNullWhen(false)] out Failure? failure)
    {
        answer = null;
        var line = request.ToLine();
        if (line.Length > AgentRequest.LineLength)
        {
            failure = Failure.Invalid($"what it says makes a request of {line.Length} bytes; the agent takes {AgentRequest.LineLength}");
            return false;
        }

        // An answer that is none is no reason to give up: most likely the agent is being replaced by one that speaks as we do.
        var silence = verb == Verb.Status ? ErrorCode.NotAvailable : ErrorCode.TryAgainLater;
        if (!edge.TryAsk(socket, line, out var text, out var why))
            failure = new Failure(silence, $"the agent at {socket} doesn't answer", why);
        else if (!AgentAnswer.TryParse(text, out answer, out why))
            failure = new Failure(silence, $"the agent at {socket} gave an answer that is none", why);
        else
            failure = answer.ToFailure(verb);
        return failure is null;
    }
}
