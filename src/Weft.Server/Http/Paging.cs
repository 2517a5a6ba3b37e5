using System.Text;
using System.Text.Json.Nodes;

namespace Weft.Server.Http;

/// <summary>Answers of lists in pages, by <c>$top</c> and <c>$skipToken</c>.</summary>
internal static class Paging
{
    public const string SkipTokenName = "$skipToken";
    private const int DefaultPageSize = 100;
    private const int MaxPageSize = 1000;

    /// <summary>The key behind which a page begins; null for the first page.</summary>
    public static string? SkipToken(this HttpContext http)
    {
        var token = http.Request.Query[SkipTokenName].ToString();
        var bytes = new byte[token.Length];
        return token.Length > 0 && Convert.TryFromBase64String(token, bytes, out var length)
            ? Encoding.UTF8.GetString(bytes, 0, length)
            : null;
    }

    /// <summary>Answers a page of rows, and where the next one is.</summary>
    /// <param name="rows">The rows behind the request's token, in the order of their keys.</param>
    public static Task RespondPage<T>(
        this HttpContext http,
        IEnumerable<T> rows,
        Func<T, string> key,
        Func<T, JsonNode> body
    )
    {
        var findings = new List<Refusal>();
        if (http.Request.Query[SkipTokenName].ToString() is { Length: > 0 } && http.SkipToken() is null)
            findings.Add(ForeignToken);
        var top = http.PageSize(findings);
        if (findings is [var mistake, ..])
            return http.Refuse(mistake);
        var page = rows.Take(top + 1).ToList();
        var answer = new JsonObject { ["value"] = new JsonArray([.. page.Take(top).Select(body)]) };
        if (page.Count > top)
            answer["nextLink"] = NextLink(http, key(page[top - 1]));
        return http.Respond(200, answer);
    }

    /// <summary>Why a token isn't taken.</summary>
    public static Refusal ForeignToken { get; } =
        new(RefusalCode.InvalidMember, $"'{SkipTokenName}' is none of this server's; follow nextLink", SkipTokenName);

    /// <summary>How much a page holds: <c>$top</c>.</summary>
    /// <param name="findings">Is told where that is no number of a page.</param>
    public static int PageSize(this HttpContext http, List<Refusal> findings)
    {
        var top = http.Request.Query.ContainsKey("$top") ? http.QueryInteger("$top") ?? 0 : DefaultPageSize;
        if (top is < 1 or > MaxPageSize)
            findings.Add(
                new Refusal(
                    RefusalCode.InvalidMember,
                    $"'$top': {http.Request.Query["$top"]} is outside of 1 to {MaxPageSize}",
                    "$top"
                )
            );
        return top;
    }

    /// <summary>The request once more, with a token in place of its own.</summary>
    public static string NextLink(this HttpContext http, string lastKey)
    {
        var token = Uri.EscapeDataString(Convert.ToBase64String(Encoding.UTF8.GetBytes(lastKey)));
        var others = string.Concat(
            http.Request.Query.Where(query => query.Key != SkipTokenName)
                .SelectMany(query => query.Value.Select(value => $"{query.Key}={Uri.EscapeDataString(value ?? "")}&"))
        );
        return $"{http.Origin()}{http.Request.Path}?{others}{SkipTokenName}={token}";
    }
}
