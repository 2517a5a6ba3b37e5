using Microsoft.AspNetCore.Http.Features;
using Weft.Contracts;

namespace Weft.Server.Http;

/// <summary>
/// What requests may use up together, and those of one credential: bytes of bodies, and waiting (docs/specs/limits.md).
/// </summary>
internal sealed class RequestLimits(ManagementLimits limits, TimeProvider time)
{
    private static readonly HashSet<string> LongPolls = new(
        AgentApi.LongPolls.Select(path => AgentApi.Root + path),
        StringComparer.Ordinal
    );

    /// <summary>The bytes of bodies that have come and aren't answered yet.</summary>
    public SharedQuota Bodies { get; } = new(limits.BodyBytes, limits.BodyBytesPerCredential);

    /// <summary>The requests that wait for something to happen.</summary>
    public SharedQuota Waits { get; } = new(long.MaxValue, limits.WaitsPerCredential);

    /// <summary>How long a body may take.</summary>
    public TimeSpan BodyTimeout => limits.BodyTimeout;

    /// <summary>The clock of that.</summary>
    public TimeProvider Time => time;

    /// <summary>
    /// Counts a request that waits for something to happen, until it is answered. One that doesn't wait isn't counted.
    /// </summary>
    /// <returns>Null where it may wait; else why not.</returns>
    public Refusal? EnterWait(HttpContext http)
    {
        if (!IsWait(http))
            return null;
        var caller = http.CallerKey();
        if (Waits.Take(caller, 1) != QuotaBound.None)
            return new Refusal(
                RefusalCode.TooManyRequests,
                $"{Waits.PerCaller} requests of this credential wait already, and more may not (management.waitsPerCredential)"
            )
            {
                RetryAfterSeconds = 1,
            };
        http.Response.RegisterForDispose(new Place(() => Waits.Return(caller, 1)));
        return null;
    }

    private static bool IsWait(HttpContext http) =>
        HttpMethods.IsGet(http.Request.Method)
        && (http.PreferredWait() > TimeSpan.Zero || LongPolls.Contains(http.Request.Path.Value ?? ""));

    private sealed class Place(Action leave) : IDisposable
    {
        public void Dispose() => leave();
    }
}

/// <summary>Whose request it is, as far as limits ask.</summary>
/// <param name="Key">The same for all requests of one credential.</param>
internal sealed record RequestCaller(string Key);

/// <summary>Whose request it is, beside the request.</summary>
internal static class RequestCallerOfRequest
{
    /// <summary>Says whose it is; nothing is read of its body before.</summary>
    public static void IdentifyCaller(this HttpContext http, string key) => http.Features.Set(new RequestCaller(key));

    /// <summary>Whose it is.</summary>
    public static string CallerKey(this HttpContext http) => http.Features.GetRequiredFeature<RequestCaller>().Key;
}
