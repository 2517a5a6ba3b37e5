using System.Text;
using Weft.Agent.ControlPlane;
using Weft.Contracts;

namespace Weft.Agent.Leases;

/// <summary>
/// From the line that came to the line that goes: every request gets an answer, and none ends the agent.
/// </summary>
internal sealed class LeaseRequestHandler(LeaseService leases, string? node, ILogger log)
{
    private const int MaxReasonLength = 1000;

    /// <summary>Answers one request.</summary>
    /// <param name="line">The line, without its end.</param>
    /// <returns>The answer, without its end.</returns>
    public async Task<byte[]> Handle(ReadOnlyMemory<byte> line)
    {
        if (!SocketRequest.Read(line.Span).TryGet(out var request, out var refusal))
            return SocketResponse.Refuse(refusal);
        try
        {
            return await Handle(request);
        }
        catch (ControlPlaneException e)
        {
            log.AcquireFailed(e, request.ContainerId, request.PodName);

            // The control plane's word goes to the plugin as it is; where there is none, trying again is all that's
            // left.
            if (
                e.ErrorBody is { } body
                && Encoding.UTF8.GetBytes(body.ToJsonString()) is { Length: < PluginSocket.MaxLineLength } said
            )
                return said;
            var why = e.Message[..Math.Min(e.Message.Length, MaxReasonLength)];
            return SocketResponse.Refuse(new Refusal(RefusalCode.ServiceUnavailable, $"{why}; try again"));
        }
        catch (IOException e)
        {
            // The journal has said it in the log, with the exception; the plugin needs only to know that nothing was
            // done.
            return SocketResponse.Refuse(
                new Refusal(RefusalCode.ServiceUnavailable, $"{e.Message}; try again once its disk takes writes")
            );
        }
    }

    private async Task<byte[]> Handle(SocketRequest request)
    {
        if (request.Verb == SocketRequest.Status)
            return await leases.Status() is { } why ? SocketResponse.Refuse(why) : SocketResponse.Done;
        if (request.Verb == SocketRequest.Collect)
            return await Collect(request);
        if (request.Verb is not (SocketRequest.Acquire or SocketRequest.Release or SocketRequest.Check))
        {
            var why = $"'{request.Verb}' is no verb; it must be acquire, release, check, status or collect";
            return SocketResponse.Refuse(new Refusal(RefusalCode.InvalidMember, why, "verb"));
        }

        if (!request.ParseHolder().TryGet(out var holder, out var refusal))
            return SocketResponse.Refuse(refusal);
        return request.Verb switch
        {
            SocketRequest.Acquire => await Acquire(request, holder),
            SocketRequest.Release => await Release(request, holder),
            _ => Check(request, holder),
        };
    }

    private async Task<byte[]> Acquire(SocketRequest request, LeaseHolder holder)
    {
        if (!request.ToLeaseRequest(holder, node).TryGet(out var asked, out var refusal))
            return SocketResponse.Refuse(refusal);
        return (await leases.Acquire(asked, request.Configuration)).TryGet(out var lease, out refusal)
            ? SocketResponse.Grant(lease)
            : SocketResponse.Refuse(refusal);
    }

    private async Task<byte[]> Release(SocketRequest request, LeaseHolder holder)
    {
        await leases.Release(holder, request.PodName);
        return SocketResponse.Done;
    }

    private async Task<byte[]> Collect(SocketRequest request)
    {
        if (!request.ParseCollection().TryGet(out var collection, out var refusal))
            return SocketResponse.Refuse(refusal);
        await leases.Collect(collection.Network, collection.Configuration, collection.Valid);
        return SocketResponse.Done;
    }

    private byte[] Check(SocketRequest request, LeaseHolder holder)
    {
        if (!request.ParseCheckedAddresses().TryGet(out var addresses, out var refusal))
            return SocketResponse.Refuse(refusal);
        return leases.Check(holder, addresses) is { } why ? SocketResponse.Refuse(why) : SocketResponse.Done;
    }
}
