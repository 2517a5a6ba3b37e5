using System.IO.Pipelines;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Server.Http;

/// <summary>Reads bodies within their bounds: of bytes, of time, and of what callers may have in flight.</summary>
internal static class RequestBody
{
    /// <summary>ARM's own limit for a request's body, in bytes: 4 MiB.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    private static readonly Refusal TooLarge = new(RefusalCode.RequestTooLarge, "the body is larger than 4 MiB");

    /// <summary>Reads the body as a JSON object; an empty body is an empty object.</summary>
    public static async Task<Outcome<JsonObject>> ReadObject(this HttpContext http) =>
        (await http.ReadBytes()).TryGet(out var bytes, out var refusal) ? ParseObject(bytes) : refusal;

    /// <summary>A body that was read as a JSON object; an empty one is an empty object.</summary>
    public static Outcome<JsonObject> ParseObject(ReadOnlyMemory<byte> bytes) =>
        bytes.IsEmpty ? new JsonObject() : Json.ParseObject(bytes);

    /// <summary>Reads the body.</summary>
    public static async Task<Outcome<ReadOnlyMemory<byte>>> ReadBytes(this HttpContext http)
    {
        var limits = http.RequestServices.GetRequiredService<RequestLimits>();
        var buffer = new BodyBuffer(limits.Bodies, http.CallerKey());
        http.Response.RegisterForDispose(buffer);
        if (await Fill(http, buffer, limits) is { } refusal)
        {
            // Now, and not when it is answered: who still sends hears the answer seconds later.
            buffer.Dispose();
            return refusal;
        }

        return buffer.ToMemory();
    }

    /// <returns>Why it isn't taken; null where it is whole.</returns>
    private static async Task<Refusal?> Fill(HttpContext http, BodyBuffer buffer, RequestLimits limits)
    {
        var body = http.Request.BodyReader;
        // Small ones have mostly come with their headers: then there is nothing to wait for.
        if (body.TryRead(out var first))
        {
            if (first.IsCompleted && first.Buffer.Length <= MaxBytes)
            {
                var bound = buffer.Append(first.Buffer);
                body.AdvanceTo(first.Buffer.End);
                return bound == QuotaBound.None ? null : NoRoom(bound, limits.Bodies);
            }

            body.AdvanceTo(first.Buffer.Start);
        }

        using var deadline = new CancellationTokenSource(limits.BodyTimeout, limits.Time);
        // A read that its token ends would stay under way, and what is left of the body couldn't be drained.
        await using var registration = deadline.Token.UnsafeRegister(
            static pipe => ((PipeReader)pipe!).CancelPendingRead(),
            body
        );
        try
        {
            return await Fill(buffer, body, limits, http.RequestAborted);
        }
        catch (BadHttpRequestException e)
        {
            return e.StatusCode switch
            {
                StatusCodes.Status413PayloadTooLarge => TooLarge,
                StatusCodes.Status408RequestTimeout => TooSlow(e.Message),
                _ => new Refusal(RefusalCode.InvalidRequestContent, e.Message),
            };
        }
    }

    private static async Task<Refusal?> Fill(
        BodyBuffer buffer,
        PipeReader body,
        RequestLimits limits,
        CancellationToken aborted
    )
    {
        var total = 0L;
        while (true)
        {
            var read = await body.ReadAsync(aborted);
            total += read.Buffer.Length;
            var bound = total <= MaxBytes ? buffer.Append(read.Buffer) : QuotaBound.None;
            body.AdvanceTo(read.Buffer.End);
            if (read.IsCanceled)
                return TooSlow(
                    $"the body has not come within {limits.BodyTimeout.TotalSeconds:0} s (management.bodySeconds)"
                );
            if (bound != QuotaBound.None)
                return NoRoom(bound, limits.Bodies);
            // What is too much is read to its end all the same: who is still sending hears no answer.
            if (total > MaxBytes)
                buffer.Dispose();
            if (read.IsCompleted)
                return total > MaxBytes ? TooLarge : null;
        }
    }

    private static Refusal TooSlow(string why) => new(RefusalCode.RequestTimeout, why);

    private static Refusal NoRoom(QuotaBound bound, SharedQuota quota) =>
        bound == QuotaBound.Caller
            ? new Refusal(
                RefusalCode.TooManyRequests,
                $"the bodies of this credential that are in flight have {quota.PerCaller} bytes, and more may not come at once "
                    + "(management.bodyBytesPerCredential)"
            )
            {
                RetryAfterSeconds = 1,
            }
            : new Refusal(
                RefusalCode.ServiceUnavailable,
                $"the bodies that are in flight have {quota.All} bytes, and more may not come at once (management.bodyBytes)"
            )
            {
                RetryAfterSeconds = 1,
            };
}
