using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Weft.Cni;

/// <summary><c>weft-ipam</c>: it asks the agent once, and says what to print.</summary>
/// <remarks>docs/specs/cni.md.</remarks>
internal sealed class IpamPlugin(IHost host) : IPlugin
{
    /// <inheritdoc/>
    public string Description => "the CNI IPAM plugin of Weft";

    /// <inheritdoc/>
    public CniVersion[] SupportedVersions => CniVersion.Supported;

    /// <inheritdoc/>
    public bool TryHandle(
        Invocation invocation,
        NetworkConfiguration configuration,
        CniVersion version,
        out ReadOnlyMemory<byte> output,
        [NotNullWhen(false)] out CniError? error
    )
    {
        output = default;
        if (invocation.Command == Command.CollectGarbage)
        {
            error = new CniError(
                ErrorCode.InvalidEnvironment,
                "CNI_COMMAND is 'GC', which weft-ipam doesn't serve: " + "leases are never freed by a list alone"
            );
            return false;
        }

        if (
            !IpamSection.TryRead(configuration.Root, invocation.Command, out var ipam, out error)
            || !RuntimeArguments.TryParse(invocation.Arguments, out var arguments, out error)
        )
            return false;
        var request = CreateRequest(invocation, ipam, arguments);
        return invocation.Command switch
        {
            Command.Add => TryAdd(configuration.Root, version, ipam.Socket, request, arguments, out output, out error),
            Command.Check => TryCheck(configuration.Root, ipam.Socket, request, out error),
            _ => TryCallAgent(invocation.Command, ipam.Socket, request, out _, out error),
        };
    }

    private static AgentRequest CreateRequest(Invocation invocation, IpamSection ipam, RuntimeArguments arguments)
    {
        if (invocation.Command == Command.Status)
            return new AgentRequest("status");
        var verb = invocation.Command switch
        {
            Command.Add => "acquire",
            Command.Check => "check",
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
        [NotNullWhen(false)] out CniError? error
    )
    {
        output = default;
        if (
            !CniRoute.TryReadAll(root, out var routes, out error)
            || !RequestedAddresses.TryReadRequested(root, arguments, out var asked, out error)
            || !TryCallAgent(
                Command.Add,
                socket,
                request with
                {
                    RequestedAddresses = asked,
                },
                out var response,
                out error
            )
        )
            return false;
        if (response.Lease is not { } lease)
        {
            error = new CniError(ErrorCode.TryAgainLater, "the agent acquired an address, but its answer has no lease");
            return false;
        }

        output = PluginOutput.WriteResult(version, lease, routes);
        return true;
    }

    private bool TryCheck(
        JsonElement root,
        string socket,
        AgentRequest request,
        [NotNullWhen(false)] out CniError? error
    ) =>
        RequestedAddresses.TryReadPrevious(root, out var held, out error)
        && TryCallAgent(Command.Check, socket, request with { PreviousAddresses = held }, out _, out error);

    private bool TryCallAgent(
        Command command,
        string socket,
        AgentRequest request,
        [NotNullWhen(true)] out AgentResponse? response,
        [NotNullWhen(false)] out CniError? error
    )
    {
        response = null;
        var line = request.ToLine();
        if (line.Length > AgentRequest.MaxLineLength)
        {
            error = CniError.InvalidConfiguration(
                $"what it says makes a request of {line.Length} bytes; the agent takes {AgentRequest.MaxLineLength}"
            );
            return false;
        }

        // A response that can't be read is no reason to give up: most likely the agent is being replaced by one that
        // speaks as we do.
        var silence = command == Command.Status ? ErrorCode.NotAvailable : ErrorCode.TryAgainLater;
        if (!host.TryCallAgent(socket, line, out var text, out var why))
            error = new CniError(silence, $"the agent at {socket} doesn't answer", why);
        else if (!AgentResponse.TryParse(text, out response, out why))
            error = new CniError(silence, $"the agent at {socket} gave an answer that is none", why);
        else
            error = response.ToError(command);
        return error is null;
    }
}
