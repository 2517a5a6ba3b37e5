using System.Text;
using System.Text.Json;
using Weft.Agent.ControlPlane;

namespace Weft.Agent.Leases;

/// <summary>
/// From the line that came to the line that goes: every request gets an answer, and none ends the agent.
/// </summary>
internal sealed class LeaseRequestHandler(LeaseService leases, string? node, ILogger log)
{
    /// <summary>The longest line of the socket, its end included: 64 KiB.</summary>
    public const int MaxLineLength = 64 << 10;

    private const int MaxReasonLength = 1000;

    private static readonly byte[] EmptyResponse = "{}"u8.ToArray();

    /// <summary>Answers one request.</summary>
    /// <param name="line">The line, without its end.</param>
    /// <returns>The answer, without its end.</returns>
    public async Task<byte[]> Handle(ReadOnlyMemory<byte> line)
    {
        if (!SocketRequest.Read(line.Span).TryGet(out var request, out var refusal))
            return ToResponse(refusal);
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
                && Encoding.UTF8.GetBytes(body.ToJsonString()) is { Length: < MaxLineLength } said
            )
                return said;
            var why = e.Message.Length > MaxReasonLength ? e.Message[..MaxReasonLength] : e.Message;
            return ToResponse(new Refusal(RefusalCode.ServiceUnavailable, $"{why}; try again"));
        }
        catch (IOException e)
        {
            // The journal has said it in the log, with the exception; the plugin needs only to know that nothing was
            // done.
            return ToResponse(
                new Refusal(RefusalCode.ServiceUnavailable, $"{e.Message}; try again once its disk takes writes")
            );
        }
    }

    /// <summary>A refusal as the answer.</summary>
    /// <returns>The answer, without its end.</returns>
    public static byte[] ToResponse(Refusal refusal) => Encoding.UTF8.GetBytes(refusal.ToErrorBody().ToJsonString());

    private async Task<byte[]> Handle(SocketRequest request)
    {
        if (request.Verb == "status")
            return await leases.Status() is { } why ? ToResponse(why) : EmptyResponse;
        if (request.Verb is not ("acquire" or "release" or "check"))
        {
            var why = $"'{request.Verb}' is no verb; it must be acquire, release, check or status";
            return ToResponse(new Refusal(RefusalCode.InvalidMember, why, "verb"));
        }

        if (!request.ParseHolder().TryGet(out var holder, out var refusal))
            return ToResponse(refusal);
        return request.Verb switch
        {
            "acquire" => await Acquire(request, holder),
            "release" => await Release(request, holder),
            _ => Check(request, holder),
        };
    }

    private async Task<byte[]> Acquire(SocketRequest request, Holder holder)
    {
        if (!request.ParseRequestedAddresses().TryGet(out var asked, out var refusal))
            return ToResponse(refusal);
        return (await leases.Acquire(holder, request.ToAcquireRequest(holder, asked, node))).TryGet(
            out var lease,
            out refusal
        )
            ? JsonSerializer.SerializeToUtf8Bytes(new LeaseResponse(lease), AgentJson.Default.LeaseResponse)
            : ToResponse(refusal);
    }

    private async Task<byte[]> Release(SocketRequest request, Holder holder)
    {
        await leases.Release(holder, request.PodName);
        return EmptyResponse;
    }

    private byte[] Check(SocketRequest request, Holder holder)
    {
        if (!request.ParseCheckedAddresses().TryGet(out var addresses, out var refusal))
            return ToResponse(refusal);
        return leases.Check(holder, addresses) is { } why ? ToResponse(why) : EmptyResponse;
    }
}
