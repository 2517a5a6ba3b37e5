using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Weft.Cni;

/// <summary><c>weft-ipam</c>: it asks the agent once, and says what to print.</summary>
/// <remarks>docs/specs/cni.md.</remarks>
internal sealed class IpamRole(IEdge edge) : IRole
{
    /// <inheritdoc/>
    public string About => "the CNI IPAM plugin of Weft";

    /// <inheritdoc/>
    public CniVersion[] Versions => CniVersion.Supported;

    /// <inheritdoc/>
    public bool TryServe(
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
