using System.Net.Sockets;
using System.Text.Json.Nodes;
using Weft.Contracts;

namespace Weft.Testing.Soak;

/// <summary>Asks the agent of a node, as weft-ipam does.</summary>
internal sealed class AgentLeaseClient(string socket) : ILeaseClient
{
    /// <inheritdoc/>
    /// <remarks>It is on the agent's disk then; weftd hears of it later.</remarks>
    public bool FreesAtOnce => false;

    /// <inheritdoc/>
    /// <remarks>Of a small network agents own no blocks: weftd gives each address.</remarks>
    public bool IsKnownAtOnce(string network) => network == SoakSite.Small;

    /// <inheritdoc/>
    public Task<LeaseAnswer> Acquire(string network, string container) =>
        Ask(new SocketRequest(SocketRequest.Acquire, network, container, "net1", "core", container));

    /// <inheritdoc/>
    public Task<LeaseAnswer> Release(string network, string container) =>
        Ask(new SocketRequest(SocketRequest.Release, network, container, "net1"));

    private async Task<LeaseAnswer> Ask(SocketRequest request)
    {
        using var stream = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await stream.ConnectAsync(new UnixDomainSocketEndPoint(socket));
        _ = await stream.SendAsync(request.ToLine());
        using var reader = new StreamReader(new NetworkStream(stream));
        var line = await reader.ReadLineAsync() ?? throw new IOException("the agent closed without an answer");
        var answer = JsonNode.Parse(line)!;
        if (answer["error"] is not null)
            return new LeaseAnswer([], ServerLeaseClient.RefusalOf(answer));
        return new LeaseAnswer(answer["lease"] is { } lease ? ServerLeaseClient.AddressesOf(lease) : [], null);
    }
}
