using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Contracts;

namespace Weft.Testing.Soak;

/// <summary>weftd of a site of two clusters that share a large network and a small one, asked as its administrator.</summary>
internal sealed class SoakSite(HttpClient http, Uri server, string data)
{
    /// <summary>No bound but the pool's: who shares with whom is asked elsewhere.</summary>
    public const string Limits = """
        {"leases":{"perNode":10000000,"perCluster":100000000,"ratePerNode":100000,"burstPerNode":1000000,
        "ratePerCluster":1000000,"burstPerCluster":10000000,"keptPercent":0}}
        """;

    private const string SmallPrefix = "10.31.0.0/27";
    private const int Page = 1000;

    public static readonly string Large = SmallSite.Network;
    public static readonly string Small = $"{Documents.Cloud}/l3Networks/small";

    /// <summary>How many pods each network has room for: without the network, the broadcast address, and 3 that are reserved.</summary>
    public static readonly IReadOnlyDictionary<string, int> Sizes = new Dictionary<string, int>
    {
        [Large] = 4096 - 2 - 3,
        [Small] = 32 - 2 - 3,
    };

    private string Token => File.ReadAllText(Path.Join(data, "admin.token")).Trim();

    /// <summary>Waits until it answers.</summary>
    public async Task WaitUntilItAnswers(TimeSpan atMost)
    {
        using var late = new CancellationTokenSource(atMost);
        while (true)
        {
            try
            {
                if ((await Send("GET", "/subscriptions")).Status == 200)
                    return;
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                // Not yet.
            }

            await Task.Delay(10, late.Token);
        }
    }

    public async Task Create()
    {
        foreach (var document in SmallSite.BaseResources.TakeWhile(d => !d.Body.ContainsKey("state")))
            await Create(document);
        Document[] more =
        [
            Documents.Internal("vrf1", "small-subnets", 607, SmallPrefix, "fd20:0:0:607::/64"),
            .. SmallSite.BaseResources.SkipWhile(d => !d.Body.ContainsKey("state")),
            Documents.Layer3("oam", 600),
            Documents.Layer3("n6", 606),
            Documents.Layer3("small", 607),
            Documents.CloudServices,
            .. SmallSite.Clusters.Select(name => Documents.Kubernetes(name, ["n6", "small"])),
        ];
        foreach (var document in more)
            await Create(document);
    }

    /// <summary>Makes a token for one agent.</summary>
    public async Task<string> EnrolmentToken(string cluster, string name, string? node)
    {
        var wanted = new EnrolmentTokenRequest(name, node, Replace: false, EnrolmentTokenRequest.DefaultMinutes);
        var path = $"{Documents.Cloud}/kubernetesClusters/{cluster}/{EnrolmentTokenRequest.ActionName}";
        return EnrolmentTokenResponse.Read((await Ask("POST", path, wanted.ToJson()))!.AsObject())!.Token;
    }

    /// <summary>Enrols as the agent of a cluster.</summary>
    /// <returns>Its credential.</returns>
    public async Task<string> Enrol(string cluster, string name, int number)
    {
        var secret = new byte[32];
        BitConverter.TryWriteBytes(secret, number + 1);
        var credential = BearerToken.Create(BearerToken.AgentKind, secret);
        var request = new EnrolmentRequest(name, BearerToken.HashOf(credential), null, null);
        var token = await EnrolmentToken(cluster, name, null);
        _ = await Ask("POST", AgentApi.Root + AgentApi.Enrol, JsonNode.Parse(request.ToBytes()), token);
        return credential;
    }

    /// <summary>Who holds an address.</summary>
    /// <returns>The container; null where nobody does.</returns>
    /// <exception cref="IOException">It wasn't said.</exception>
    public async Task<string?> HolderOf(string network, string address)
    {
        var (status, body) = await Send("GET", $"{network}/providers/Weft.Ipam/leases/{address}");
        return status switch
        {
            200 => ContainerOf(body!),
            404 => null,
            _ => throw new IOException($"{status}: {body}"),
        };
    }

    /// <summary>All that pods hold.</summary>
    public async Task<IReadOnlyList<(string Network, string Container, string Address)>> Leases()
    {
        var leases = new List<(string, string, string)>();
        foreach (var network in Sizes.Keys)
        {
            for (var path = $"{network}/providers/Weft.Ipam/leases?$top={Page}"; path.Length > 0; )
            {
                var body = await Ask("GET", path);
                leases.AddRange(
                    body!["value"]!
                        .AsArray()
                        .Select(lease => (network, ContainerOf(lease!), $"{lease!["properties"]!["address"]}"))
                );
                path = body["nextLink"] is { } next ? new Uri($"{next}").PathAndQuery : "";
            }
        }

        return leases;
    }

    private static string ContainerOf(JsonNode lease) => $"{lease["properties"]!["holderId"]}".Split('#')[1];

    private async Task Create(Document document)
    {
        var enables = document.Body.ContainsKey("state");
        _ = await Ask(
            enables ? "POST" : "PUT",
            enables ? $"{document.Id}/updateAdministrativeState" : document.Id,
            document.Body
        );
    }

    private async Task<JsonNode?> Ask(string method, string path, JsonNode? body = null, string? token = null)
    {
        var (status, answer) = await Send(method, path, body, token);
        return status is >= 200 and < 300
            ? answer
            : throw new InvalidOperationException($"{method} {path}: {status} {answer}");
    }

    private async Task<(int Status, JsonNode? Body)> Send(
        string method,
        string path,
        JsonNode? body = null,
        string? token = null
    )
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(server, Versioned(path)));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token ?? Token);
        // What a network or a cluster waits for doesn't hold the answer up.
        request.Headers.Add("Prefer", string.Create(CultureInfo.InvariantCulture, $"wait={20}"));
        if (body is not null)
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return ((int)response.StatusCode, text.Length == 0 ? null : JsonNode.Parse(text));
    }

    private static string Versioned(string path) =>
        path.Contains("api-version=", StringComparison.Ordinal) || path.StartsWith("/agents/", StringComparison.Ordinal)
            ? path
            : $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}api-version={Documents.VersionOf(path)}";
}
