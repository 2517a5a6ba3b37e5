using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Weft.Tests.Server;

/// <summary>
/// A request whose body comes late: the server has seen its credential, and something happens before it has the body.
/// </summary>
internal static class HeldBody
{
    /// <summary>Sends a request of the agents' endpoint.</summary>
    /// <param name="meanwhile">What happens once the server asks for the body.</param>
    public static async Task<int> Send(
        InProcessServer server,
        string token,
        HttpMethod method,
        string path,
        JsonNode body,
        Func<Task> meanwhile
    )
    {
        // "100 Continue" is what a server says when it reads the body, so behind its check of the credential.
        using var handler = new SocketsHttpHandler { Expect100ContinueTimeout = TimeSpan.FromSeconds(30) };
        using var client = new HttpClient(handler);
        using var content = new LateContent(body, meanwhile);
        using var request = new HttpRequestMessage(method, new Uri(server.Client.BaseAddress!, $"/agents/v1/{path}"))
        {
            Content = content,
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Headers.ExpectContinue = true;
        using var answer = await client.SendAsync(request, TestContext.Current.CancellationToken);
        return (int)answer.StatusCode;
    }

    private sealed class LateContent(JsonNode body, Func<Task> meanwhile) : HttpContent
    {
        private readonly byte[] _bytes = Encoding.UTF8.GetBytes(body.ToJsonString());

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await meanwhile();
            await stream.WriteAsync(_bytes);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _bytes.Length;
            return true;
        }
    }
}
