namespace Weft.Tests.Cli;

/// <summary>Colours, completion and help.</summary>
public sealed class TerminalTests : IDisposable
{
    private readonly CommandLine _weft = new();

    public TerminalTests() => _weft.Store("Microsoft.NetworkCloud/l3Networks/n6");

    public void Dispose() => _weft.Dispose();

    [Fact]
    public async Task Paints_OnATerminal_Only()
    {
        Assert.DoesNotContain('\u001b', (await _weft.RunInGroup("get", "l3n")).Out);
        _weft.IsTerminal = true;
        Assert.Contains("\u001b[1mNAME", (await _weft.RunInGroup("get", "l3n")).Out, StringComparison.Ordinal);
        Assert.Contains("\u001b[", (await _weft.RunInGroup("get", "nonsense")).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1", false)]
    [InlineData("", true)]
    public async Task Obeys_NoColour_OfTheEnvironment(string value, bool painted)
    {
        _weft.IsTerminal = true;
        _weft.Environment["NO_COLOR"] = value;
        Assert.Equal(painted, (await _weft.RunInGroup("get", "l3n")).Out.Contains('\u001b', StringComparison.Ordinal));
    }

    [Fact]
    public async Task Obeys_NoColour_OfTheCommandLine()
    {
        _weft.IsTerminal = true;
        Assert.DoesNotContain('\u001b', (await _weft.RunInGroup("get", "l3n", "--no-color")).Out);
    }

    [Fact]
    public async Task Spins_ThroughAWholeApply()
    {
        _weft.IsTerminal = true;
        var groups =
            "id: /subscriptions/sub/resourceGroups/one\nlocation: lab\n---\nid: /subscriptions/sub/resourceGroups/two\nlocation: lab\n";
        var run = await _weft.RunInGroup("apply", "-f", _weft.WriteFile("groups.yaml", groups));
        Assert.Equal(0, run.Exit);
        Assert.Contains("2 created", run.Out + run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keeps_LongLines_Whole()
    {
        _weft.IsTerminal = true;
        var name = new string('x', 300);
        Assert.Contains(
            $"error: there is no kind '{name}'",
            (await _weft.RunInGroup("get", name)).Error,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("weft ", "apply")]
    [InlineData("weft g", "get")]
    [InlineData("weft get l3", "l3networks")]
    [InlineData("./bin/weft get l3", "l3isolationdomains")]
    [InlineData("weft config u", "use-context")]
    [InlineData("weft get --clu", "--cluster")]
    public async Task Completes_CommandsAndKinds_WithoutTheServer(string line, string suggestion)
    {
        var run = await _weft.RunBare($"[suggest:{line.Length}]", line);
        Assert.Contains(suggestion, run.Out.Split('\n'));
        Assert.Empty(_weft.Weftd.Requests);
    }

    [Fact]
    public async Task Completes_Names_FromTheServer()
    {
        const string line = "weft show l3n n -s sub -g site";
        var run = await _weft.RunBare("[suggest:15]", line);
        Assert.Contains("n6", run.Out.Split('\n'));
    }

    [Fact]
    public async Task Completes_NothingAndPrintsNothing_WhereTheServerIsAway()
    {
        _weft.Weftd.CannedResponses["/"] = _ => throw new HttpRequestException("away");
        var run = await _weft.RunBare("[suggest:15]", "weft show l3n n -s sub -g site");
        Assert.Equal((0, ""), (run.Exit, run.Error));
        Assert.DoesNotContain("n6", run.Out.Split('\n'));
    }

    [Theory]
    [InlineData("bash", "complete -F _weft_complete")]
    [InlineData("zsh", "compdef _weft weft")]
    public async Task Prints_CompletionScript(string shell, string line)
    {
        var run = await _weft.RunBare("completion", shell);
        Assert.Equal(0, run.Exit);
        Assert.Contains(line, run.Out, StringComparison.Ordinal);
        Assert.Contains("[suggest:${#line}]", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Helps_WithoutAskingTheServer()
    {
        var run = await _weft.RunInGroup("get", "--help");
        Assert.Contains("weft get <KIND> [<NAME>...] [options]", run.Out, StringComparison.Ordinal);
        Assert.Empty(_weft.Weftd.Requests);
    }
}
