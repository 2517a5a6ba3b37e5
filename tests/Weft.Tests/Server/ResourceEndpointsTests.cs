using System.Text.Json.Nodes;

namespace Weft.Tests.Server;

/// <summary>PUT, GET, PATCH and DELETE over HTTP, as ARM clients see them.</summary>
public sealed class ResourceEndpointsTests
{
    private const string N6 = $"{Documents.Cloud}/l3Networks/n6";

    public static TheoryData<string, bool, string?, string?, int> Preconditions =>
        new()
        {
            { "PUT", false, null, null, 201 },
            { "PUT", true, null, null, 200 },
            { "PUT", false, "If-Match", "", 201 },
            { "PUT", false, "If-Match", "*", 412 },
            { "PUT", true, "If-Match", "*", 200 },
            { "PUT", false, "If-Match", "\"x\"", 412 },
            { "PUT", true, "If-Match", "\"x\"", 412 },
            { "PUT", true, "If-Match", "ETAG", 200 },
            { "PUT", false, "If-None-Match", "*", 201 },
            { "PUT", true, "If-None-Match", "*", 412 },
            { "PUT", false, "If-None-Match", "\"x\"", 400 },
            { "PATCH", false, null, null, 404 },
            { "PATCH", false, "If-Match", "*", 404 },
            { "PATCH", true, "If-Match", "*", 200 },
            { "PATCH", true, "If-Match", "\"x\"", 412 },
            { "PATCH", true, "If-Match", "ETAG", 200 },
            { "DELETE", false, null, null, 204 },
            { "DELETE", true, null, null, 202 },
            { "DELETE", false, "If-Match", "*", 204 },
            { "DELETE", false, "If-Match", "\"x\"", 204 },
            { "DELETE", true, "If-Match", "*", 202 },
            { "DELETE", true, "If-Match", "\"x\"", 412 },
            { "DELETE", true, "If-Match", "ETAG", 202 },
        };

    [Fact]
    public async Task Answers_201WithOperation_AndThenTheFinalBody_ForPublishedSample()
    {
        await using var server = await InProcessServer.WithSite();
        await server.Create(Documents.Internal("vrf1", "sample-subnets", 805, "10.1.2.0/24", "fd00:1:2::/64"));
        var sample = PublishedSample();

        var accepted = (await server.Put(sample)).Expect(201);

        Assert.Equal("Accepted", accepted.State);
        Assert.Equal("Provisioning", accepted.Json["properties"]!["detailedStatus"]!.ToString());
        Assert.StartsWith(
            $"{server.Client.BaseAddress}{Documents.Subscription[1..]}/providers/Microsoft.NetworkCloud/locations/",
            accepted.Header("Azure-AsyncOperation"),
            StringComparison.Ordinal
        );
        Assert.Contains("/operationResults/", accepted.Header("Location"), StringComparison.Ordinal);
        Assert.Equal("1", accepted.Header("Retry-After"));
        Assert.Equal($"\"{accepted.Json["etag"]}\"", accepted.Header("ETag"));
        await server.WaitForSuccess(accepted);
        var final = (await server.Get(sample.Id)).Expect(200);
        var expected = FinalBodyOf(sample, accepted);
        Assert.True(JsonNode.DeepEquals(expected, final.Json), final.Text);
        Assert.Null(final.Header("Azure-AsyncOperation"));
        Assert.Equal("User", final.Json["systemData"]!["createdByType"]!.ToString());
    }

    [Fact]
    public async Task Answers_200WithoutHeaders_AndWritesNothing_WhenPutAgain()
    {
        await using var server = await InProcessServer.WithSite();
        foreach (var document in Documents.Site.Where(d => !d.Body.ContainsKey("state")))
        {
            var before = server.Revision;
            var again = (await server.Put(document)).Expect(200);
            var read = (await server.Put(document with { Body = again.Json.AsObject() })).Expect(200);

            Assert.Null(
                again.Header("Azure-AsyncOperation") ?? again.Header("Location") ?? again.Header("Retry-After")
            );
            Assert.Equal("Succeeded", again.State);
            Assert.True(before == server.Revision, $"PUT of {document.Id} as it was read changed {read.Text}");
            Assert.Equal(again.Text, read.Text);
        }
    }

    [Fact]
    public async Task Answers_200WithOperation_WhenPutChangesSomething()
    {
        await using var server = await InProcessServer.WithSite();
        var before = await server.Get(N6);

        var changed = (
            await server.Put(Documents.Layer3("n6", 606).With(body => body["tags"] = new JsonObject { ["a"] = "b" }))
        ).Expect(200);

        Assert.NotNull(changed.Header("Azure-AsyncOperation"));
        Assert.NotEqual(before.Json["etag"]!.ToString(), changed.Json["etag"]!.ToString());
        Assert.Equal(
            before.Json["systemData"]!["createdAt"]!.ToString(),
            changed.Json["systemData"]!["createdAt"]!.ToString()
        );
        await server.WaitForSuccess(changed);
    }

    [Theory]
    [MemberData(nameof(Preconditions))]
    public async Task Keeps_Preconditions(string method, bool present, string? header, string? value, int status)
    {
        await using var server = await InProcessServer.WithSite();
        await server.Create(Documents.Internal("vrf1", "more-subnets", 900, "10.9.0.0/24", "fd00:9::/64"));
        var document = Documents.Layer3("subject", 900);
        var etag = present ? (await server.Create(document)).Json["etag"]!.ToString() : "";
        var before = server.Revision;
        (string, string)[] headers = header is null ? [] : [(header, value == "ETAG" ? $"\"{etag}\"" : value!)];

        var answer = method switch
        {
            "PUT" => await server.Put(
                document.With(body => body["tags"] = new JsonObject { ["new"] = "tag" }),
                headers
            ),
            "PATCH" => await server.Patch(document.Id, """{"tags":{"new":"tag"}}""", headers),
            _ => await server.Delete(document.Id, headers),
        };

        _ = answer.Expect(status);
        if (status >= 400)
            Assert.Equal(before, server.Revision);
        if (status == 412)
            Assert.Equal("PreconditionFailed", answer.Code);
        await server.WaitForSuccess(answer);
    }

    [Fact]
    public async Task Replaces_Tags_AtOnce_ForKindsWhosePatchIsTagsOnly()
    {
        await using var server = await InProcessServer.WithSite();
        _ = (await server.Patch(N6, """{"tags":{"a":"1","b":"2"}}""")).Expect(200);

        var patched = (await server.Patch(N6, """{"tags":{"c":"3"}}""")).Expect(200);

        Assert.Equal("""{"c":"3"}""", patched.Json["tags"]!.ToJsonString());
        Assert.Null(patched.Header("Azure-AsyncOperation"));
        Assert.Equal("ImmutableMember", (await server.Patch(N6, """{"properties":{"vlan":700}}""")).Expect(400).Code);
    }

    [Fact]
    public async Task Answers_202_ForPatchOfOtherKinds()
    {
        await using var server = await InProcessServer.WithSite();

        var patched = (await server.Patch(Documents.East, """{"properties":{"kubernetesVersion":"1.34.0"}}""")).Expect(
            202
        );

        Assert.NotNull(patched.Header("Location"));
        await server.WaitForSuccess(patched);
        var read = await server.Get(Documents.East);
        Assert.Equal("1.34.0", read.Json["properties"]!["kubernetesVersion"]!.ToString());
        Assert.Equal(1, (int)read.Json["properties"]!["controlPlaneNodeConfiguration"]!["count"]!);
    }

    [Fact]
    public async Task Deletes_Once_AndSays204OfNothing()
    {
        await using var server = await InProcessServer.WithSite();
        const string Ran = $"{Documents.Cloud}/trunkedNetworks/ran";

        var deleted = (await server.Delete(Ran)).Expect(202);

        Assert.Contains("/operationResults/", deleted.Header("Location"), StringComparison.Ordinal);
        await server.WaitForSuccess(deleted);
        Assert.Equal(204, (await server.Get(new Uri(deleted.Header("Location")!).PathAndQuery)).Status);
        Assert.Equal("ResourceNotFound", (await server.Get(Ran)).Expect(404).Code);
        _ = (await server.Delete(Ran)).Expect(204);
    }

    [Fact]
    public async Task Refuses_Writes_WhileResourceIsBeingDeleted()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.West, "w1");
        var pool = Documents.Kubernetes("west", []).Body;
        var deleted = (await server.Delete(Documents.West)).Expect(202);
        Assert.Equal("Deleting", (await server.Get(Documents.West)).Expect(200).State);
        var before = server.Revision;

        Assert.Equal("Conflict", (await server.Put(new Document(Documents.West, pool))).Expect(409).Code);
        Assert.Equal("Conflict", (await server.Patch(Documents.West, """{"tags":{"a":"b"}}""")).Expect(409).Code);
        Assert.Equal(deleted.Header("Location"), (await server.Delete(Documents.West)).Expect(202).Header("Location"));
        Assert.Equal(404, (await server.Put(Documents.Node("west", "n1"))).Status);
        Assert.Equal(before, server.Revision);

        Assert.Equal(202, (await server.Get(new Uri(deleted.Header("Azure-AsyncOperation")!).PathAndQuery)).Status);
        await server.DeleteAndWait($"{Documents.West}/providers/Weft.Fleet/agents/w1");
        await server.WaitForSuccess(deleted);
        _ = (await server.Get(Documents.West)).Expect(404);
        _ = (await server.SendAsAgent(agent, "GET", "desired")).Expect(401);
    }

    [Fact]
    public async Task Leaves_NothingBehind_WhenParentAndChildEndTogether()
    {
        await using var server = await InProcessServer.WithSite();
        for (var i = 0; i < 10; i++)
        {
            await server.Create(Documents.Kubernetes("brief", []));
            var node = await server.Put(Documents.Node("brief", $"node{i}"));
            var cluster = await server.Delete($"{Documents.Cloud}/kubernetesClusters/brief");
            await server.WaitForSuccess(cluster.Expect(202));

            Assert.NotEqual("InProgress", (await server.WaitForEnd(node.Expect(201)))["status"]!.ToString());
            Assert.Empty(
                (await server.Get($"{Documents.Group}/resources?$filter=resourceType eq 'Weft.Fleet/nodes'")).Json[
                    "value"
                ]!.AsArray()
            );
        }
    }

    [Fact]
    public async Task Cancels_OlderOperation_WhenNewerPutTakesItsPlace()
    {
        await using var server = await InProcessServer.WithSite();
        _ = await server.Enrol(Documents.East, "w1");
        var first = (await server.Put(Documents.Kubernetes("east", ["n6", "big"]))).Expect(200);

        var second = (await server.Put(Documents.Kubernetes("east", ["n6"]))).Expect(200);

        Assert.Equal("Canceled", (await server.WaitForEnd(first))["status"]!.ToString());
        Assert.Equal(409, (await server.Get(new Uri(first.Header("Location")!).PathAndQuery)).Status);
        var running = (await server.Get(new Uri(second.Header("Azure-AsyncOperation")!).PathAndQuery)).Expect(202);
        Assert.Equal("InProgress", running.Json["status"]!.ToString());
        Assert.Equal(
            $"{Documents.East}/providers/Weft.Fleet/agents/w1".ToLowerInvariant(),
            Assert.Single(running.Json["properties"]!["waitsFor"]!.AsArray())!.ToString().ToLowerInvariant()
        );
        Assert.Equal("1", running.Header("Retry-After"));
        Assert.NotNull(running.Header("Location"));
    }

    [Fact]
    public async Task Begins_Anew_WhenFailedResourceIsPutAgain()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");
        var wish = Documents.Kubernetes("east", ["n6"]);
        var first = (await server.Put(wish)).Expect(200);
        var picture = (await server.SendAsAgent(agent, "GET", "desired")).Expect(200).Json;
        _ = (await server.SendAsAgent(agent, "PUT", "status", Report(picture, "Failed"))).Expect(204);
        Assert.Equal("Failed", (await server.WaitForEnd(first))["status"]!.ToString());
        Assert.Equal("Failed", (await server.Get(wish.Id)).State);
        _ = (await server.SendAsAgent(agent, "PUT", "status", Report(picture, "Applied"))).Expect(204);

        await server.WaitForSuccess((await server.Put(wish)).Expect(200));

        Assert.Equal("Succeeded", (await server.Get(wish.Id)).State);
    }

    [Fact]
    public async Task Finds_Resource_InAnyCase_AndKeepsTheCallersNames()
    {
        await using var server = await InProcessServer.WithSite();
        await server.Create(Documents.Internal("vrf1", "more-subnets", 900, "10.9.0.0/24", "fd00:9::/64"));
        var shouted = Documents.Group.Replace("resourceGroups", "RESOURCEGROUPS", StringComparison.Ordinal);
        var lower = Documents.Layer3("MyNet", 900) with
        {
            Id = $"{shouted}/providers/microsoft.networkcloud/l3networks/MyNet",
        };
        await server.Create(lower);

        foreach (var id in (string[])[lower.Id, lower.Id.ToUpperInvariant(), lower.Id.ToLowerInvariant()])
        {
            var read = (await server.Get($"{id}?api-version=2026-10-01")).Expect(200);
            Assert.Equal($"{Documents.Cloud}/l3Networks/MyNet", read.Json["id"]!.ToString());
            Assert.Equal("MyNet", read.Json["name"]!.ToString());
            Assert.Equal("Microsoft.NetworkCloud/l3Networks", read.Json["type"]!.ToString());
        }

        var before = server.Revision;
        _ = (
            await server.Request(
                "PUT",
                $"{lower.Id.ToUpperInvariant()}?api-version=2026-10-01",
                lower.Body.ToJsonString(),
                []
            )
        ).Expect(200);
        Assert.Equal(before, server.Revision);
    }

    [Fact]
    public async Task Echoes_ClientsIds_AndMakesOnesOfItsOwn()
    {
        await using var server = await InProcessServer.Empty();
        var (client, correlation) = (Guid.NewGuid().ToString(), Guid.NewGuid().ToString());

        var answer = await server.Get(
            N6,
            ("x-ms-client-request-id", client),
            ("x-ms-correlation-request-id", correlation)
        );
        var other = await server.Get(N6, ("x-ms-client-request-id", "no guid"));

        Assert.Equal(client, answer.Header("x-ms-client-request-id"));
        Assert.Equal(correlation, answer.Header("x-ms-correlation-request-id"));
        Assert.True(Guid.TryParse(answer.Header("x-ms-request-id"), out var first));
        Assert.True(Guid.TryParse(other.Header("x-ms-request-id"), out var second));
        Assert.NotEqual(first, second);
        Assert.Null(other.Header("x-ms-client-request-id"));
        Assert.Equal(second.ToString(), other.Header("x-ms-correlation-request-id"));
    }

    [Fact]
    public async Task Hides_Secrets_InEveryAnswer()
    {
        await using var server = await InProcessServer.WithSite();
        var machine = Documents
            .Machine("vm1")
            .With(body =>
            {
                body["properties"]!["userDataContent"] = "I2Nsb3VkLWNvbmZpZw==";
                body["properties"]!["vmImageRepositoryCredentials"] = new JsonObject
                {
                    ["registryUrl"] = "r",
                    ["username"] = "u",
                    ["password"] = "s3cret-word",
                };
            });

        var made = (await server.Put(machine)).Expect(201);
        var listed = await server.Get($"{Documents.Cloud}/virtualMachines");
        var plan = await server.Post(
            "/providers/Weft.Fleet/plan",
            new JsonObject
            {
                ["resources"] = new JsonArray(
                    machine
                        .With(b => b["id"] = machine.Id)
                        .With("cpuCores", 4)
                        .With(b => b["properties"]!["vmImageRepositoryCredentials"]!["password"] = "n3w-secret")
                        .Body
                ),
            }.ToJsonString()
        );

        foreach (var answer in new[] { made, listed, await server.Get(machine.Id), plan })
        {
            Assert.DoesNotContain("s3cret-word", answer.Text, StringComparison.Ordinal);
            Assert.DoesNotContain("n3w-secret", answer.Text, StringComparison.Ordinal);
            Assert.DoesNotContain("I2Nsb3VkLWNvbmZpZw", answer.Text, StringComparison.Ordinal);
        }
    }

    private static JsonObject Report(JsonNode picture, string state) =>
        new()
        {
            ["digest"] = picture["digest"]!.DeepClone(),
            ["revision"] = picture["revision"]!.DeepClone(),
            ["state"] = state,
            ["message"] = "no room",
        };

    private static Document PublishedSample() =>
        Documents
            .Layer3("l3net1", 805)
            .With(body =>
            {
                body["tags"] = new JsonObject { ["env"] = "lab" };
                body["properties"]!["ipAllocationType"] = "DualStack";
                body["properties"]!["ipv4ConnectedPrefix"] = "10.1.2.0/24";
                body["properties"]!["ipv6ConnectedPrefix"] = "fd00:1:2::/64";
                body["properties"]!["interfaceName"] = "eth1";
            });

    /// <summary>What was sent, with what the server adds once it is provisioned.</summary>
    private static JsonNode FinalBodyOf(Document sample, ServerResponse accepted)
    {
        var expected = sample.Body.DeepClone();
        expected["id"] = sample.Id;
        expected["name"] = "l3net1";
        expected["type"] = "Microsoft.NetworkCloud/l3Networks";
        expected["properties"]!["associatedResourceIds"] = new JsonArray();
        expected["properties"]!["clusterId"] = $"{Documents.Cloud}/clusters/cl1";
        expected["properties"]!["detailedStatus"] = "Available";
        expected["properties"]!["detailedStatusMessage"] = "L3 network is up";
        expected["properties"]!["provisioningState"] = "Succeeded";
        expected["etag"] = accepted.Json["etag"]!.DeepClone();
        expected["systemData"] = accepted.Json["systemData"]!.DeepClone();
        return expected;
    }
}
