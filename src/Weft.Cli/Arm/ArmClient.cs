using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Cli.Primitives;
using Weft.Relay.Client;

namespace Weft.Cli.Arm;

/// <summary>
/// Speaks to one weftd. Every request it sends goes to that server, whatever host a link in an answer names.
/// </summary>
internal sealed class ArmClient(HttpClient http, Uri server, string token, TimeProvider clock, Action<string>? log)
    : IDisposable
{
    private const int MaxAttempts = 5;

    // Longer than the longest answer the server holds (60 s), shorter than what a person takes for a hang.
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(100);
    private static readonly TimeSpan MaxRetryAfter = TimeSpan.FromSeconds(30);

    /// <summary>The server.</summary>
    public Uri Server => server;

    /// <summary>The clock of waits.</summary>
    public TimeProvider Clock => clock;

    /// <summary>Asks for something that must be there.</summary>
    public Task<ArmResponse> GetAsync(string path, CancellationToken cancel) =>
        SendAsync(HttpMethod.Get, path, null, null, cancel);

    /// <summary>Asks for something that may not be there.</summary>
    /// <returns>The answer, or null where it isn't there.</returns>
    public async Task<ArmResponse?> FindAsync(string path, CancellationToken cancel)
    {
        try
        {
            return await GetAsync(path, cancel);
        }
        catch (ArmException exception) when (exception.Status == 404)
        {
            return null;
        }
    }

    /// <summary>Asks for all pages of a list.</summary>
    /// <param name="path">Path and query of the first page.</param>
    public async Task<List<JsonObject>> ListAsync(string path, CancellationToken cancel)
    {
        var members = new List<JsonObject>();
        for (string? next = path; next is not null; )
        {
            var page = (await GetAsync(next, cancel)).Object;
            members.AddRange((page["value"] as JsonArray ?? []).OfType<JsonObject>());
            next = page["nextLink"]?.ToString();
        }

        return members;
    }

    /// <summary>Sends a request; where the server is busy, again after as long as it says.</summary>
    /// <param name="path">Path and query, or a link of the server.</param>
    /// <param name="body">The body, or null.</param>
    /// <param name="prefer">The <c>Prefer</c> header, or null.</param>
    /// <exception cref="ArmException">The answer is an error.</exception>
    /// <exception cref="CliError">The server could not be reached.</exception>
    public async Task<ArmResponse> SendAsync(
        HttpMethod method,
        string path,
        JsonNode? body,
        string? prefer,
        CancellationToken cancel
    )
    {
        for (var attempt = 1; ; attempt++)
        {
            using var request = CreateRequest(method, path, body, prefer);
            using var response = await SendOnceAsync(request, cancel);
            var node = await ReadBodyAsync(response, cancel);
            if ((int)response.StatusCode < 400)
                return ToResponse(response, node);
            var error = ArmError.Read(node) ?? MissingErrorBody(response);
            if (attempt >= MaxAttempts || !IsBusy(response.StatusCode, error))
                throw new ArmException((int)response.StatusCode, error);
            var wait = RetryAfterOf(response) ?? TimeSpan.FromSeconds(1);
            log?.Invoke($"the server is busy ({error.Code}): asking again in {wait.TotalSeconds:0} s");
            await Task.Delay(wait, clock, cancel);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private static bool IsBusy(HttpStatusCode status, ArmError error) =>
        status is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable
        || error.Code == nameof(RefusalCode.Contended);

    private static ArmError MissingErrorBody(HttpResponseMessage response) =>
        response.StatusCode is >= HttpStatusCode.Moved and < HttpStatusCode.BadRequest
            ? ArmError.Create(
                "Redirected",
                "the server sends elsewhere; weft follows no redirects, so that the token stays here"
            )
            : ArmError.Create(
                "NoErrorBody",
                $"the server answered {(int)response.StatusCode} {response.ReasonPhrase} without a reason"
            );

    private HttpRequestMessage CreateRequest(HttpMethod method, string path, JsonNode? body, string? prefer)
    {
        var request = new HttpRequestMessage(method, ResolveUri(path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("weft", ProgramVersion.Text));
        if (prefer is not null)
            request.Headers.Add("Prefer", prefer);
        if (body is not null)
            request.Content = new StringContent(JsonFormatter.Compact(body), Encoding.UTF8, "application/json");
        return request;
    }

    // Links are absolute and carry the name the server has for itself; through a tunnel or a proxy that name is
    // somebody else's.
    private Uri ResolveUri(string path)
    {
        var relative =
            Uri.TryCreate(path, UriKind.Absolute, out var link) && link.Scheme is "http" or "https"
                ? link!.PathAndQuery
                : path;
        return new Uri(server, relative.TrimStart('/'));
    }

    private async Task<HttpResponseMessage> SendOnceAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        using var patience = new CancellationTokenSource(RequestTimeout, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, patience.Token);
        var start = clock.GetTimestamp();
        try
        {
            var response = await http.SendAsync(request, HttpCompletionOption.ResponseContentRead, both.Token);
            var elapsed = clock.GetElapsedTime(start).TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture);
            log?.Invoke($"{request.Method} {request.RequestUri} -> {(int)response.StatusCode} in {elapsed} ms");
            return response;
        }
        catch (HttpRequestException e)
        {
            log?.Invoke($"{request.Method} {request.RequestUri} -> {e.HttpRequestError}");
            throw Unreachable(ProxyDiagnostics.Describe(e, server) ?? ReasonOf(e));
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw Unreachable($"no answer within {RequestTimeout.TotalSeconds:0} s");
        }
    }

    private static string ReasonOf(HttpRequestException e) =>
        e.HttpRequestError switch
        {
            HttpRequestError.SecureConnectionError =>
                $"its certificate is not trusted ({e.InnerException?.Message ?? e.Message})",
            HttpRequestError.NameResolutionError => "its name is unknown",
            _ => e.InnerException?.Message ?? e.Message,
        };

    private CliError Unreachable(string reason) =>
        new(
            $"cannot reach {server.ToString().TrimEnd('/')}: {reason}",
            next: "start a server here with ./run, or point weft at yours: weft config set-context NAME --server URL [--ca FILE]"
        );

    private static async Task<JsonNode?> ReadBodyAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        var text = await response.Content.ReadAsStringAsync(cancel);
        if (string.IsNullOrWhiteSpace(text))
            return null;
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException) when ((int)response.StatusCode >= 400)
        {
            // A proxy's page in HTML: the status says more than its text would.
            return null;
        }
        catch (JsonException)
        {
            throw new CliError("the server's answer is no JSON", next: "is there a weftd at the configured address?");
        }
    }

    private static ArmResponse ToResponse(HttpResponseMessage response, JsonNode? body)
    {
        if ((int)response.StatusCode is >= 300)
            throw new ArmException((int)response.StatusCode, MissingErrorBody(response));
        return new ArmResponse((int)response.StatusCode, body)
        {
            AsyncOperation = response.Headers.TryGetValues("Azure-AsyncOperation", out var values)
                ? values.First()
                : null,
            Location = response.Headers.TryGetValues("Location", out var locations) ? locations.First() : null,
            RetryAfter = RetryAfterOf(response),
            PreferenceApplied = response.Headers.Contains("Preference-Applied"),
            Warnings = [.. response.Headers.Warning.Select(warning => warning.Text.Trim('"'))],
        };
    }

    private static TimeSpan? RetryAfterOf(HttpResponseMessage response) =>
        response.Headers.RetryAfter?.Delta is { } delta ? (delta < MaxRetryAfter ? delta : MaxRetryAfter) : null;
}
