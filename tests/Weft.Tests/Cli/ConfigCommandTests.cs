using System.Text.Json.Nodes;

namespace Weft.Tests.Cli;

public sealed class ConfigCommandTests : IDisposable
{
    private readonly CommandLine _weft = new();

    public ConfigCommandTests() => _weft.Environment.Remove("WEFT_SERVER");

    public void Dispose() => _weft.Dispose();

    private string ConfigFile => _weft.PathOf("config/weft/config.json");

    [Fact]
    public async Task Keeps_Contexts_ForTheirOwnerOnly()
    {
        await _weft.RunBare(
            "config",
            "set-context",
            "lab",
            "--server",
            "https://weftd:8443/",
            "--token-file",
            _weft.PathOf("admin.token"),
            "-s",
            "sub"
        );
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, CommandLine.Mode(ConfigFile));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            CommandLine.Mode(Path.GetDirectoryName(ConfigFile)!)
        );
        Assert.Equal([ConfigFile], Directory.GetFiles(Path.GetDirectoryName(ConfigFile)!));
        var file = JsonNode.Parse(File.ReadAllText(ConfigFile))!;
        Assert.Equal("lab", file["currentContext"]!.ToString());
        Assert.Equal("https://weftd:8443", file["contexts"]!["lab"]!["server"]!.ToString());
        Assert.DoesNotContain(CommandLine.Secret, File.ReadAllText(ConfigFile), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Changes_OnlyWhatIsGiven_OfAContext()
    {
        await _weft.RunBare("config", "set-context", "lab", "--server", "http://a", "-s", "sub", "-g", "site");
        await _weft.RunBare("config", "set-context", "lab", "-g", "other");
        var context = JsonNode.Parse(File.ReadAllText(ConfigFile))!["contexts"]!["lab"]!;
        Assert.Equal(
            ("http://a", "sub", "other"),
            (context["server"]!.ToString(), context["subscription"]!.ToString(), context["resourceGroup"]!.ToString())
        );
    }

    [Fact]
    public async Task Lists_Contexts_MarkingTheCurrentOne()
    {
        await _weft.RunBare("config", "set-context", "b", "--server", "http://b", "-s", "s2");
        await _weft.RunBare("config", "set-context", "a", "--server", "http://a");
        var run = await _weft.RunBare("config", "get-contexts");
        Assert.Equal(
            "CURRENT   NAME   SERVER     SUBSCRIPTION   GROUP   TOKEN-FILE\n"
                + "          a      http://a   -              -       -\n"
                + "*         b      http://b   s2             -       -\n",
            run.Out
        );
    }

    [Fact]
    public async Task Uses_ContextOfOption_BeforeEnvironmentBeforeFile()
    {
        foreach (var name in new[] { "one", "two", "three" })
            await _weft.RunBare("config", "set-context", name, "--server", $"http://{name}.example");
        Assert.Equal("one\n", (await _weft.RunBare("config", "current-context")).Out);
        _weft.Environment["WEFT_CONTEXT"] = "two";
        Assert.Contains(
            "http://two.example (context two)",
            (await _weft.RunBare("version")).Out,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "http://three.example",
            (await _weft.RunBare("version", "--context", "three")).Out,
            StringComparison.Ordinal
        );
        _weft.Environment["WEFT_SERVER"] = "http://four.example";
        Assert.Contains("http://four.example", (await _weft.RunBare("version")).Out, StringComparison.Ordinal);
        Assert.Contains(
            "http://five.example",
            (await _weft.RunBare("version", "--server", "http://five.example")).Out,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Forgets_CurrentContext_WithItsDeletion()
    {
        await _weft.RunBare("config", "set-context", "lab", "--server", "http://a");
        Assert.Equal(0, (await _weft.RunBare("config", "delete-context", "lab")).Exit);
        var run = await _weft.RunBare("config", "current-context");
        Assert.Equal(
            (1, "error: there is no current context\nnext: weft config use-context NAME\n"),
            (run.Exit, run.Error)
        );
    }

    [Theory]
    [InlineData("use-context")]
    [InlineData("delete-context")]
    public async Task Refuses_UnknownContext_NamingTheKnown(string verb)
    {
        await _weft.RunBare("config", "set-context", "lab", "--server", "http://a");
        var run = await _weft.RunBare("config", verb, "lap");
        Assert.Equal((1, "error: there is no context 'lap'\nnext: contexts: lab\n"), (run.Exit, run.Error));
    }

    [Fact]
    public async Task Refuses_BrokenFile_WithoutTouchingIt()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(ConfigFile)!);
        File.WriteAllText(ConfigFile, "{ broken");
        var run = await _weft.RunBare("config", "set-context", "lab", "--server", "http://a");
        Assert.Equal(1, run.Exit);
        Assert.Contains($"the contexts in {ConfigFile} cannot be read", run.Error, StringComparison.Ordinal);
        Assert.Equal("{ broken", File.ReadAllText(ConfigFile));
    }

    [Fact]
    public async Task Keeps_TokenOfContext_FromAnotherServer()
    {
        _weft.Environment.Remove("WEFT_TOKEN_FILE");
        await _weft.RunBare(
            "config",
            "set-context",
            "lab",
            "--server",
            "http://127.0.0.1:7400",
            "--token-file",
            _weft.PathOf("admin.token"),
            "-s",
            "sub"
        );
        Assert.Equal(0, (await _weft.RunBare("get", "groups")).Exit);
        var run = await _weft.RunBare("get", "groups", "--server", "http://127.0.0.1:7401");
        Assert.Equal(1, run.Exit);
        Assert.StartsWith(
            "error: no token file is named for http://127.0.0.1:7401\n",
            run.Error,
            StringComparison.Ordinal
        );
        Assert.Single(_weft.Weftd.Requests);
    }

    [Theory]
    [InlineData("weftd:8443")]
    [InlineData("ftp://weftd")]
    [InlineData("http://user:secret@weftd")]
    public async Task Refuses_ServerAddress_ThatIsNone(string address)
    {
        var run = await _weft.RunBare("config", "set-context", "lab", "--server", address);
        Assert.Equal((64, false), (run.Exit, File.Exists(ConfigFile)));
    }
}
