using System.Net;
using System.Text.Json.Nodes;

namespace Weft.Tests.Cli;

public sealed class PlanCommandTests : IDisposable
{
    private const string Networks = CommandLine.Group + "/providers/Microsoft.NetworkCloud";

    private readonly CommandLine _weft = new();
    private readonly string _site;

    public PlanCommandTests()
    {
        _site = _weft.WriteFile(
            "site.yaml",
            """
            type: l3networks
            name: n6
            location: lab
            properties:
              vlan: 606
              mtu: 9000
            ---
            type: l3networks
            name: n3
            location: lab
            """
        );
    }

    public void Dispose() => _weft.Dispose();

    private void Answers(string plan) =>
        _weft.Weftd.EditPlan = answer =>
        {
            foreach (
                var (name, value) in JsonNode.Parse(plan.Replace("NC", Networks, StringComparison.Ordinal))!.AsObject()
            )
                answer[name] = value?.DeepClone();
        };

    private const string Full = """
        {"changes":[
           {"id":"NC/l3Networks/n3","action":"Create","members":[{"path":"location","after":"lab"}]},
           {"id":"NC/l3Networks/n6","action":"Update","members":[{"path":"properties.mtu","before":1500,"after":9000},
            {"path":"tags.a","before":"x"},{"path":"tags.b","after":"y"}]},
           {"id":"NC/l3Networks/n9","action":"Unchanged"}],
         "addresses":[{"action":"Take","network":"NC/l3Networks/n6","address":"10.20.6.17","holder":"virtualMachines/probe1 n6"},
                      {"action":"Give","network":"NC/l3Networks/n6","address":"10.20.6.4","holder":"old"}],
         "vlans":[{"action":"Open","vlan":606,"machine":"core-east/core-east-w1","network":"NC/l3Networks/n6"},
                  {"action":"Open","vlan":603,"machine":"core-east/core-east-w1","network":"NC/l3Networks/n3"}],
         "manifests":[{"action":"Change","scope":"NC/kubernetesClusters/core-east",
          "name":"NetworkAttachmentDefinition default/n6","before":"a: 1\nmtu: 1500\n","after":"a: 1\nmtu: 9000\n"},
                      {"action":"Add","scope":"NC/kubernetesClusters/core-east","name":"NetworkAttachmentDefinition default/n3",
                       "after":"kind: NAD\n"}],
         "disruptions":[{"id":"NC/kubernetesClusters/core-east","what":"nodes are drained one by one"}]}
        """;

    /// <summary>Plans of others are made first; the server says how long.</summary>
    [Fact]
    public async Task Asks_Again_WhereTheServerMakesOtherPlans()
    {
        const string Question = "/providers/Weft.Fleet/plan";
        var refused = 0;
        Answers(Full);
        _weft.Weftd.CannedResponses[Question] = _ =>
        {
            if (++refused == 2)
                _weft.Weftd.CannedResponses.Remove(Question);
            var busy = FakeWeftd.Error(HttpStatusCode.TooManyRequests, "TooManyRequests", "plans are made 2 at a time");
            busy.Headers.Add("Retry-After", "0");
            return busy;
        };
        var run = await _weft.RunInGroup("plan", "-f", _site, "--verbose");
        Assert.Equal((2, 2), (run.Exit, refused));
        Assert.Contains(
            "the server is busy (TooManyRequests): asking again in 0 s",
            run.Error,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Prints_Changes_AndAllThatFollows()
    {
        Answers(Full);
        var run = await _weft.RunInGroup("plan", "-f", _site);
        Assert.Equal(
            """
            Resources
              + l3networks/n3
              ~ l3networks/n6
                  ~ properties.mtu: 1500 -> 9000
                  - tags.a: "x"
                  + tags.b: "y"

            Addresses
              + 10.20.6.17  l3networks/n6  virtualMachines/probe1 n6
              - 10.20.6.4   l3networks/n6  old

            VLANs
              + core-east/core-east-w1: 606 (l3networks/n6), 603 (l3networks/n3)

            Manifests
              kubernetesclusters/core-east
                ~ NetworkAttachmentDefinition default/n6
                    @@ -1,2 +1,2 @@
                     a: 1
                    -mtu: 1500
                    +mtu: 9000
                + NetworkAttachmentDefinition default/n3

            Disruptions
              ! kubernetesclusters/core-east: nodes are drained one by one

            Plan: 1 to create, 1 to change, 1 unchanged.

            """.ReplaceLineEndings("\n"),
            run.Out
        );
        Assert.Equal((2, ""), (run.Exit, run.Error));
        Assert.Empty(_weft.Weftd.Events);
    }

    [Fact]
    public async Task Prints_WholeContent_Detailed()
    {
        Answers(Full);
        var run = await _weft.RunInGroup("plan", "-f", _site, "--detailed");
        Assert.Contains("  = l3networks/n9\n", run.Out, StringComparison.Ordinal);
        Assert.Contains("      + location: \"lab\"\n", run.Out, StringComparison.Ordinal);
        Assert.Contains(
            "    + NetworkAttachmentDefinition default/n3\n        +kind: NAD\n",
            run.Out,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Exits_Zero_WhereNothingWouldChange()
    {
        Answers(
            """{"changes":[{"id":"NC/l3Networks/n6","action":"Unchanged"},{"id":"NC/l3Networks/n3","action":"Unchanged"}]}"""
        );
        var run = await _weft.RunInGroup("plan", "-f", _site);
        Assert.Equal((0, "No changes: 2 unchanged.\n"), (run.Exit, run.Out));
    }

    [Fact]
    public async Task Exits_Two_WhereOnlyManifestsWouldChange()
    {
        Answers(
            """
            {"changes":[],"manifests":[{"action":"Remove","scope":"NC/kubernetesClusters/c","name":"ConfigMap kube-system/x",
             "before":"a: 1"}]}
            """
        );
        Assert.Equal(2, (await _weft.RunInGroup("plan", "-f", _site)).Exit);
    }

    [Theory]
    [InlineData("plan")]
    [InlineData("apply")]
    public async Task Prints_Refusals_WithTheirPlaces(string verb)
    {
        Answers(
            """
            {"changes":[{"id":"NC/l3Networks/n6","action":"Refused","error":{"code":"Mismatch","message":"2 findings","details":[
               {"code":"Mismatch","message":"the domain has VLAN 605","target":"properties.vlan",
                "additionalInfo":[{"type":"Culprit","info":{"id":"NC/l3Networks/n3"}}]},
               {"code":"InvalidMember","message":"9000 is too much","target":"properties.mtu"}]}},
              {"id":"NC/l3Networks/n3","action":"Refused","error":{"code":"ResourceGroupNotFound","message":"there is no group 'site'"}}]}
            """
        );
        var run = await _weft.RunInGroup(verb, "-f", _site);
        const string Next =
            "declare the group in a document (type: Microsoft.Resources/resourceGroups, name, location), "
            + "or weft create group NAME --location LOCATION";
        Assert.Equal(
            $"""
            error: the plan is refused for 2 resources; nothing was written
              l3networks/n6  ({_site}:1:1)
                {_site}:5:3: properties.vlan: the domain has VLAN 605 [Mismatch] (see l3networks/n3)
                {_site}:6:3: properties.mtu: 9000 is too much [InvalidMember]
              l3networks/n3  ({_site}:8:1)
                there is no group 'site' [ResourceGroupNotFound]
            next: {Next}

            """.ReplaceLineEndings("\n"),
            run.Error
        );
        Assert.Equal((1, ""), (run.Exit, run.Out));
        Assert.Empty(_weft.Weftd.Events);
    }

    [Fact]
    public async Task Prints_AnswerAsJson_AlsoWhenRefused()
    {
        Answers(
            """{"changes":[{"id":"NC/l3Networks/n6","action":"Refused","error":{"code":"Conflict","message":"no"}}]}"""
        );
        var run = await _weft.RunInGroup("plan", "-f", _site, "-o", "json");
        Assert.Equal((1, "Refused"), (run.Exit, JsonNode.Parse(run.Out)!["changes"]![0]!["action"]!.ToString()));
    }

    [Fact]
    public async Task Asks_ForWholeIds_AndTheEnabledState()
    {
        var domain = _weft.WriteFile("d.yaml", "type: l3isd\nname: cp\nproperties:\n  administrativeState: Enabled\n");
        var run = await _weft.RunInGroup("plan", "-f", _site, "-f", domain);
        Assert.Contains("  > l3isolationdomains/cp  enable\n", run.Out, StringComparison.Ordinal);
        Assert.Contains(
            "\"id\":\"/subscriptions/sub/resourceGroups/site/providers/Microsoft.ManagedNetworkFabric/l3IsolationDomains/cp\"",
            _weft.Weftd.Requests[0],
            StringComparison.Ordinal
        );
        Assert.Contains("\"administrativeState\":\"Enabled\"", _weft.Weftd.Requests[0], StringComparison.Ordinal);
    }
}
