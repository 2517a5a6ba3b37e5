using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Contracts;

namespace Weft.Testing.Soak;

/// <summary>Asks weftd as an agent does, by a credential of a cluster.</summary>
internal sealed class ServerLeaseClient(HttpClient http, Uri server, string credential) : ILeaseClient
{
    /// <inheritdoc/>
    public bool FreesAtOnce => true;

    /// <inheritdoc/>
    public bool IsKnownAtOnce(string network) => true;

    /// <inheritdoc/>
    public Task<LeaseAnswer> Acquire(string network, string container) => Ask(AgentApi.Acquire, network, container);

    /// <inheritdoc/>
    public Task<LeaseAnswer> Release(string network, string container) => Ask(AgentApi.Release, network, container);

    private async Task<LeaseAnswer> Ask(string action, string network, string container)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server, AgentApi.Root + action));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", credential);
        request.Content = new StringContent(
            $$"""{"network":"{{network}}","containerId":"{{container}}","interface":"net1"}""",
            Encoding.UTF8,
            "application/json"
        );
        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        if (response.IsSuccessStatusCode)
            return new LeaseAnswer(text.Length == 0 ? [] : AddressesOf(JsonNode.Parse(text)!), null);
        return new LeaseAnswer([], RefusalOf(JsonNode.Parse(text)!));
    }

    /// <param name="lease">An answer with <c>addresses</c>.</param>
    internal static string[] AddressesOf(JsonNode lease) =>
        [.. lease["addresses"]!.AsArray().Select(address => address!["address"]!.ToString().Split('/')[0])];

    /// <param name="body">ARM's error body.</param>
    internal static string RefusalOf(JsonNode body) => $"{body["error"]?["code"]}: {body["error"]?["message"]}";
}
