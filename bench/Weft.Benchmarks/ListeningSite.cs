using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Relay.Protocol;

namespace Weft.Benchmarks;

/// <summary>
/// weftd as users get it, with its relay over TLS, and hybrid connections enough for so many listeners: made by its
/// API, as anybody would.
/// </summary>
internal sealed class ListeningSite : IDisposable
{
    /// <summary>How many listeners a hybrid connection takes (docs/specs/relay-protocol.md).</summary>
    private const int ListenersPerConnection = 25;

    private const string Group = "/subscriptions/5be00000-0000-4000-8000-0000000005a0/resourceGroups/site";
    private const string Namespace = $"{Group}/providers/Microsoft.Relay/namespaces/site-a";
    private const string Rule = $"{Namespace}/authorizationRules/listeners";

    private readonly RelayFolder _folder;
    private readonly string _program;
    private readonly HttpClient _http = new();
    private readonly int _port = RelayFolder.FreePort();
    private string _url = "";

    /// <summary>Starts it on an empty directory and makes the connections.</summary>
    /// <param name="folder">Certificate, data and processes.</param>
    /// <param name="program">weftd.</param>
    /// <param name="listeners">How many listeners there will be.</param>
    public ListeningSite(RelayFolder folder, string program, int listeners)
    {
        (_folder, _program) = (folder, program);
        Process = Start();
        CreateConnections(listeners).GetAwaiter().GetResult();
    }

    public Process Process { get; private set; }

    public string Relay => $"127.0.0.1:{_port}";

    /// <summary>What each listener asks for and shows: a line each, as bench/relay/listeners.c reads them.</summary>
    public string ListenerLines => Path.Combine(_folder.Root, "listeners.txt");

    private string Data => Path.Combine(_folder.Root, "data");

    /// <summary>Kills it as a power cut does, and starts it again on what it had written.</summary>
    public void Restart()
    {
        _folder.Stop(Process);
        Process = Start();
    }

    /// <summary>What the relay itself says: how many listen, and how many it has refused since it started.</summary>
    public (int Listeners, long Refusals) Status()
    {
        var status = SendRequest(HttpMethod.Get, "/providers/Weft.Relay/status?api-version=2026-11-01")
            .GetAwaiter()
            .GetResult();
        return (status["listeners"]!.AsArray().Count, (long)status["totals"]!["refusals"]!);
    }

    public void Dispose() => _http.Dispose();

    private Process Start()
    {
        // All of them come from one address, which by itself may have half of what the relay takes.
        var limits = Path.Combine(Path.GetDirectoryName(Data)!, "limits.json");
        File.WriteAllText(limits, """{"relay":{"connectionsPerSource":1000000}}""");
        var process = _folder.Start(
            _program,
            "serve",
            "--data",
            Data,
            "--limits",
            limits,
            "--listen",
            "127.0.0.1:0",
            "--relay-listen",
            Relay,
            "--relay-tls-cert",
            _folder.Certificate,
            "--relay-tls-key",
            _folder.Key
        );
        const string Said = "weft: listening on ";
        if (process.StandardOutput.ReadLine() is not { } line || !line.StartsWith(Said, StringComparison.Ordinal))
            throw new InvalidOperationException($"{_program} didn't start");
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Bearer",
            File.ReadAllText(Path.Combine(Data, "admin.token")).Trim()
        );
        _url = line[Said.Length..];
        return process;
    }

    private async Task CreateConnections(int listeners)
    {
        const string Version = "?api-version=2024-01-01";
        await SendRequest(HttpMethod.Put, $"{Group}?api-version=2021-04-01", """{"location":"east"}""");
        await SendRequest(
            HttpMethod.Put,
            $"{Namespace}{Version}",
            """{"location":"east","sku":{"name":"Standard","tier":"Standard"}}"""
        );
        await SendRequest(HttpMethod.Put, $"{Rule}{Version}", """{"properties":{"rights":["Listen"]}}""");
        var key = (await SendRequest(HttpMethod.Post, $"{Rule}/listKeys{Version}"))["primaryKey"]!.ToString();
        var connections = (listeners + ListenersPerConnection - 1) / ListenersPerConnection;
        await Parallel.ForAsync(
            0,
            connections,
            new ParallelOptions { MaxDegreeOfParallelism = 8 },
            async (i, _) => await SendRequest(HttpMethod.Put, $"{Namespace}/hybridConnections/{Name(i)}{Version}", "{}")
        );
        var expires = TimeProvider.System.GetUtcNow().AddHours(1);
        await File.WriteAllLinesAsync(
            ListenerLines,
            Enumerable.Range(0, listeners).Select(i => ListenerLine(Name(i / ListenersPerConnection), i, key, expires))
        );
    }

    private static string Name(int connection) =>
        string.Create(CultureInfo.InvariantCulture, $"listened-{connection:d4}");

    /// <summary>As the agent asks: an id of its own, and the token in a header.</summary>
    private static string ListenerLine(string connection, int listener, string key, DateTimeOffset expires) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"/$hc/site-a/{connection}?sb-hc-action=listen&sb-hc-id={Guid.NewGuid()} "
                + $"{Token(connection, key, expires.AddSeconds(listener % 60))}"
        );

    private static string Token(string connection, string key, DateTimeOffset expires) =>
        SharedAccessSignature.Sign($"http://localhost/site-a/{connection}", "listeners", key, expires);

    private async Task<JsonNode> SendRequest(HttpMethod method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(method, _url + path)
        {
            Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json"),
        };
        using var response = await _http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return response.IsSuccessStatusCode
            ? JsonNode.Parse(text)!
            : throw new InvalidOperationException($"{method} {path}: {(int)response.StatusCode} {text}");
    }
}
