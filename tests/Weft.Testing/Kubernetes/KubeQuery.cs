using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Weft.Testing.Kubernetes;

/// <summary>What a request asks for, read off its path and query.</summary>
internal static class KubeQuery
{
    public static string Parameter(HttpContext http, string name, string otherwise) =>
        http.Request.Query[name].ToString() is { Length: > 0 } given ? given : otherwise;

    public static Func<JsonObject, bool> Selector(HttpContext http)
    {
        var labels = http
            .Request.Query["labelSelector"]
            .ToString()
            .Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Select(p => p.Split('=', 2))
            .ToList();
        var fields = http
            .Request.Query["fieldSelector"]
            .ToString()
            .Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Select(p => p.Split('=', 2))
            .ToList();
        return o =>
            labels.All(l => (string?)o["metadata"]!["labels"]?[l[0]] == l[1])
            && fields.All(f => (string?)f[0].Split('.').Aggregate((JsonNode?)o, (at, name) => at?[name]) == f[1]);
    }

    public static KubeRequest Read(HttpContext http)
    {
        var parts = http.Request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var (group, rest) = parts[0] == "api" ? ("", parts[2..]) : (parts[1], parts[3..]);
        string? space = null;
        if (rest.Length > 2 && rest[0] == "namespaces")
            (space, rest) = (rest[1], rest[2..]);
        var name = rest.Length > 1 ? rest[1] : null;
        var isWatch = http.Request.Query["watch"] == "true";
        var verb = http.Request.Method switch
        {
            "GET" => name is not null ? "get"
            : isWatch ? "watch"
            : "list",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            _ => "delete",
        };
        // A list of one name is a request for that name: that is how a role can be limited to it.
        if (
            name is null
            && http
                .Request.Query["fieldSelector"]
                .ToString()
                .Split(',')
                .FirstOrDefault(f => f.StartsWith("metadata.name=", StringComparison.Ordinal))
                is { } only
        )
            name = only["metadata.name=".Length..];
        return new KubeRequest(verb, group, rest[0], space, name);
    }
}
