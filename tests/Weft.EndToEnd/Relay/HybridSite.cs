using System.Text.Json.Nodes;
using Weft.EndToEnd.Server;

namespace Weft.EndToEnd.Relay;

/// <summary>
/// weftd as a process whose relay speaks TLS with a certificate of its own; a namespace in it, and hybrid connections
/// made through its API.
/// </summary>
internal sealed class HybridSite : IAsyncDisposable
{
    /// <summary>The namespace.</summary>
    public const string Space = $"{SmallSite.Group}/providers/Microsoft.Relay/namespaces/site-a";

    private const string Version = "api-version=2024-01-01";

    private readonly Authority _authority;
    private readonly HttpClient _http = new();
    private readonly HeldPort _api;
    private readonly HeldPort _relay;

    private HybridSite(Authority authority, Weftd weftd, HeldPort api, HeldPort relay) =>
        (_authority, Weftd, _api, _relay) = (authority, weftd, api, relay);

    public Weftd Weftd { get; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Starts it on ports that stay its own when it comes again.</summary>
    public static async Task<HybridSite> Start()
    {
        var authority = new Authority("localhost", "127.0.0.1");
        var (api, relay) = (new HeldPort(), new HeldPort());
        var weftd = await Weftd.Start(
            "--listen",
            $"127.0.0.1:{api.Number}",
            "--relay-listen",
            $"127.0.0.1:{relay.Number}",
            "--relay-address",
            "localhost",
            "--relay-tls-cert",
            authority.CertificateFile,
            "--relay-tls-key",
            authority.KeyFile
        );
        var site = new HybridSite(authority, weftd, api, relay);
        await weftd.Create(site._http, SmallSite.Group, new JsonObject { ["location"] = "eastus" });
        await site.SendRequest(
            "PUT",
            Space,
            new JsonObject
            {
                ["location"] = "eastus",
                ["sku"] = new JsonObject { ["name"] = "Standard" },
            }
        );
        return site;
    }

    /// <summary>Makes a hybrid connection with a rule to listen and another to send.</summary>
    /// <returns>Its id.</returns>
    public async Task<string> CreateConnection(string name)
    {
        var id = $"{Space}/hybridConnections/{name}";
        await SendRequest(
            "PUT",
            id,
            new JsonObject { ["properties"] = new JsonObject { ["requiresClientAuthorization"] = true } }
        );
        await SendRequest("PUT", $"{id}/authorizationRules/listen", Rights("Listen"));
        await SendRequest("PUT", $"{id}/authorizationRules/send", Rights("Send"));
        return id;
    }

    /// <summary>
    /// Where a program finds a connection, with a key that listKeys shows: that of a rule of the connection, or of
    /// another scope.
    /// </summary>
    public async Task<HybridConnectionSettings> Enter(
        string connection,
        string rule,
        string? scope = null,
        string key = "primaryKey"
    )
    {
        var keys = await SendRequest("POST", $"{scope ?? connection}/authorizationRules/{rule}/listKeys");
        return new HybridConnectionSettings(
            _relay.Number,
            PathOf(connection),
            keys["keyName"]!.ToString(),
            keys[key]!.ToString(),
            _authority.CaFile
        );
    }

    /// <summary>Generates a new primary key for a rule of a connection.</summary>
    public Task Regenerate(string connection, string rule) =>
        SendRequest(
            "POST",
            $"{connection}/authorizationRules/{rule}/regenerateKeys",
            new JsonObject { ["keyType"] = "PrimaryKey" }
        );

    /// <summary>Starts a listener by the rule that is for it, and waits until it listens.</summary>
    public async Task<NodeProgram> Listen(
        string connection,
        string program,
        params (string Name, string Value)[] environment
    ) => await NodeProgram.Listen(await Enter(connection, "listen"), program, environment);

    /// <summary>Starts a sender by the rule that is for it.</summary>
    public async Task<NodeProgram> Send(string connection, string program, params string[] arguments) =>
        await NodeProgram.Send(await Enter(connection, "send"), program, arguments);

    /// <summary>Lets a sender speak to its end.</summary>
    public async Task<string[]> SendToEnd(string connection, string program, params string[] arguments)
    {
        await using var sender = await Send(connection, program, arguments);
        return await sender.Rest();
    }

    /// <summary>How many listeners the API says a connection has.</summary>
    public async Task<int> ListenersOf(string connection) =>
        (int)(await SendRequest("GET", connection))["properties"]!["listenerCount"]!;

    /// <summary>Who is at the relay.</summary>
    public async Task<JsonNode> Status() =>
        (await Weftd.SendRequest(_http, "GET", "/providers/Weft.Relay/status")).Body!;

    /// <summary>
    /// The id that the relay gave the one listener of a connection; null where there isn't one alone.
    /// </summary>
    public async Task<string?> ListenerOf(string connection) =>
        (await Status())["listeners"]!.AsArray().Where(l => l!["connection"]!.ToString() == PathOf(connection)).ToList()
            is [{ } one]
            ? one["id"]!.ToString()
            : null;

    /// <summary>Waits until just so many listeners are left and nobody else is: no session, nobody who waits.</summary>
    public Task WaitForListeners(int listeners) =>
        Eventually.Holds(
            async () =>
            {
                var now = await Status();
                return (now["listeners"]!.AsArray().Count, now["sessions"]!.AsArray().Count, (int)now["waiting"]!)
                    == (listeners, 0, 0);
            },
            $"{listeners} listeners and nobody else",
            async () => (await Status()).ToJsonString()
        );

    /// <summary>Waits for a line of the audit log about a connection.</summary>
    public async Task<JsonNode> WaitForAudit(string connection, string happened)
    {
        await Eventually.Holds(
            async () => (await ReadAudit(connection, happened)).Count > 0,
            $"the audit log says {happened} of {connection}",
            () => File.ReadAllTextAsync(AuditFile, Cancel)
        );
        return (await ReadAudit(connection, happened))[0];
    }

    /// <summary>The lines of the audit log about a connection.</summary>
    public async Task<IReadOnlyList<JsonNode>> ReadAudit(string connection, string happened)
    {
        using var file = new StreamReader(
            new FileStream(AuditFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite)
        );
        var lines = await file.ReadToEndAsync(Cancel);
        // The last line may still be being written.
        return
        [
            .. lines[..(lines.LastIndexOf('\n') + 1)]
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => JsonNode.Parse(line)!)
                .Where(line =>
                    line["event"]!.ToString() == happened && line["connection"]?.ToString() == PathOf(connection)
                ),
        ];
    }

    public async ValueTask DisposeAsync()
    {
        await Weftd.DisposeAsync();
        _http.Dispose();
        _authority.Dispose();
        _api.Dispose();
        _relay.Dispose();
    }

    private string AuditFile => Path.Join(Weftd.Data, "relay-audit.log");

    private static string PathOf(string connection) => $"site-a/{connection.Split('/')[^1]}";

    private static JsonObject Rights(string right) =>
        new() { ["properties"] = new JsonObject { ["rights"] = new JsonArray(right) } };

    private async Task<JsonNode> SendRequest(string method, string id, JsonNode? body = null)
    {
        var answer = await Weftd.SendRequest(_http, method, $"{id}?{Version}", body);
        Assert.True(answer.Status is 200 or 201, $"{method} {id}: {answer.Status} {answer.Body?.ToJsonString()}");
        return answer.Body!;
    }
}
