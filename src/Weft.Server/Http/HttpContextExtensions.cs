using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Server.Http;

/// <summary>Is told of an answer before it is sent.</summary>
/// <param name="refusal">Why not; null where it isn't one.</param>
/// <returns>What is answered instead; null for the answer as it is.</returns>
internal delegate Task<Refusal?> BeforeAnswer(int status, Refusal? refusal);

/// <summary>Whether who asks may be told of what has an id.</summary>
/// <param name="id">The id; <c>/</c> for all there is.</param>
internal delegate bool Sight(string id);

/// <summary>Answers in ARM's form.</summary>
internal static class HttpContextExtensions
{
    /// <summary>Answers a JSON body.</summary>
    public static async Task Respond(this HttpContext http, int status, JsonNode? body = null)
    {
        if (await http.Announce(status, null) is { } instead)
            await http.WriteRefusal(instead);
        else
            await http.Write(status, body is null ? null : Json.ToUtf8(body));
    }

    /// <summary>Answers a JSON body that is written already.</summary>
    public static async Task Respond(this HttpContext http, int status, byte[] bytes)
    {
        if (await http.Announce(status, null) is { } instead)
            await http.WriteRefusal(instead);
        else
            await http.Write(status, bytes);
    }

    /// <summary>Answers a refusal.</summary>
    public static async Task Refuse(this HttpContext http, Refusal refusal) =>
        await http.WriteRefusal(await http.Announce(refusal.Code.HttpStatus(), refusal) ?? refusal);

    private static Task<Refusal?> Announce(this HttpContext http, int status, Refusal? refusal) =>
        http.Features.Get<BeforeAnswer>() is { } before ? before(status, refusal) : Task.FromResult<Refusal?>(null);

    /// <summary>What who asks may be told of; nothing until that is known.</summary>
    public static Sight Sight(this HttpContext http) => http.Features.Get<Sight>() ?? (_ => false);

    /// <summary>The one place where refusals leave weftd: they are on record whole, and tell callers what they may read.</summary>
    private static Task WriteRefusal(this HttpContext http, Refusal refusal)
    {
        refusal = refusal.VisibleTo(http.Sight().Invoke);
        if (refusal.Code == RefusalCode.AuthenticationFailed)
            http.Response.Headers.WWWAuthenticate = "Bearer";
        if (RetryAfterOf(refusal) is { } seconds)
            http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return http.Write(refusal.Code.HttpStatus(), Json.ToUtf8(refusal.ToErrorBody()));
    }

    /// <summary>After how many seconds it is worth asking again; null where nobody says.</summary>
    public static int? RetryAfterOf(Refusal refusal) =>
        refusal.RetryAfterSeconds
        ?? (
            refusal.Code is RefusalCode.ServiceUnavailable or RefusalCode.RegistrationPending or RefusalCode.Contended
                ? 1
                : null
        );

    private static async Task Write(this HttpContext http, int status, byte[]? bytes)
    {
        http.Response.StatusCode = status;
        if (bytes is null || HttpMethods.IsHead(http.Request.Method))
            return;
        http.Response.ContentType = "application/json; charset=utf-8";
        http.Response.ContentLength = bytes.Length;
        await http.Response.Body.WriteAsync(bytes, http.RequestAborted);
    }

    /// <summary>Whether the caller insists: <c>force=true</c>.</summary>
    public static bool IsForced(this HttpContext http) => http.Request.Query["force"] == "true";

    /// <summary>The server as its callers may name it, for absolute URLs.</summary>
    public static string Origin(this HttpContext http) =>
        http.RequestServices.GetRequiredService<PublicOrigin>().Of(http);

    /// <summary>A whole number of the query, or null.</summary>
    public static int? QueryInteger(this HttpContext http, string name) =>
        int.TryParse(http.Request.Query[name], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;

    /// <summary>
    /// How long the caller wants to wait for something to happen, by RFC 7240's <c>Prefer: wait=N</c>.
    /// </summary>
    public static TimeSpan PreferredWait(this HttpContext http)
    {
        var preference = http
            .Request.Headers["Prefer"]
            .SelectMany(value => (value ?? "").Split([',', ';'], StringSplitOptions.TrimEntries))
            .FirstOrDefault(part => part.StartsWith("wait=", StringComparison.OrdinalIgnoreCase));
        return
            preference is not null && int.TryParse(preference.AsSpan(5), CultureInfo.InvariantCulture, out var seconds)
            ? TimeSpan.FromSeconds(Math.Clamp(seconds, 0, 60))
            : TimeSpan.Zero;
    }
}
