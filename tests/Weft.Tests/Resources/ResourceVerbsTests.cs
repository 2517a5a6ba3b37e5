using System.Text.Json.Nodes;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Tests.Resources;

public sealed class ResourceVerbsTests
{
    private const string N6 = "~c/l3Networks/n6";
    private const string Absent = "~c/l3Networks/n7";
    private static readonly string Body = TestSite.Tracked(
        "'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':606"
    );

    // arm-api, "ETag": what each verb answers with each precondition, where the resource is there and where it isn't.
    // "=" is its own tag.
    public static TheoryData<string, bool, string?, bool, int?> Preconditions =>
        new()
        {
            { "PUT", true, null, false, null },
            { "PUT", false, null, false, null },
            { "PUT", true, "*", false, null },
            { "PUT", false, "*", false, 412 },
            { "PUT", true, "=", false, null },
            { "PUT", true, "\"=\"", false, null },
            { "PUT", true, "other", false, 412 },
            { "PUT", false, "other", false, 412 },
            { "PUT", true, null, true, 412 },
            { "PUT", false, null, true, null },
            { "PATCH", true, null, false, null },
            { "PATCH", false, null, false, 404 },
            { "PATCH", true, "*", false, null },
            { "PATCH", false, "*", false, 404 },
            { "PATCH", true, "other", false, 412 },
            { "PATCH", true, "=", false, null },
            { "PATCH", false, "other", false, 404 },
            { "DELETE", true, null, false, null },
            { "DELETE", false, null, false, null },
            { "DELETE", true, "*", false, null },
            { "DELETE", false, "*", false, null },
            { "DELETE", true, "=", false, null },
            { "DELETE", true, "other", false, 412 },
            { "DELETE", false, "other", false, null },
        };

    [Theory]
    [MemberData(nameof(Preconditions))]
    public void Checks_ThePreconditionsOfTheTable(
        string verb,
        bool there,
        string? ifMatch,
        bool ifNoneMatch,
        int? refusedWith
    )
    {
        var site = TestSite.Small();
        var id = there ? N6 : Absent;
        var body = verb switch
        {
            "PATCH" => "{'tags':{'a':'b'}}",
            _ when there => Body,
            _ => TestSite.Tracked("'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':603"),
        };
        var request = site.Request(id, TestSite.Body(body)) with
        {
            IfMatch = there
                ? ifMatch?.Replace("=", Provisioning.ETagOf(site.RowOf(id)), StringComparison.Ordinal)
                : ifMatch,
            IfNoneMatch = ifNoneMatch,
        };
        var transaction = new ReadTransaction(site.State);
        var outcome = verb switch
        {
            "PUT" => site.Verbs.Put(request, transaction),
            "PATCH" => site.Verbs.Patch(request, transaction),
            _ => site.Verbs.Delete(request, transaction),
        };
        Assert.Equal(refusedWith, outcome.Refusal?.Code.HttpStatus());
        if (refusedWith == 412)
            Assert.Equal(RefusalCode.PreconditionFailed, outcome.Refusal!.Code);
        if (refusedWith is null && verb == "PUT")
            Assert.Equal(!there, outcome.Value.Created);
    }

    [Fact]
    public void Changes_TheTagWithEveryWrite_AndNotWithItsProvisioning()
    {
        var site = TestSite.Small();
        var before = Provisioning.ETagOf(site.RowOf(N6));
        site.Patch(N6, "{'tags':{'a':'b'}}");
        var after = Provisioning.ETagOf(site.RowOf(N6));
        Assert.NotEqual(before, after);
        site.CompleteOperations();
        Assert.Equal("Succeeded", site.ProvisioningStateOf(N6));
        Assert.Equal(after, Provisioning.ETagOf(site.RowOf(N6)));
    }

    [Fact]
    public void Writes_Nothing_WhereAPutChangesNothing()
    {
        var site = TestSite.Small();
        var decision = site.Put(N6, Body);
        Assert.True(decision.Unchanged);
        Assert.Empty(decision.Mutations);
        Assert.Same(site.State, decision.After);
        Assert.Equal(site.RowOf(N6).Revision, decision.Row!.Revision);
        Assert.True(site.Put(N6, site.Render(N6).ToJsonString()).Unchanged, "what was read and sent back is no change");
    }

    [Fact]
    public void Accepts_EveryResourceAsItWasRead()
    {
        var site = TestSite.Example();
        Assert.All(
            AllKinds
                .List.All.Where(k => !k.IsCreatedByServer)
                .SelectMany(k => new ReadTransaction(site.State).List(k.Type)),
            row =>
            {
                var id = ResourceKind.IdOf(row).ToString();
                var outcome = site.TryPut(id, site.Render(id).ToJsonString());
                Assert.True(outcome.Refusal is null, $"{id}: {outcome.Refusal?.Message}");
                Assert.True(outcome.Value.Unchanged, id);
            }
        );
    }

    [Fact]
    public void Cancels_TheOperationThatANewerWriteReplaces()
    {
        var site = TestSite.Small();
        var first = site.Patch(N6, "{'tags':{'a':'1'}}");
        var second = site.Patch(N6, "{'tags':{'a':'2'}}");
        Assert.Equal(("Canceled", "Conflict"), (site.OperationOf(first).Status, site.OperationOf(first).ErrorCode));
        Assert.Equal("InProgress", site.OperationOf(second).Status);
        site.CompleteOperations();
        Assert.Equal(
            ("Canceled", "Succeeded", "Succeeded"),
            (site.OperationOf(first).Status, site.OperationOf(second).Status, site.ProvisioningStateOf(N6))
        );
    }

    [Fact]
    public void Refuses_WritesWhileItIsBeingDeleted()
    {
        var site = TestSite.Small();
        site.Delete(N6);
        Assert.Equal("Deleting", site.ProvisioningStateOf(N6));
        site.AssertRefused(RefusalCode.Conflict, N6, N6, Body);
        site.AssertRefused(RefusalCode.Conflict, N6, site.TryPatch(N6, "{'tags':{}}"));
        site.AssertRefused(RefusalCode.Conflict, N6, site.TryInvokeAction(N6, "anything", "{}"));
        Assert.True(site.TryDelete(N6).Value.Unchanged);
        site.CompleteOperations();
        Assert.False(site.Has(N6));
        Assert.True(site.Put(N6, Body).Created);
    }

    [Fact]
    public void Deletes_NothingTwice()
    {
        var decision = TestSite.Small().Delete(Absent);
        Assert.True(decision.Unchanged);
        Assert.Null(decision.Row);
        Assert.False(decision.Created);
    }

    [Fact]
    public void Tells_WhatItWasBefore_AndWhetherItIsNew()
    {
        var site = TestSite.Small();
        var before = site.RowOf(N6);

        var patched = site.Patch(N6, "{'tags':{'a':'b'}}");
        Assert.Same(before, patched.Before);
        Assert.False(patched.Created);

        var made = site.Put("~c/virtualMachines/vm1", TestSite.Machine(""));
        Assert.Null(made.Before);
        Assert.True(made.Created);
    }

    [Fact]
    public void Writes_Nothing_WhereAnActionChangesNothing()
    {
        const string Domain = "~f/l3IsolationDomains/user";
        var site = TestSite.Small();

        var decision = site.Enable(Domain);

        Assert.True(decision.Unchanged);
        Assert.False(decision.Created);
        Assert.Same(site.RowOf(Domain), decision.Row);
    }

    /// <summary>The rules are asked as soon as all members can be read: one round for the caller, not two.</summary>
    [Fact]
    public void Reports_UnknownMembers_WithWhatTheRulesSay()
    {
        var refusal = TestSite
            .Small()
            .TryPut(
                Absent,
                TestSite.Tracked("'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':609,'vlam':609")
            )
            .Refusal!;
        Assert.Equal(
            [(RefusalCode.UnknownMember, "properties.vlam"), (RefusalCode.Mismatch, "properties.vlan")],
            refusal.Findings.Select(f => (f.Code, f.Target!))
        );
    }

    [Theory]
    [InlineData("~c/clusters/place", "extendedLocation.name")]
    [InlineData("~f/l3IsolationDomains/user", "properties.l3IsolationDomainId")]
    public void Asks_WhetherTheCallerMayJoin_WhatANewResourceStandsOn(string denied, string path)
    {
        var site = TestSite.Small();
        var body = TestSite.Tracked("'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':603");

        site.AssertRefused(RefusalCode.LinkedAuthorizationFailed, path, PutAs(site, Absent, body, denied));
        // What is joined already isn't asked for again.
        var tagged = $"{Body[..^1]},'tags':{{'a':'b'}}}}";
        Assert.Null(PutAs(site, N6, tagged, denied).Refusal);
    }

    /// <summary>Nobody has to take anything off: it is somebody else's at once.</summary>
    [Fact]
    public void Gives_LeasesBack_WithTheWrite_WhereNoAgentHasThem()
    {
        var site = TestSite.Small();
        PutNodeOn("oam", site);
        Assert.NotEmpty(site.Leases("~c/l3Networks/oam"));

        var written = PutNodeOn("n6", site);

        Assert.Empty(site.Leases("~c/l3Networks/oam"));
        Assert.Empty(written.Operation!.ReleasesOnCompletion);
    }

    /// <summary>An agent has the address until it says otherwise; what has ended with that ends once.</summary>
    [Fact]
    public void Gives_LeasesBack_WithTheOperation_WhereAnAgentHasThem()
    {
        var site = TestSite.Small();
        var agent = site.Enrol("~c/kubernetesClusters/k1", "a1");
        PutNodeOn("oam", site);
        site.Report(agent, true);
        site.CompleteOperations();

        var written = PutNodeOn("n6", site);
        Assert.NotEmpty(site.Leases("~c/l3Networks/oam"));
        Assert.NotEmpty(written.Operation!.ReleasesOnCompletion);
        site.Report(agent, true);
        site.CompleteOperations();
        Assert.Empty(site.Leases("~c/l3Networks/oam"));

        var again = PutNodeOn("n2", site);
        Assert.DoesNotContain(again.Operation!.ReleasesOnCompletion, written.Operation.ReleasesOnCompletion.Contains);
    }

    [Fact]
    public void Removes_ChildrenAndExtensionsWithTheirParent()
    {
        var site = TestSite.Small();
        site.Put(
            TestSite.NodeId("w1"),
            TestSite.Node("{'name':'eth0','macAddress':'52:54:00:00:00:01','networkId':'~c/l3Networks/oam'}")
        );
        var agent = site.Enrol("~c/kubernetesClusters/k1", "a1");
        site.CompleteOperations();
        Assert.NotEmpty(site.Leases("~c/l3Networks/oam"));
        site.Delete("~c/kubernetesClusters/k1");
        site.Report(agent, true);
        site.CompleteOperations();
        Assert.All(
            ["~c/kubernetesClusters/k1", "~c/kubernetesClusters/k1/agentPools/workers", TestSite.NodeId("w1"), agent],
            id => Assert.False(site.Has(id), id)
        );
        Assert.Empty(site.State.Range("agentstatus|"));
        Assert.Empty(site.Leases("~c/l3Networks/oam"));
    }

    [Fact]
    public void Refuses_DeletionWithEveryUserAtOnce()
    {
        var site = TestSite.Small();
        site.Put(
            "~c/virtualMachines/vm1",
            TestSite.Machine("{'attachedNetworkId':'~c/l3Networks/n6','ipAllocationMethod':'Dynamic'}")
        );
        site.Put(
            "~c/virtualMachines/vm2",
            TestSite.Machine("{'attachedNetworkId':'~c/l3Networks/n6','ipAllocationMethod':'Disabled'}")
        );
        var refusal = site.TryDelete(N6).Refusal!;
        Assert.Equal(TestSite.Id(N6).ToString(), refusal.Target);
        Assert.All(refusal.Findings, f => Assert.Equal(RefusalCode.InUse, f.Code));
        Assert.All(refusal.Findings, f => Assert.Empty(f.Discloses));
        Assert.Equal(
            [TestSite.Id("~c/virtualMachines/vm1").ToString(), TestSite.Id("~c/virtualMachines/vm2").ToString()],
            refusal.Findings.Select(f => f.ConflictsWith)
        );
        Assert.Contains("vm1", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(50, 512, 256, null)]
    [InlineData(51, 1, 0, "there are 51 tags; a resource has at most 50")]
    [InlineData(1, 513, 0, "513 characters; a tag's name has 1 to 512")]
    [InlineData(1, 0, 0, "0 characters; a tag's name has 1 to 512")]
    [InlineData(1, 1, 257, "the value has 257 characters; a tag's value has at most 256")]
    public void Bounds_Tags_AsArmDoes(int count, int nameLength, int valueLength, string? why)
    {
        var site = TestSite.Small();
        var tags = Enumerable
            .Range(0, count)
            .Select(i => nameLength == 0 ? "''" : $"'{$"{i}".PadRight(nameLength, 'x')}'");
        var body =
            $"{{'tags':{{{string.Join(',', tags.Select(name => $"{name}:'{new string('v', valueLength)}'"))}}}}}";
        var patched = site.TryPatch(N6, body);
        if (why is null)
            Assert.Null(patched.Refusal);
        else
            Assert.Contains(why, patched.Refusal!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Patches_OnlyPatchableMembers()
    {
        var site = TestSite.Small();
        site.Patch(N6, "{'tags':{'a':'b'}}");
        Assert.Equal("""{"a":"b"}""", site.Render(N6)["tags"]!.ToJsonString());
        site.Patch(N6, "{'tags':{'c':'d'}}");
        Assert.Equal("""{"c":"d"}""", site.Render(N6)["tags"]!.ToJsonString());
        site.Patch(N6, "{'tags':null}");
        Assert.Null(site.Render(N6)["tags"]);
        site.AssertRefused(RefusalCode.ImmutableMember, "location", site.TryPatch(N6, "{'location':'west'}"));
        site.AssertRefused(
            RefusalCode.ImmutableMember,
            "properties.ipAllocationType",
            site.TryPatch(N6, "{'properties':{'ipAllocationType':'IPV4'}}")
        );
        site.AssertRefused(RefusalCode.ImmutableMember, "properties", site.TryPatch(N6, "{'properties':7}"));
        Assert.True(
            site.TryPatch(N6, "{'location':'east','properties':{'vlan':606,'provisioningState':'x'}}").Value.Unchanged
        );
        const string Cluster = "~c/kubernetesClusters/k1";
        site.Patch(
            Cluster,
            "{'properties':{'kubernetesVersion':'1.34.0','controlPlaneNodeConfiguration':{'count':5}}}"
        );
        var properties = site.Render(Cluster)["properties"]!;
        Assert.Equal(
            ("1.34.0", "5", "s"),
            (
                properties["kubernetesVersion"]!.ToString(),
                properties["controlPlaneNodeConfiguration"]!["count"]!.ToString(),
                properties["controlPlaneNodeConfiguration"]!["vmSkuName"]!.ToString()
            )
        );
    }

    [Fact]
    public void Names_TheUnknownMemberOfAPatch()
    {
        var site = TestSite.Small();
        Assert.Contains(
            "did you mean 'tags'?",
            site.AssertRefused(RefusalCode.UnknownMember, "tag", site.TryPatch(N6, "{'tag':{}}")).Message,
            StringComparison.Ordinal
        );
        site.AssertRefused(
            RefusalCode.UnknownMember,
            "properties.vlam",
            site.TryPatch(N6, "{'properties':{'vlam':7}}")
        );
        Assert.True(site.TryPatch(N6, "{'id':'x','name':'y','type':'z','etag':'e'}").Value.Unchanged);
    }

    [Theory]
    [InlineData("~c/l3Networks/n6/providers/Microsoft.NetworkCloud/l3Networks/x", RefusalCode.InvalidResourceType)]
    [InlineData("~c/l3Networks/n6/providers/Weft.Fleet/nodes/x", RefusalCode.InvalidResourceType)]
    [InlineData(
        "/subscriptions/5be00000-0000-4000-8000-0000000005a0/providers/Weft.Fleet/nodes/x",
        RefusalCode.InvalidResourceType
    )]
    [InlineData("~c/unknown/x", RefusalCode.InvalidResourceType)]
    [InlineData("/subscriptions/5be00000-0000-4000-8000-0000000005a0", RefusalCode.InvalidResourceType)]
    [InlineData("~c/l3Networks/_x", RefusalCode.InvalidResourceName)]
    [InlineData("~c/l3Networks/x", RefusalCode.InvalidResourceName)]
    [InlineData("~c/l3Networks/abcdefghijabcdefghijabcdefghijk", RefusalCode.InvalidResourceName)]
    [InlineData(
        "/subscriptions/5be00000-0000-4000-8000-0000000005a0/resourceGroups/none/providers/Microsoft.NetworkCloud/l3Networks/n9",
        RefusalCode.ResourceGroupNotFound
    )]
    [InlineData(
        "/subscriptions/5be00000-0000-4000-8000-0000000005a0/providers/Microsoft.NetworkCloud/l3Networks/n9",
        RefusalCode.InvalidResourceId
    )]
    internal void Refuses_AScopeThatTheKindHasNot(string id, RefusalCode code)
    {
        var refusal = TestSite.Small().TryPut(id, Body).Refusal!;
        Assert.Equal(code, refusal.Code);
        Assert.Contains(TestSite.Id(id).Name, $"{refusal.Message} {refusal.Target}", StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_AChildWithoutItsParent() =>
        Assert.Equal(
            RefusalCode.ResourceNotFound,
            TestSite
                .Small()
                .TryPut("~f/l3IsolationDomains/none/internalNetworks/net1", "{'properties':{'vlanId':700}}")
                .Refusal!.Code
        );

    [Fact]
    public void Refuses_ABodyThatNamesAnotherResource()
    {
        var body = TestSite.Body(Body);
        body["id"] = TestSite.Id("~c/l3Networks/n9").ToString();
        var finding = TestSite.Small().AssertRefused(RefusalCode.InvalidMember, "id", N6, body.ToJsonString());
        Assert.Contains("n9", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_WhatOnlyTheServerCreates() =>
        TestSite
            .Small()
            .AssertRefused(
                RefusalCode.MethodNotAllowed,
                "~c/kubernetesClusters/k1/providers/Weft.Fleet/agents/a1",
                "~c/kubernetesClusters/k1/providers/Weft.Fleet/agents/a1",
                "{'properties':{}}"
            );

    [Fact]
    public void Refuses_AnActionThatTheKindHasNot() =>
        TestSite
            .Small()
            .AssertRefused(RefusalCode.InvalidResourceType, N6, TestSite.Small().TryInvokeAction(N6, "restart", "{}"));

    [Fact]
    public void Finds_TheSameResourceInAnySpelling()
    {
        var site = TestSite.Small();
        var shouted = TestSite.Expand(N6).ToUpperInvariant();
        Assert.True(site.Put(shouted, Body).Unchanged);
        Assert.EndsWith(
            "/n6",
            ResourceKind.IdOf(site.Patch(shouted, "{'tags':{'a':'b'}}").Row!).ToString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Stamps_WhoMadeItAndWhoChangedItLast()
    {
        var site = TestSite.Small();
        var request = site.Request(N6, TestSite.Body("{'tags':{'a':'b'}}")) with
        {
            Caller = "bob",
            CallerType = "Application",
            Now = "2027-01-01T00:00:00Z",
        };
        site.Accept(site.Verbs.Patch(request, new ReadTransaction(site.State)));
        Assert.Equal(
            """{"createdBy":"ann","createdByType":"User","createdAt":"2026-11-22T"""
                + """10:00:00Z","lastModifiedBy":"bob","lastModifiedByType":"Application","lastModifiedAt":"2027-01-01T00:00:00Z"}""",
            site.Render(N6)["systemData"]!.ToJsonString()
        );
    }

    [Fact]
    public void Renders_WhatWasWritten_BesideWhatTheServerSays()
    {
        var site = TestSite.Small();
        var body = site.Render(N6);
        Assert.Equal(
            ["id", "name", "type", "location", "extendedLocation", "systemData", "etag", "properties"],
            body.Select(member => member.Key)
        );
        Assert.Equal(
            (TestSite.Expand(N6), "n6", "Microsoft.NetworkCloud/l3Networks"),
            (body["id"]!.ToString(), body["name"]!.ToString(), body["type"]!.ToString())
        );
        Assert.Equal(
            ["location", "extendedLocation", "properties"],
            StoredDocument.CallerFields(site.RowOf(N6)).Select(member => member.Key)
        );
        // A group has nothing of its own in its properties.
        Assert.Equal(
            """{"provisioningState":"Succeeded"}""",
            site.Render(TestSite.Group)["properties"]!.ToJsonString()
        );
    }

    [Fact]
    public void Renders_NoSecret()
    {
        var site = TestSite.Small();
        const string Balancer =
            ",'bgpServiceLoadBalancerConfiguration':{'bgpPeers':[{'name':'p1','peerAddress':'10.0.0.1','peerAsn':64512,"
            + "'password':'hush1'}]}";
        site.Put("~c/kubernetesClusters/k2", TestSite.Kubernetes("", Balancer));
        var machine = TestSite.Body(TestSite.Machine(""));
        machine["properties"]!["userDataContent"] = "hush2";
        machine["properties"]!["vmImageRepositoryCredentials"] = new JsonObject
        {
            ["registryUrl"] = "r",
            ["username"] = "u",
            ["password"] = "hush3",
        };
        site.Put("~c/virtualMachines/vm1", machine.ToJsonString());
        Assert.All(
            ["~c/kubernetesClusters/k2", "~c/virtualMachines/vm1"],
            id =>
            {
                var drawn = site.Render(id).ToJsonString();
                Assert.DoesNotContain("hush", drawn, StringComparison.Ordinal);
                Assert.True(
                    site.Put(id, drawn).Unchanged,
                    "what was read and sent back is no change, and loses no secret"
                );
                Assert.Contains(
                    "hush",
                    System.Text.Encoding.UTF8.GetString(site.RowOf(id).Bytes.Span),
                    StringComparison.Ordinal
                );
            }
        );
        var plan = site
            .Plan.Create(
                [
                    Document("~c/virtualMachines/vm9", machine),
                    Document("~c/kubernetesClusters/k9", TestSite.Body(TestSite.Kubernetes("", Balancer))),
                ],
                site.State,
                TestSite.Now,
                TestSite.Anybody
            )
            .Value.ToJson()
            .ToJsonString();
        Assert.DoesNotContain("hush", plan, StringComparison.Ordinal);
        Assert.Contains("(secret)", plan, StringComparison.Ordinal);
    }

    private static Decision PutNodeOn(string network, TestSite site) =>
        site.Put(
            TestSite.NodeId("w1"),
            TestSite.Node($"{{'name':'eth0','macAddress':'52:54:00:00:00:01','networkId':'~c/l3Networks/{network}'}}")
        );

    private static Outcome<Decision> PutAs(TestSite site, string id, string body, string denied)
    {
        var request = site.Request(id, TestSite.Body(body)) with
        {
            CheckJoin = (path, joined) =>
                joined.Equals(TestSite.Id(denied))
                    ? new Refusal(RefusalCode.LinkedAuthorizationFailed, $"'{path}': {joined}", path)
                    : null,
        };
        return site.Verbs.Put(request, new ReadTransaction(site.State));
    }

    private static JsonObject Document(string id, JsonObject body)
    {
        var document = body.DeepClone().AsObject();
        document["id"] = TestSite.Id(id).ToString();
        return document;
    }
}
