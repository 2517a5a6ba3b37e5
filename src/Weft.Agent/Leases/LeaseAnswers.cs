using System.Text;
using System.Text.Json;
using Weft.Agent.ControlPlane;

namespace Weft.Agent.Leases;

/// <summary>From the line that came to the line that goes: every request gets an answer, and none ends the agent.</summary>
internal sealed class LeaseAnswers(LeaseDesk desk, string? node, Log log)
{
    /// <summary>The longest line of the socket, its end included: 64 KiB.</summary>
    public const int LongestLine = 64 << 10;

    private const int LongestReason = 1000;

    private static readonly byte[] Done = "{}"u8.ToArray();

    /// <summary>Answers one request.</summary>
    /// <param name="line">The line, without its end.</param>
    /// <returns>The answer, without its end.</returns>
    public async Task<byte[]> Answer(ReadOnlyMemory<byte> line)
    {
        if (!SocketRequest.Read(line.Span).TryGet(out var request, out var refusal))
            return Body(refusal);
        try
        {
            return await Answer(request);
        }
        catch (ControlPlaneException e)
        {
            log.Warn("acquire-failed", e, ("container", request.ContainerId), ("pod", request.PodName));

            // The control plane's word goes to the plugin as it is; where there is none, trying again is all that's left.
            if (e.ErrorBody is { } body && Encoding.UTF8.GetBytes(body.ToJsonString()) is { Length: < LongestLine } said)
                return said;
            var why = e.Message.Length > LongestReason ? e.Message[..LongestReason] : e.Message;
            return Body(new Refusal(RefusalCode.ServiceUnavailable, $"{why}; try again"));
        }
        catch (IOException e)
        {
            // The journal has said it in the log, with the exception; the plugin needs only to know that nothing was done.
            return Body(new Refusal(RefusalCode.ServiceUnavailable, $"{e.Message}; try again once its disk takes writes"));
        }
    }

    /// <summary>A refusal as the answer.</summary>
    /// <returns>The answer, without its end.</returns>
    public static byte[] Body(Refusal refusal) => Encoding.UTF8.GetBytes(refusal.ToErrorBody().ToJsonString());

    private async Task<byte[]> Answer(SocketRequest request)
    {
        if (request.Verb == "status")
            return await desk.Status() is { } why ? Body(why) : Done;
        if (request.Verb is not ("acquire" or "release" or "check"))
        {
            var why = $"'{request.Verb}' is no verb; it must be acquire, release, check or status";
            return Body(new Refusal(RefusalCode.InvalidMember, why, "verb"));
        }

        if (!request.Holder().TryGet(out var holder, out var refusal))
            return Body(refusal);
        return request.Verb switch
        {
            "acquire" => await Acquire(request, holder),
            "release" => await Release(request, holder),
            _ => Check(request, holder),
        };
    }

    private async Task<byte[]> Acquire(SocketRequest request, Holder holder)
    {
        if (!request.Asked().TryGet(out var asked, out var refusal))
            return Body(refusal);
        return (await desk.Acquire(holder, request.ToAcquire(holder, asked, node))).TryGet(out var lease, out refusal)
            ? JsonSerializer.SerializeToUtf8Bytes(new LeaseAnswer(lease), AgentJson.Default.LeaseAnswer)
            : Body(refusal);
    }

    private async Task<byte[]> Release(SocketRequest request, Holder holder)
    {
        await desk.Release(holder, request.PodName);
        return Done;
    }

    private byte[] Check(SocketRequest request, Holder holder)
    {
        if (!request.Checked().TryGet(out var addresses, out var refusal))
            return Body(refusal);
        return desk.Check(holder, addresses) is { } why ? Body(why) : Done;
    }
}
