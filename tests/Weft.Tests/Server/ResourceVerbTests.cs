using System.Text.Json.Nodes;

namespace Weft.Tests.Server;

/// <summary>PUT, GET, PATCH and DELETE over HTTP, as ARM clients see them.</summary>
public sealed class ResourceVerbTests
{
    private const string N6 = $"{Documents.Cloud}/l3Networks/n6";

    [Fact]
    public async Task Answers_201WithOperation_AndThenTheFinalBody_ForPublishedSample()
    {
        await using var plane = await Plane.OfSite();
        await plane.Make(Documents.Internal("vrf1", "sample-subnets", 805, "10.1.2.0/24", "fd00:1:2::/64"));
        var sample = Documents.Layer3("l3net1", 805).With(body =>
        {
            body["tags"] = new JsonObject { ["env"] = "lab" };
            body["properties"]!["ipAllocationType"] = "DualStack";
            body["properties"]!["ipv4ConnectedPrefix"] = "10.1.2.0/24";
            body["properties"]!["ipv6ConnectedPrefix"] = "fd00:1:2::/64";
            body["properties"]!["interfaceName"] = "eth1";
        });

        var accepted = (await plane.Put(sample)).Expect(201);

        Assert.Equal("Accepted", accepted.State);
        Assert.Equal("Provisioning", accepted.Json["properties"]!["detailedStatus"]!.ToString());
        Assert.StartsWith($"{plane.Client.BaseAddress}{Documents.Subscription[1..]}/providers/Microsoft.NetworkCloud/locations/", accepted.Header("Azure-AsyncOperation"), StringComparison.Ordinal);
        Assert.Contains("/operationResults/", accepted.Header("Location"), StringComparison.Ordinal);
        Assert.Equal("1", accepted.Header("Retry-After"));
        Assert.Equal($"\"{accepted.Json["etag"]}\"", accepted.Header("ETag"));
        await plane.Succeeded(accepted);
        var final = (await plane.Get(sample.Id)).Expect(200);
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
        Assert.True(JsonNode.DeepEquals(expected, final.Json), final.Text);
        Assert.Null(final.Header("Azure-AsyncOperation"));
        Assert.Equal("User", final.Json["systemData"]!["createdByType"]!.ToString());
    }

    [Fact]
    public async Task Answers_200WithoutHeaders_AndWritesNothing_WhenPutAgain()
    {
        await using var plane = await Plane.OfSite();
        foreach (var document in Documents.Site.Where(d => !d.Body.ContainsKey("state")))
        {
            var before = plane.Revision;
            var again = (await plane.Put(document)).Expect(200);
            var read = (await plane.Put(document with { Body = again.Json.AsObject() })).Expect(200);

            Assert.Null(again.Header("Azure-AsyncOperation") ?? again.Header("Location") ?? again.Header("Retry-After"));
            Assert.Equal("Succeeded", again.State);
            Assert.True(before == plane.Revision, $"PUT of {document.Id} as it was read changed {read.Text}");
            Assert.Equal(again.Text, read.Text);
        }
    }

    [Fact]
    public async Task Answers_200WithOperation_WhenPutChangesSomething()
    {
        await using var plane = await Plane.OfSite();
        var before = await plane.Get(N6);

        var changed = (await plane.Put(Documents.Layer3("n6", 606).With(body => body["tags"] = new JsonObject { ["a"] = "b" }))).Expect(200);

        Assert.NotNull(changed.Header("Azure-AsyncOperation"));
        Assert.NotEqual(before.Json["etag"]!.ToString(), changed.Json["etag"]!.ToString());
        Assert.Equal(before.Json["systemData"]!["createdAt"]!.ToString(), changed.Json["systemData"]!["createdAt"]!.ToString());
        await plane.Succeeded(changed);
    }

    [Theory]
    [InlineData("PUT", false, null, null, 201)]
    [InlineData("PUT", true, null, null, 200)]
    [InlineData("PUT", false, "If-Match", "", 201)]
    [InlineData("PUT", false, "If-Match", "*", 412)]
    [InlineData("PUT", true, "If-Match", "*", 200)]
    [InlineData("PUT", false, "If-Match", "\"x\"", 412)]
    [InlineData("PUT", true, "If-Match", "\"x\"", 412)]
    [InlineData("PUT", true, "If-Match", "ETAG", 200)]
    [InlineData("PUT", false, "If-None-Match", "*", 201)]
    [InlineData("PUT", true, "If-None-Match", "*", 412)]
    [InlineData("PUT", false, "If-None-Match", "\"x\"", 400)]
    [InlineData("PATCH", false, null, null, 404)]
    [InlineData("PATCH", false, "If-Match", "*", 404)]
    [InlineData("PATCH", true, "If-Match", "*", 200)]
    [InlineData("PATCH", true, "If-Match", "\"x\"", 412)]
    [InlineData("PATCH", true, "If-Match", "ETAG", 200)]
    [InlineData("DELETE", false, null, null, 204)]
    [InlineData("DELETE", true, null, null, 202)]
    [InlineData("DELETE", false, "If-Match", "*", 204)]
    [InlineData("DELETE", false, "If-Match", "\"x\"", 204)]
    [InlineData("DELETE", true, "If-Match", "*", 202)]
    [InlineData("DELETE", true, "If-Match", "\"x\"", 412)]
    [InlineData("DELETE", true, "If-Match", "ETAG", 202)]
    public async Task Keeps_Preconditions(string method, bool present, string? header, string? value, int status)
    {
        await using var plane = await Plane.OfSite();
        await plane.Make(Documents.Internal("vrf1", "more-subnets", 900, "10.9.0.0/24", "fd00:9::/64"));
        var document = Documents.Layer3("subject", 900);
        var etag = present ? (await plane.Make(document)).Json["etag"]!.ToString() : "";
        var before = plane.Revision;
        (string, string)[] headers = header is null ? [] : [(header, value == "ETAG" ? $"\"{etag}\"" : value!)];

        var answer = method switch
        {
            "PUT" => await plane.Put(document.With(body => body["tags"] = new JsonObject { ["new"] = "tag" }), headers),
            "PATCH" => await plane.Patch(document.Id, """{"tags":{"new":"tag"}}""", headers),
            _ => await plane.Delete(document.Id, headers),
        };

        _ = answer.Expect(status);
        if (status >= 400)
            Assert.Equal(before, plane.Revision);
        if (status == 412)
            Assert.Equal("PreconditionFailed", answer.Code);
        await plane.Succeeded(answer);
    }

    [Fact]
    public async Task Replaces_Tags_AtOnce_ForKindsWhosePatchIsTagsOnly()
    {
        await using var plane = await Plane.OfSite();
        _ = (await plane.Patch(N6, """{"tags":{"a":"1","b":"2"}}""")).Expect(200);

        var patched = (await plane.Patch(N6, """{"tags":{"c":"3"}}""")).Expect(200);

        Assert.Equal("""{"c":"3"}""", patched.Json["tags"]!.ToJsonString());
        Assert.Null(patched.Header("Azure-AsyncOperation"));
        Assert.Equal("ImmutableMember", (await plane.Patch(N6, """{"properties":{"vlan":700}}""")).Expect(400).Code);
    }

    [Fact]
    public async Task Answers_202_ForPatchOfOtherKinds()
    {
        await using var plane = await Plane.OfSite();

        var patched = (await plane.Patch(Documents.East, """{"properties":{"kubernetesVersion":"1.34.0"}}""")).Expect(202);

        Assert.NotNull(patched.Header("Location"));
        await plane.Succeeded(patched);
        var read = await plane.Get(Documents.East);
        Assert.Equal("1.34.0", read.Json["properties"]!["kubernetesVersion"]!.ToString());
        Assert.Equal(1, (int)read.Json["properties"]!["controlPlaneNodeConfiguration"]!["count"]!);
    }

    [Fact]
    public async Task Deletes_Once_AndSays204OfNothing()
    {
        await using var plane = await Plane.OfSite();
        const string Ran = $"{Documents.Cloud}/trunkedNetworks/ran";

        var deleted = (await plane.Delete(Ran)).Expect(202);

        Assert.Contains("/operationResults/", deleted.Header("Location"), StringComparison.Ordinal);
        await plane.Succeeded(deleted);
        Assert.Equal(204, (await plane.Get(new Uri(deleted.Header("Location")!).PathAndQuery)).Status);
        Assert.Equal("ResourceNotFound", (await plane.Get(Ran)).Expect(404).Code);
        _ = (await plane.Delete(Ran)).Expect(204);
    }

    [Fact]
    public async Task Refuses_Writes_WhileResourceIsBeingDeleted()
    {
        await using var plane = await Plane.OfSite();
        var agent = await plane.Enrol(Documents.West, "w1");
        var pool = Documents.Kubernetes("west", []).Body;
        var deleted = (await plane.Delete(Documents.West)).Expect(202);
        Assert.Equal("Deleting", (await plane.Get(Documents.West)).Expect(200).State);
        var before = plane.Revision;

        Assert.Equal("Conflict", (await plane.Put(new Document(Documents.West, pool))).Expect(409).Code);
        Assert.Equal("Conflict", (await plane.Patch(Documents.West, """{"tags":{"a":"b"}}""")).Expect(409).Code);
        Assert.Equal(deleted.Header("Location"), (await plane.Delete(Documents.West)).Expect(202).Header("Location"));
        Assert.Equal(404, (await plane.Put(Documents.Node("west", "n1"))).Status);
        Assert.Equal(before, plane.Revision);

        Assert.Equal(202, (await plane.Get(new Uri(deleted.Header("Azure-AsyncOperation")!).PathAndQuery)).Status);
        await plane.Remove($"{Documents.West}/providers/Weft.Fleet/agents/w1");
        await plane.Succeeded(deleted);
        _ = (await plane.Get(Documents.West)).Expect(404);
        _ = (await plane.Agent(agent, "GET", "desired")).Expect(401);
    }

    [Fact]
    public async Task Leaves_NothingBehind_WhenParentAndChildEndTogether()
    {
        await using var plane = await Plane.OfSite();
        for (var i = 0; i < 10; i++)
        {
            await plane.Make(Documents.Kubernetes("brief", []));
            var node = await plane.Put(Documents.Node("brief", $"node{i}"));
            var cluster = await plane.Delete($"{Documents.Cloud}/kubernetesClusters/brief");
            await plane.Succeeded(cluster.Expect(202));

            Assert.NotEqual("InProgress", (await plane.Ended(node.Expect(201)))["status"]!.ToString());
            Assert.Empty((await plane.Get($"{Documents.Group}/resources?$filter=resourceType eq 'Weft.Fleet/nodes'")).Json["value"]!.AsArray());
        }
    }

    [Fact]
    public async Task Cancels_OlderOperation_WhenNewerPutTakesItsPlace()
    {
        await using var plane = await Plane.OfSite();
        _ = await plane.Enrol(Documents.East, "w1");
        var first = (await plane.Put(Documents.Kubernetes("east", ["n6", "big"]))).Expect(200);

        var second = (await plane.Put(Documents.Kubernetes("east", ["n6"]))).Expect(200);

        Assert.Equal("Canceled", (await plane.Ended(first))["status"]!.ToString());
        Assert.Equal(409, (await plane.Get(new Uri(first.Header("Location")!).PathAndQuery)).Status);
        var running = (await plane.Get(new Uri(second.Header("Azure-AsyncOperation")!).PathAndQuery)).Expect(202);
        Assert.Equal("InProgress", running.Json["status"]!.ToString());
        Assert.Equal($"{Documents.East}/providers/Weft.Fleet/agents/w1".ToLowerInvariant(), Assert.Single(running.Json["properties"]!["waitsFor"]!.AsArray())!.ToString().ToLowerInvariant());
        Assert.Equal("1", running.Header("Retry-After"));
        Assert.NotNull(running.Header("Location"));
    }

    [Fact]
    public async Task Begins_Anew_WhenFailedResourceIsPutAgain()
    {
        await using var plane = await Plane.OfSite();
        var agent = await plane.Enrol(Documents.East, "w1");
        var wish = Documents.Kubernetes("east", ["n6"]);
        var first = (await plane.Put(wish)).Expect(200);
        var picture = (await plane.Agent(agent, "GET", "desired")).Expect(200).Json;
        _ = (await plane.Agent(agent, "PUT", "status", Report(picture, "Failed"))).Expect(204);
        Assert.Equal("Failed", (await plane.Ended(first))["status"]!.ToString());
        Assert.Equal("Failed", (await plane.Get(wish.Id)).State);
        _ = (await plane.Agent(agent, "PUT", "status", Report(picture, "Applied"))).Expect(204);

        await plane.Succeeded((await plane.Put(wish)).Expect(200));

        Assert.Equal("Succeeded", (await plane.Get(wish.Id)).State);
    }

    [Fact]
    public async Task Finds_Resource_InAnyCase_AndKeepsTheCallersNames()
    {
        await using var plane = await Plane.OfSite();
        await plane.Make(Documents.Internal("vrf1", "more-subnets", 900, "10.9.0.0/24", "fd00:9::/64"));
        var lower = Documents.Layer3("MyNet", 900) with { Id = $"{Documents.Group.Replace("resourceGroups", "RESOURCEGROUPS", StringComparison.Ordinal)}/providers/microsoft.networkcloud/l3networks/MyNet" };
        await plane.Make(lower);

        foreach (var id in (string[])[lower.Id, lower.Id.ToUpperInvariant(), lower.Id.ToLowerInvariant()])
        {
            var read = (await plane.Get($"{id}?api-version=2026-10-01")).Expect(200);
            Assert.Equal($"{Documents.Cloud}/l3Networks/MyNet", read.Json["id"]!.ToString());
            Assert.Equal("MyNet", read.Json["name"]!.ToString());
            Assert.Equal("Microsoft.NetworkCloud/l3Networks", read.Json["type"]!.ToString());
        }

        var before = plane.Revision;
        _ = (await plane.Ask("PUT", $"{lower.Id.ToUpperInvariant()}?api-version=2026-10-01", lower.Body.ToJsonString(), [])).Expect(200);
        Assert.Equal(before, plane.Revision);
    }

    [Fact]
    public async Task Echoes_ClientsIds_AndMakesOnesOfItsOwn()
    {
        await using var plane = await Plane.Empty();
        var (client, correlation) = (Guid.NewGuid().ToString(), Guid.NewGuid().ToString());

        var answer = await plane.Get(N6, ("x-ms-client-request-id", client), ("x-ms-correlation-request-id", correlation));
        var other = await plane.Get(N6, ("x-ms-client-request-id", "no guid"));

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
        await using var plane = await Plane.OfSite();
        var machine = Documents.Machine("vm1").With(body =>
        {
            body["properties"]!["userDataContent"] = "I2Nsb3VkLWNvbmZpZw==";
            body["properties"]!["vmImageRepositoryCredentials"] = new JsonObject { ["registryUrl"] = "r", ["username"] = "u", ["password"] = "s3cret-word" };
        });

        var made = (await plane.Put(machine)).Expect(201);
        var listed = await plane.Get($"{Documents.Cloud}/virtualMachines");
        var plan = await plane.Post("/providers/Weft.Fleet/plan", new JsonObject { ["resources"] = new JsonArray(machine.With(b => b["id"] = machine.Id).With("cpuCores", 4).With(b => b["properties"]!["vmImageRepositoryCredentials"]!["password"] = "n3w-secret").Body) }.ToJsonString());

        foreach (var answer in new[] { made, listed, await plane.Get(machine.Id), plan })
        {
            Assert.DoesNotContain("s3cret-word", answer.Text, StringComparison.Ordinal);
            Assert.DoesNotContain("n3w-secret", answer.Text, StringComparison.Ordinal);
            Assert.DoesNotContain("I2Nsb3VkLWNvbmZpZw", answer.Text, StringComparison.Ordinal);
        }
    }

    private static JsonObject Report(JsonNode picture, string state) =>
        new() { ["digest"] = picture["digest"]!.DeepClone(), ["revision"] = picture["revision"]!.DeepClone(), ["state"] = state, ["message"] = "no room" };
}
