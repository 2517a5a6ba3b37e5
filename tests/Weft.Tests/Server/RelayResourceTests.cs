using System.Net;
using System.Text.Json.Nodes;
using Weft.Relay.Protocol;
using Weft.Server;

namespace Weft.Tests.Server;

/// <summary>The relay's resources over HTTP: Azure Relay's own, and Weft's.</summary>
public sealed class RelayResourceTests
{
    private const string Space = $"{Documents.Group}/providers/Microsoft.Relay/namespaces/site-a";
    private const string Camera = $"{Space}/hybridConnections/camera";
    private const string Root = $"{Space}/authorizationRules/RootManageSharedAccessKey";
    private const string EastRules = $"{Documents.East}/providers/Weft.Relay/networkRuleSets/default";
    private const string EastConnection = $"{Documents.East}/providers/Weft.Relay/connections/default";

    [Fact]
    public async Task Creates_WhatAzureRelayCreates_AtOnce()
    {
        await using var server = await Start(relay: false);

        var made = (await server.Put(new Document(Camera, Body("""{"properties":{"userMetadata":"roof"}}""")))).Expect(
            201
        );

        Assert.Equal("Succeeded", made.State);
        Assert.Null(made.Header("Azure-AsyncOperation"));
        Assert.Equal(
            ("true", "0", "roof"),
            (
                made.Json["properties"]!["requiresClientAuthorization"]!.ToJsonString(),
                made.Json["properties"]!["listenerCount"]!.ToJsonString(),
                made.Json["properties"]!["userMetadata"]!.ToString()
            )
        );
        Assert.Equal(
            "Allow",
            (await server.Get($"{Space}/networkRuleSets/default")).Expect(200).Json["properties"]![
                "defaultAction"
            ]!.ToString()
        );
        (await server.Delete($"{Space}/networkRuleSets/default")).Expect(405);
        (await server.Delete(Camera)).Expect(200);
        (await server.Delete(Camera)).Expect(204);
        (await server.Get(Camera)).Expect(404);
        (await server.Get($"{Space}?api-version=2021-11-01")).Expect(200);
        (await server.Get($"{Space}?api-version=2017-04-01")).Expect(400);
    }

    [Fact]
    public async Task Gives_KeysToWhoMayWrite_AndRegeneratesOneOfThem()
    {
        await using var server = await Start(relay: true);

        var keys = (await server.Post($"{Root}/listKeys", "")).Expect(200);
        var again = (await server.Post($"{Root}/regenerateKeys", """{"keyType":"SecondaryKey"}""")).Expect(200).Json;

        Assert.Equal("no-store", keys.Header("Cache-Control"));
        Assert.Equal("RootManageSharedAccessKey", keys.Json["keyName"]!.ToString());
        Assert.Equal(32, Convert.FromBase64String(keys.Json["primaryKey"]!.ToString()).Length);
        Assert.NotEqual(keys.Json["primaryKey"]!.ToString(), keys.Json["secondaryKey"]!.ToString());
        Assert.Equal(keys.Json["primaryKey"]!.ToString(), again["primaryKey"]!.ToString());
        Assert.NotEqual(keys.Json["secondaryKey"]!.ToString(), again["secondaryKey"]!.ToString());
        Assert.True(
            ConnectionString.TryParse(keys.Json["primaryConnectionString"]!.ToString(), out var read, out var fault),
            fault
        );
        Assert.Equal(
            (server.Relay.Port, keys.Json["primaryKey"]!.ToString(), null),
            (read.Port, read.Key, read.EntityPath)
        );
        Assert.Equal(again.ToJsonString(), (await server.Post($"{Root}/listKeys", "")).Json.ToJsonString());
    }

    [Fact]
    public async Task Names_ThePathInTheConnectionStringOfAHybridConnection()
    {
        await using var server = await Start(relay: true);
        await CreateCamera(server);
        var keys = (await server.Post($"{Camera}/authorizationRules/send/listKeys", "")).Expect(200).Json;
        Assert.EndsWith(
            ";EntityPath=site-a/camera",
            keys["primaryConnectionString"]!.ToString(),
            StringComparison.Ordinal
        );
    }

    /// <summary>Suffix, default namespace; endpoint and path, of which the relay then takes a token.</summary>
    [Theory]
    [InlineData(null, null, "127.0.0.1", "site-a/camera")]
    [InlineData("relays.example", null, "site-a.relays.example", "camera")]
    [InlineData("relays.example", "site-a", "site-a.relays.example", "camera")]
    [InlineData(null, "site-a", "127.0.0.1", "site-a/camera")]
    [InlineData(null, "site-b", null, null)]
    public async Task Names_TheHostOfTheNamespaceInConnectionStrings(
        string? suffix,
        string? standard,
        string? host,
        string? path
    )
    {
        await using var server = await Start(
            new RelayServeOptions(new IPEndPoint(IPAddress.Loopback, 0), "127.0.0.1", null, null, null, [], false)
            {
                HostSuffix = suffix,
                DefaultNamespace = standard,
            }
        );
        await CreateCamera(server);
        var root = (await server.Post($"{Root}/listKeys", "")).Expect(200).Json["primaryConnectionString"]?.ToString();
        var text = (await server.Post($"{Camera}/authorizationRules/send/listKeys", ""))
            .Expect(200)
            .Json["secondaryConnectionString"]
            ?.ToString();
        if (host is null)
        {
            Assert.Equal((null, null), (root, text));
            return;
        }

        Assert.StartsWith($"Endpoint=sb://{host}:{server.Relay.Port}/;", root, StringComparison.Ordinal);
        Assert.True(ConnectionString.TryParse(text, out var read, out var fault), fault);
        Assert.Equal((host, server.Relay.Port, path), (read.Host, read.Port, read.EntityPath));
        Assert.Equal(502, await AskAsAClientWould(server, read));
    }

    private static async Task CreateCamera(InProcessServer server)
    {
        await server.Create(new Document(Camera, []));
        await server.Create(
            new Document($"{Camera}/authorizationRules/send", Body("""{"properties":{"rights":["Send"]}}"""))
        );
    }

    /// <summary>Asks by the host of a connection string, which the loopback stands for, with a token for it.</summary>
    private static async Task<int> AskAsAClientWould(InProcessServer server, ConnectionString read)
    {
        var token = SharedAccessSignature.Sign(
            read.Address!.Audience,
            read.KeyName!,
            read.Key!,
            server.Clock.GetUtcNow().AddMinutes(5)
        );
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{read.Port}/{read.EntityPath}/x");
        request.Headers.Host = $"{read.Host}:{read.Port}";
        request.Headers.Add("ServiceBusAuthorization", token);
        using var answer = await client.SendAsync(request, TestContext.Current.CancellationToken);
        return (int)answer.StatusCode;
    }

    [Theory]
    [InlineData("regenerateKeys", "{}", 400)]
    [InlineData("regenerateKeys", """{"keyType":"PrimaryKey","key":"short"}""", 400)]
    [InlineData("showKeys", "{}", 404)]
    public async Task Refuses_UnknownAction(string action, string body, int status)
    {
        await using var server = await Start(relay: false);
        (await server.Post($"{Root}/{action}", body)).Expect(status);
        (await server.Post($"{Space}/authorizationRules/nobody/listKeys", "")).Expect(404);
    }

    [Fact]
    public async Task Shows_TheConnectionOfAClusterAndItsNodes()
    {
        await using var server = await Start(relay: true);
        await server.Create(Documents.Node("east", "w1"));

        var cluster = (await server.Get(EastConnection)).Expect(200).Json["properties"]!;
        var node = (await server.Get($"{Documents.Node("east", "w1").Id}/providers/Weft.Relay/connections"))
            .Expect(200)
            .Json["value"]![0]!["properties"]!;

        Assert.Equal(
            ("weft/11111111-2222-3333-4444-555555555555/rg1/kubernetesClusters/east", "[\"kubernetes\"]", "0"),
            (
                cluster["hybridConnectionName"]!.ToString(),
                cluster["services"]!.ToJsonString(),
                cluster["listenerCount"]!.ToJsonString()
            )
        );
        Assert.Equal($"ws://127.0.0.1:{server.Relay.Port}", cluster["relay"]!.ToString());
        Assert.Equal(
            ($"{cluster["hybridConnectionName"]}/nodes/w1", "[\"ssh\"]"),
            (node["hybridConnectionName"]!.ToString(), node["services"]!.ToJsonString())
        );
        (await server.Request("PUT", EastConnection, "{}", [])).Expect(405);
        (await server.Get($"{Documents.East}/providers/Weft.Relay/connections/other")).Expect(404);
        (
            await server.Get($"{Documents.Cloud}/kubernetesClusters/nobody/providers/Weft.Relay/connections/default")
        ).Expect(404);
    }

    [Theory]
    [InlineData("", 3600)]
    [InlineData("?expiresin=60", 60)]
    [InlineData("?expiresin=3600", 3600)]
    public async Task Gives_CredentialsThatEnd(string query, int seconds)
    {
        await using var server = await Start(relay: true);

        var answer = (await server.Post($"{EastConnection}/listCredentials{query}", "")).Expect(200);

        Assert.Equal("no-store", answer.Header("Cache-Control"));
        Assert.Equal(
            (server.Clock.GetUtcNow() + TimeSpan.FromSeconds(seconds)).ToUnixTimeSeconds(),
            answer.Json["expiresOn"]!.GetValue<long>()
        );
        Assert.True(SharedAccessSignature.TryParse(answer.Json["token"]!.ToString(), out var token));
        Assert.Equal(
            (
                answer.Json["expiresOn"]!.GetValue<long>(),
                "send",
                $"http://127.0.0.1/{answer.Json["hybridConnectionName"]}/"
            ),
            (token.ExpiresAt.ToUnixTimeSeconds(), token.KeyName, token.Audience)
        );
    }

    [Theory]
    [InlineData("?expiresin=59", "{}", "expiresin")]
    [InlineData("?expiresin=3601", "{}", "expiresin")]
    [InlineData("?expiresin=-5", "{}", "expiresin")]
    [InlineData("?expiresin=1e3", "{}", "expiresin")]
    [InlineData("", """{"role":"both"}""", "role")]
    [InlineData("", """{"serviceName":"SSH"}""", "serviceName")]
    public async Task Refuses_CredentialsOfAnotherForm(string query, string body, string target)
    {
        await using var server = await Start(relay: true);
        Assert.Equal(
            target,
            (await server.Post($"{EastConnection}/listCredentials{query}", body)).Expect(400).Json["error"]![
                "target"
            ]!.ToString()
        );
    }

    [Fact]
    public async Task Refuses_WhereThereIsNoRelay()
    {
        await using var server = await Start(relay: false);
        Assert.Contains(
            "--relay-listen",
            (await server.Post($"{EastConnection}/listCredentials", "")).Expect(409).Text,
            StringComparison.Ordinal
        );
        (await server.Get("/providers/Weft.Relay/status")).Expect(409);
        Assert.Null((await server.Get(EastConnection)).Expect(200).Json["properties"]!["relay"]);
    }

    [Fact]
    public async Task Requires_Force_WhereRulesWouldLockOutTheirAuthor()
    {
        await using var server = await Start(relay: false);
        var rules = new Document(EastRules, Body("""{"properties":{"ipRules":[{"ipMask":"192.0.2.0/24"}]}}"""));

        var refused = (await server.Put(rules)).Expect(409);

        Assert.Equal("WouldLockOut", refused.Code);
        Assert.Contains("127.0.0.1", refused.Text, StringComparison.Ordinal);
        (await server.Get(EastRules)).Expect(404);
        (await server.Put(rules with { Id = $"{EastRules}?force=true" })).Expect(201);
    }

    [Fact]
    public async Task Answers_WhoWouldGetIn_AndByWhichRule()
    {
        await using var server = await Start(relay: false);
        await server.Create(
            new Document(
                $"{Documents.Cloud}/clusters/cl1/providers/Weft.Relay/networkRuleSets/default",
                Body(
                    """{"properties":{"defaultAction":"Allow","ipRules":["""
                        + """{"ipMask":"203.0.113.128/25","action":"Deny","description":"guests"}]}}"""
                )
            )
        );
        (
            await server.Put(
                new Document(
                    $"{EastRules}?force=true",
                    Body("""{"properties":{"ipRules":[{"ipMask":"203.0.113.0/24"}]}}""")
                )
            )
        ).Expect(201);

        var allowed = (await server.Get($"/providers/Weft.Relay/check?from=203.0.113.7&to={Documents.East}"))
            .Expect(200)
            .Json;
        var denied = (
            await server.Get($"/providers/Weft.Relay/check?from=203.0.113.200&to={Documents.East}&as=listener")
        )
            .Expect(200)
            .Json;

        Assert.True(allowed["allowed"]!.GetValue<bool>());
        Assert.Equal("cluster east: allow 203.0.113.0/24", allowed["answers"]![0]!["rule"]!.ToString());
        Assert.Equal(
            ["Nexus Cluster cl1: allow by default", "cluster east: allow 203.0.113.0/24"],
            allowed["answers"]![0]!["lookedAt"]!.AsArray().Select(l => $"{l!["place"]}: {l["what"]}")
        );
        Assert.Equal(
            ("listener", false, "guests"),
            (
                denied["as"]!.ToString(),
                denied["allowed"]!.GetValue<bool>(),
                denied["answers"]![0]!["lookedAt"]![0]!["description"]!.ToString()
            )
        );
        Assert.Equal(
            ["kubernetes", "ssh"],
            (await server.Get($"/providers/Weft.Relay/check?to={Documents.Cloud}/clusters/cl1")).Expect(200).Json[
                "answers"
            ]!
                .AsArray()
                .Select(a => a!["service"]!.ToString())
        );
    }

    [Theory]
    [InlineData($"from=203.0.113&to={Documents.East}", 400)]
    [InlineData($"from=::ffff:10.0.0.1&to={Documents.East}", 400)]
    [InlineData($"from=10.0.0.1&to={Documents.Cloud}/l3Networks/n6", 400)]
    [InlineData("from=10.0.0.1", 400)]
    [InlineData($"from=10.0.0.1&to={Documents.East}&as=proxy", 400)]
    [InlineData($"from=10.0.0.1&to={Documents.Cloud}/kubernetesClusters/nobody", 404)]
    public async Task Refuses_QuestionsAboutNothing(string query, int status)
    {
        await using var server = await Start(relay: false);
        (await server.Get($"/providers/Weft.Relay/check?{query}")).Expect(status);
    }

    [Fact]
    public async Task Gives_AgentsWhatTheyListenWith()
    {
        await using var server = await Start(relay: true);
        await server.Create(Documents.Node("east", "w1"));
        var cluster = await server.Enrol(Documents.East, "cluster");
        var node = await server.Enrol(Documents.East, "w1", "w1");
        var stray = await server.Enrol(Documents.East, "w9", "w9");

        var ofCluster = Assert.Single(
            (await server.SendAsAgent(cluster, "GET", "relay")).Expect(200).Json["connections"]!.AsArray()
        )!;
        var ofNode = Assert.Single(
            (await server.SendAsAgent(node, "GET", "relay")).Expect(200).Json["connections"]!.AsArray()
        )!;

        Assert.EndsWith(
            "/kubernetesClusters/east",
            ofCluster["hybridConnectionName"]!.ToString(),
            StringComparison.Ordinal
        );
        Assert.EndsWith(
            "/kubernetesClusters/east/nodes/w1",
            ofNode["hybridConnectionName"]!.ToString(),
            StringComparison.Ordinal
        );
        Assert.True(SharedAccessSignature.TryParse(ofNode["token"]!.ToString(), out var listens));
        Assert.Equal("listen", listens.KeyName);
        Assert.Empty((await server.SendAsAgent(stray, "GET", "relay")).Expect(200).Json["connections"]!.AsArray());
    }

    internal static Task<InProcessServer> Start(bool relay) =>
        Start(relay ? new(new IPEndPoint(IPAddress.Loopback, 0), "127.0.0.1", null, null, null, [], false) : null);

    private static async Task<InProcessServer> Start(RelayServeOptions? relay)
    {
        var server = await InProcessServer.WithSite(relay);
        await server.Create(
            new Document(Space, Body("""{"location":"east","sku":{"name":"Standard","tier":"Standard"}}"""))
        );
        return server;
    }

    internal static JsonObject Body(string json) => JsonNode.Parse(json)!.AsObject();
}
