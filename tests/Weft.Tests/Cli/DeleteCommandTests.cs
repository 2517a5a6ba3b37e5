namespace Weft.Tests.Cli;

public sealed class DeleteCommandTests : IDisposable
{
    private const string Networks = CommandLine.Group + "/providers/Microsoft.NetworkCloud";

    private readonly CommandLine _weft = new();

    public DeleteCommandTests()
    {
        _weft.Store("Microsoft.NetworkCloud/l3Networks/n6");
        _weft.Store("Microsoft.NetworkCloud/l3Networks/n7");
    }

    public void Dispose() => _weft.Dispose();

    private List<string> Events => _weft.Weftd.Events;

    [Fact]
    public async Task Deletes_AndWaits_UntilItIsGone()
    {
        var run = await _weft.RunInGroup("delete", "l3n", "n6", "n8", "--yes");
        Assert.Equal((0, "1 deleted, 1 unchanged\n"), (run.Exit, run.Out));
        Assert.Contains("done l3networks/n6", Events);
    }

    [Fact]
    public async Task Deletes_DependantsFirst_FromDocuments()
    {
        var file = _weft.WriteFile(
            "site.yaml",
            $$"""
            type: l3n
            name: n6
            ---
            type: k8s
            name: c
            properties:
              cniNetworkId: {{Networks}}/l3Networks/n6
            ---
            type: agentpools
            name: c/p
            """
        );
        _weft.Store("Microsoft.NetworkCloud/kubernetesClusters/c");
        _weft.Store("Microsoft.NetworkCloud/kubernetesClusters/c/agentPools/p");
        Assert.Equal("3 deleted\n", (await _weft.RunInGroup("delete", "-f", file, "-y")).Out);
        Assert.Equal(
            [
                "DELETE agentpools/c/p",
                "done agentpools/c/p",
                "DELETE kubernetesclusters/c",
                "done kubernetesclusters/c",
                "DELETE l3networks/n6",
                "done l3networks/n6",
            ],
            Events
        );
    }

    [Fact]
    public async Task Keeps_WhatIsNeeded_ByWhatCouldNotBeDeleted()
    {
        var file = _weft.WriteFile(
            "site.yaml",
            $"type: l3n\nname: n6\n---\ntype: k8s\nname: c\nproperties: {{cniNetworkId: {Networks}/l3Networks/n6}}\n"
        );
        _weft.Store("Microsoft.NetworkCloud/kubernetesClusters/c");
        _weft.Weftd.Outcomes["kubernetesclusters/c"] = "Failed";
        var run = await _weft.RunInGroup("delete", "-f", file, "-y");
        Assert.Equal((1, "1 failed, 1 skipped\n"), (run.Exit, run.Out));
        Assert.DoesNotContain("DELETE l3networks/n6", Events);
    }

    /// <summary>An agent that is dead never applies anything: who waits for it is told so, and what ends the wait.</summary>
    [Fact]
    public async Task Says_WhomItWaitsFor_AndWhatToDo()
    {
        const string Cluster = $"{Networks}/kubernetesClusters/c1";
        _weft.Weftd.AwaitedAgents.Add($"{Cluster}/providers/Weft.Fleet/agents/w1");
        var run = await _weft.RunInGroup("delete", "l3n", "n6", "n7", "--yes");
        Assert.Equal((0, "2 deleted\n"), (run.Exit, run.Out));
        foreach (var name in (string[])["n6", "n7"])
            Assert.Contains(
                $"l3networks/{name} waits until it has been applied by agent w1 of c1\n"
                    + "  where it doesn't come back: weft agent forget w1 --cluster c1\n",
                run.Error,
                StringComparison.Ordinal
            );
    }

    /// <summary>Whoever detaches a network under running pods is told which, once, and how to go on.</summary>
    [Fact]
    public async Task Says_WhichPodsItWaitsFor_AndWhatToDo()
    {
        for (var i = 0; i < 7; i++)
            _weft.Weftd.StandingPods.Add(($"10.20.6.{i + 10}", $"pod core/upf-{i} net1 in c1 on w1"));
        var run = await _weft.RunInGroup("delete", "l3n", "n6", "--yes");
        Assert.Equal(0, run.Exit);
        Assert.Equal(
            [
                "l3networks/n6 waits until no pod stands on what it takes away; these do:",
                .. Enumerable
                    .Range(0, 5)
                    .Select(i => $"  pod core/upf-{i} net1 in c1 on w1 (10.20.6.{i + 10}) on bond0"),
                "  and 2 more",
                "  to go on now: delete or move these pods; or the same command with --force, which takes it from under them",
            ],
            run.Error.Split('\n')
                .Where(line =>
                    line.StartsWith("  ", StringComparison.Ordinal) || line.Contains("waits", StringComparison.Ordinal)
                )
        );
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Insists_OnlyWhenTold(bool force)
    {
        string[] insisting = force ? ["--force"] : [];
        Assert.Equal(0, (await _weft.RunInGroup(["delete", "l3n", "n6", "--yes", .. insisting])).Exit);
        var sent = Assert.Single(_weft.Weftd.Requests, r => r.StartsWith("DELETE ", StringComparison.Ordinal));
        Assert.Equal(force, sent.Contains("&force=true", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Refuses_WithoutTerminal_UnlessYes()
    {
        var run = await _weft.RunInGroup("delete", "l3n", "n6");
        Assert.Equal((64, "error: there is no terminal to ask on\nnext: add --yes\n"), (run.Exit, run.Error));
        Assert.Empty(Events);
    }

    [Theory]
    [InlineData("y", 0, 2)]
    [InlineData("YES", 0, 2)]
    [InlineData("n", 1, 0)]
    [InlineData("", 1, 0)]
    public async Task Asks_OnATerminal(string answer, int exit, int entries)
    {
        (_weft.IsTerminal, _weft.Input) = (true, answer + "\n");
        _weft.Environment["NO_COLOR"] = "1";
        var run = await _weft.RunInGroup("delete", "l3n", "n6");
        Assert.StartsWith("delete l3networks/n6? [y/N] ", run.Error, StringComparison.Ordinal);
        Assert.Equal((exit, entries), (run.Exit, Events.Count));
    }

    [Theory]
    [InlineData("delete")]
    [InlineData("delete", "l3n")]
    [InlineData("delete", "l3n", "n6", "-f", "site.yaml")]
    [InlineData("delete", "agentpools", "p")]
    public async Task Refuses_ToGuess_WhatIsMeant(params string[] args)
    {
        Assert.Equal(64, (await _weft.RunInGroup([.. args, "-y"])).Exit);
        Assert.Empty(_weft.Weftd.Requests);
    }

    [Theory]
    [InlineData("enable", "Enabled")]
    [InlineData("disable", "Disabled")]
    public async Task Administers_Domain_UntilItIsDone(string verb, string state)
    {
        _weft.Store("Microsoft.ManagedNetworkFabric/l3IsolationDomains/cp");
        var run = await _weft.RunInGroup(verb, "l3isolationdomain", "cp");
        Assert.Equal((0, $"l3isolationdomains/cp {verb}d\n"), (run.Exit, run.Out));
        Assert.Equal(
            state,
            _weft.Weftd.Resources.Values.Single(r => r["name"]!.ToString() == "cp")["properties"]![
                "administrativeState"
            ]!.ToString()
        );
    }

    [Fact]
    public async Task Refuses_ToEnable_WhatCannotBe() =>
        Assert.Equal(64, (await _weft.RunInGroup("enable", "l3n", "n6")).Exit);

    [Fact]
    public async Task Creates_Group_WithItsLocation()
    {
        var run = await _weft.RunInGroup("create", "group", "new", "--location", "lab");
        Assert.Equal((0, "resourcegroups/new created\n"), (run.Exit, run.Out));
        Assert.Equal("lab", _weft.Weftd.Bodies["resourcegroups/new"]["location"]!.ToString());
    }
}
