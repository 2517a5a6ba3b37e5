using System.Text.Json;
using Weft.Contracts;

namespace Weft.Cni;

/// <summary><c>weft-ipam</c>: it asks the agent once, and says what to print.</summary>
/// <remarks>docs/specs/cni.md.</remarks>
internal sealed class IpamPlugin(IHost host) : IPlugin
{
    /// <inheritdoc/>
    public string Name => "weft-ipam";

    /// <inheritdoc/>
    public string Description => "the CNI IPAM plugin of Weft";

    /// <inheritdoc/>
    public CniVersion[] SupportedVersions => CniVersion.Supported;

    /// <inheritdoc/>
    public bool CollectsGarbage => true;

    /// <inheritdoc/>
    public PluginResult Handle(PluginRequest request)
    {
        var (invocation, root) = (request.Invocation, request.Configuration.Root);
        if (
            !IpamSection.TryRead(root, invocation.Command, out var ipam, out var error)
            || !RuntimeArguments.TryParse(invocation.Arguments, out var arguments, out error)
        )
            return error;
        var question = CreateQuestion(invocation, ipam, arguments);
        return invocation.Command switch
        {
            Command.Add => Add(request, ipam.Socket, question, arguments),
            Command.Check => Check(root, ipam.Socket, question),
            Command.CollectGarbage => CollectGarbage(request, ipam.Socket, question),
            _ => CallAgent(invocation.Command, ipam.Socket, question).Error,
        };
    }

    private static SocketRequest CreateQuestion(Invocation invocation, IpamSection ipam, RuntimeArguments arguments)
    {
        if (invocation.Command == Command.Status)
            return new SocketRequest(SocketRequest.Status);
        var verb = invocation.Command switch
        {
            Command.Add => SocketRequest.Acquire,
            Command.Check => SocketRequest.Check,
            Command.CollectGarbage => SocketRequest.Collect,
            _ => SocketRequest.Release,
        };
        if (invocation.Command == Command.CollectGarbage)
            return new SocketRequest(verb, ipam.Network);
        return new SocketRequest(verb, ipam.Network, invocation.ContainerId, invocation.Interface)
        {
            Namespace = arguments.Namespace,
            Pod = arguments.Pod,
            Uid = arguments.Uid,
        };
    }

    // What only ADD uses, only ADD refuses: a bad route must not keep DEL from giving an address back.
    private PluginResult Add(PluginRequest request, string socket, SocketRequest question, RuntimeArguments arguments)
    {
        var root = request.Configuration.Root;
        if (
            !ConfiguredRoutes.TryRead(root, out var routes, out var error)
            || !RequestedAddresses.TryReadRequested(root, arguments, out var asked, out error)
            || !PodClaim.TryRead(root, out var claim, out error)
        )
            return error;
        question = question with
        {
            Ips = asked.Count == 0 ? null : asked,
            Claim = claim,
            Configuration = request.Configuration.Name,
        };
        (var response, error) = CallAgent(Command.Add, socket, question);
        if (error is not null)
            return error;
        if (response?.Lease is not { } lease)
            return new CniError(ErrorCode.TryAgainLater, "the agent acquired an address, but its answer has no lease");
        DuplicateAddressDetection.SkipFor(lease, host, request.Invocation);
        return PluginOutput.WriteResult(request.Version, lease, routes);
    }

    private PluginResult Check(JsonElement root, string socket, SocketRequest question) =>
        RequestedAddresses.TryReadPrevious(root, out var held, out var error)
            ? CallAgent(Command.Check, socket, question with { Addresses = held }).Error
            : error;

    private PluginResult CollectGarbage(PluginRequest request, string socket, SocketRequest question)
    {
        var (root, name) = (request.Configuration.Root, request.Configuration.Name);
        return ValidAttachments.TryRead(root, out var valid, out var error)
            ? CallAgent(Command.CollectGarbage, socket, question with { Configuration = name, Valid = valid }).Error
            : error;
    }

    /// <summary>Asks the agent.</summary>
    /// <returns>What it said, where that is no error of this command; else the error.</returns>
    private (SocketResponse? Response, CniError? Error) CallAgent(
        Command command,
        string socket,
        SocketRequest question
    )
    {
        var line = question.ToLine();
        if (line.Length > PluginSocket.MaxLineLength)
            return (
                null,
                CniError.InvalidConfiguration(
                    $"what it says makes a request of {line.Length} bytes; the agent takes {PluginSocket.MaxLineLength}"
                )
            );
        // A response that can't be read is no reason to give up: most likely the agent is being replaced by one that
        // speaks as we do.
        var silence = command == Command.Status ? ErrorCode.NotAvailable : ErrorCode.TryAgainLater;
        if (!host.TryCallAgent(socket, line, out var text, out var why))
            return (null, new CniError(silence, $"the agent at {socket} doesn't answer", why));
        return SocketResponse.TryRead(text, out var response, out why)
            ? (response, response.ToError(command))
            : (null, new CniError(silence, $"the agent at {socket} gave an answer that is none", why));
    }
}
