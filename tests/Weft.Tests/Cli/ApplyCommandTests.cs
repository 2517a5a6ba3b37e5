using System.Net;
using System.Text.Json.Nodes;

namespace Weft.Tests.Cli;

public sealed class ApplyCommandTests : IDisposable
{
    private const string Providers = $"{CommandLine.Group}/providers";
    private const string Fabric = $"{Providers}/Microsoft.ManagedNetworkFabric";
    private const string Site = $$"""
        type: Microsoft.Resources/resourceGroups
        name: site
        location: lab
        ---
        type: networkfabrics
        name: fabric
        location: lab
        ---
        type: clusters
        name: east
        location: lab
        properties: {networkFabricId: "{{Fabric}}/networkFabrics/fabric"}
        ---
        type: l3isolationdomains
        name: cp
        location: lab
        properties: {networkFabricId: "{{Fabric}}/networkFabrics/fabric", administrativeState: Enabled}
        ---
        type: internalnetworks
        name: cp/n6
        properties: {vlanId: 606}
        ---
        type: l3networks
        name: n6
        location: lab
        extendedLocation: {type: CustomLocation, name: "{{Providers}}/Microsoft.ExtendedLocation/customLocations/east"}
        properties: {vlan: 606, l3IsolationDomainId: "{{Fabric}}/l3IsolationDomains/cp"}
        ---
        type: cloudservicesnetworks
        name: csn
        location: lab
        """;

    private readonly CommandLine _weft = new();
    private readonly string _site;

    public ApplyCommandTests() => _site = _weft.WriteFile("site.yaml", Site);

    public void Dispose() => _weft.Dispose();

    private List<string> Events => _weft.Weftd.Events;

    private void InOrder(params string[] entries)
    {
        var at = entries.Select(entry => Events.IndexOf(entry)).ToArray();
        Assert.True(
            Array.TrueForAll(at, i => i >= 0) && at.SequenceEqual(at.Order()),
            $"wanted {string.Join(" < ", entries)}; was {string.Join(", ", Events)}"
        );
    }

    [Fact]
    public async Task Creates_All_EachAfterWhatItDependsOn()
    {
        var run = await _weft.RunInGroup("apply", "-f", _site);
        Assert.Equal((0, "7 created, 1 enabled\n"), (run.Exit, run.Out));
        InOrder(
            "done resourcegroups/site",
            "PUT networkfabrics/fabric",
            "done networkfabrics/fabric",
            "PUT l3isolationdomains/cp",
            "PUT internalnetworks/cp/n6",
            "done internalnetworks/cp/n6",
            "POST l3isolationdomains/cp updateAdministrativeState Enable",
            "PUT l3networks/n6"
        );
        InOrder("done clusters/east", "PUT l3networks/n6");
        Assert.True(
            Events.LastIndexOf("done l3isolationdomains/cp") < Events.IndexOf("PUT l3networks/n6"),
            "the network waits for its domain to be enabled"
        );
        Assert.Matches(@"(?m)^l3networks/n6              created \d+\.\ds$", run.Error);
        Assert.Matches(@"(?m)^l3isolationdomains/cp      enabled \d+\.\ds$", run.Error);
    }

    [Fact]
    public async Task Sends_WhatIsIndependent_AtOnce()
    {
        // The one isn't done before the other has come, so that one after the other would never end.
        _weft.Weftd.WaitsFor["networkfabrics/fabric"] = "PUT cloudservicesnetworks/csn";
        await _weft.RunInGroup("apply", "-f", _site);
        InOrder("PUT networkfabrics/fabric", "PUT cloudservicesnetworks/csn");
        Assert.True(
            Events.IndexOf("PUT cloudservicesnetworks/csn") < Events.IndexOf("done networkfabrics/fabric"),
            string.Join(", ", Events)
        );
    }

    [Fact]
    public async Task Sends_AddressClaimants_InThePlansOrder()
    {
        var machines = string.Join(
            "\n---\n",
            Enumerable.Range(1, 20).Select(i => $"type: vm\nname: m{i:00}\nlocation: lab")
        );
        _weft.Weftd.WaitsFor["virtualmachines/m01"] = "PUT virtualmachines/m02";
        await _weft.RunInGroup("apply", "-f", _weft.WriteFile("machines.yaml", machines));
        Assert.Equal(
            Enumerable.Range(1, 20).Select(i => $"PUT virtualmachines/m{i:00}"),
            Events.Where(entry => entry.StartsWith("PUT", StringComparison.Ordinal))
        );
        Assert.True(
            Events.IndexOf("PUT virtualmachines/m02") < Events.IndexOf("done virtualmachines/m01"),
            "the second need not wait for the first to be done"
        );
    }

    [Fact]
    public async Task Strips_EnabledState_FromThePut()
    {
        await _weft.RunInGroup("apply", "-f", _site);
        Assert.Equal(
            ["networkFabricId"],
            _weft.Weftd.Bodies["l3isolationdomains/cp"]["properties"]!.AsObject().Select(member => member.Key)
        );
        Assert.Equal(
            ["location", "extendedLocation", "properties"],
            _weft.Weftd.Bodies["l3networks/n6"].Select(member => member.Key)
        );
    }

    [Fact]
    public async Task Leaves_EverythingUnchanged_TheSecondTime()
    {
        await _weft.RunInGroup("apply", "-f", _site);
        Events.Clear();
        var run = await _weft.RunInGroup("apply", "-f", _site);
        Assert.Equal((0, "7 unchanged\n"), (run.Exit, run.Out));
        Assert.DoesNotContain(
            Events,
            entry =>
                entry.StartsWith("done", StringComparison.Ordinal) || entry.StartsWith("POST", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task Updates_OnlyWhatDiffers()
    {
        await _weft.RunInGroup("apply", "-f", _site);
        File.WriteAllText(_site, Site.Replace("vlanId: 606", "vlanId: 606, mtu: 9000", StringComparison.Ordinal));
        var run = await _weft.RunInGroup("apply", "-f", _site, "-o", "name");
        Assert.Equal((0, "internalnetworks/cp/n6\n"), (run.Exit, run.Out));
        Assert.EndsWith("1 updated, 6 unchanged\n", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Skips_Dependants_OfWhatFailed_AndGoesOnWithTheRest()
    {
        _weft.Weftd.Outcomes["clusters/east"] = "Failed";
        var run = await _weft.RunInGroup("apply", "-f", _site);
        Assert.Equal((1, "5 created, 1 enabled, 1 failed, 1 skipped\n"), (run.Exit, run.Out));
        Assert.DoesNotContain("PUT l3networks/n6", Events);
        Assert.Contains(
            $"\n  {_site}:12:1: properties.count: no address is left [AddressPoolExhausted]\n",
            run.Error,
            StringComparison.Ordinal
        );
        Assert.Contains("  clusters/east failed [Skipped]\n", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reports_Superseded_WhereANewerChangeWon()
    {
        _weft.Weftd.Outcomes["cloudservicesnetworks/csn"] = "Canceled";
        var run = await _weft.RunInGroup("apply", "-f", _site, "-o", "json");
        Assert.Equal(1, run.Exit);
        var result = JsonNode
            .Parse(run.Out)!
            .AsArray()
            .Single(r => r!["id"]!.ToString().EndsWith("/csn", StringComparison.Ordinal))!;
        Assert.Equal(
            ("Create", "Superseded", "Canceled"),
            (result["action"]!.ToString(), result["outcome"]!.ToString(), result["error"]!["code"]!.ToString())
        );
    }

    [Fact]
    public async Task Stops_Waiting_WhenTimeIsUp()
    {
        _weft.Weftd.Outcomes["networkfabrics/fabric"] = "Running";
        var run = await _weft.RunInGroup("apply", "-f", _site, "--timeout", "0.3");
        Assert.Equal(1, run.Exit);
        Assert.Contains(
            "it still runs at the server; apply again to wait for it, or give more --timeout [TimedOut]",
            run.Error,
            StringComparison.Ordinal
        );
        Assert.DoesNotContain("PUT l3isolationdomains/cp", Events);
    }

    [Fact]
    public async Task Reports_FailedState_OfAnUnchangedResource()
    {
        _weft.Weftd.Outcomes["cloudservicesnetworks/csn"] = "Failed";
        await _weft.RunInGroup("apply", "-f", _site);
        var run = await _weft.RunInGroup("apply", "-f", _site);
        Assert.Equal((1, "6 unchanged, 1 failed\n"), (run.Exit, run.Out));
    }

    [Fact]
    public async Task Prints_Plan_AndWritesNothing_OnDryRun()
    {
        var run = await _weft.RunInGroup("apply", "-f", _site, "--dry-run");
        Assert.Equal(0, run.Exit);
        Assert.EndsWith(
            "Plan: 7 to create, 0 to change, 1 to enable, 0 unchanged.\n",
            run.Out,
            StringComparison.Ordinal
        );
        Assert.Empty(Events);
    }

    [Fact]
    public async Task Warns_OfDisruptions_BeforeItBegins()
    {
        _weft.Weftd.EditPlan = plan =>
            plan["disruptions"] = new JsonArray(
                new JsonObject { ["id"] = $"{CommandLine.Group}", ["what"] = "nodes restart" }
            );
        Assert.StartsWith(
            "! resourcegroups/site: nodes restart\n",
            (await _weft.RunInGroup("apply", "-f", _site)).Error,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Sends_Nothing_WhereADocumentIsBad()
    {
        var run = await _weft.RunInGroup(
            "apply",
            "-f",
            _site,
            "-f",
            _weft.WriteFile("bad.yaml", "type: nonsense\nname: x\n")
        );
        Assert.Equal(1, run.Exit);
        Assert.Empty(_weft.Weftd.Requests);
    }

    [Fact]
    public async Task Tries_Again_WhereOthersContended()
    {
        var refused = 0;
        _weft.Weftd.CannedResponses[$"{CommandLine.Group}/providers/Microsoft.NetworkCloud/cloudServicesNetworks/csn"] =
            _ =>
            {
                if (refused++ > 0)
                    return FakeWeftd.Json(new JsonObject(), HttpStatusCode.Created);
                var busy = FakeWeftd.Error(HttpStatusCode.Conflict, "Contended", "others changed it");
                busy.Headers.Add("Retry-After", "0");
                return busy;
            };
        Assert.Equal(0, (await _weft.RunInGroup("apply", "-f", _site)).Exit);
        Assert.Equal(2, refused);
    }

    [Fact]
    public async Task Sends_ApiVersion_OfTheDocumentOrTheKind()
    {
        await _weft.RunInGroup(
            "apply",
            "-f",
            _weft.WriteFile("a.yaml", "type: l3n\nname: n1\n---\ntype: l3n\nname: n2\napiVersion: 2025-09-01\n")
        );
        Assert.Contains(
            _weft.Weftd.Requests,
            request => request.Contains("/l3Networks/n1?api-version=2026-10-01", StringComparison.Ordinal)
        );
        Assert.Contains(
            _weft.Weftd.Requests,
            request => request.Contains("/l3Networks/n2?api-version=2025-09-01", StringComparison.Ordinal)
        );
    }
}
