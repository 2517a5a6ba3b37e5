using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Weft.Tests.Cni;

/// <summary>
/// The program itself, against an agent on a real socket. WEFT_IPAM names another build of it, such as the native one.
/// </summary>
public sealed class ProcessTests
{
    private const string Result = """
        "ips":[{"address":"10.20.6.17/24","gateway":"10.20.6.1"},{"address":"fd20:6::11/64","gateway":"fd20:6::1"}],"dns":{}}

        """;

    [Fact]
    public async Task Returns_Lease_ForAdd()
    {
        using var agent = new StubAgent(Configurations.Lease + "\n");

        var run = await Run("ADD", Configurations.Of("1.1.0", agent.Path));

        Assert.Equal((0, "{\"cniVersion\":\"1.1.0\"," + Result, ""), run);
        Assert.Equal("acquire", JsonNode.Parse(Assert.Single(agent.Requests))!["verb"]!.GetValue<string>());
    }

    [Fact]
    public async Task Returns_Ip4AndIp6_ForVersion020()
    {
        using var agent = new StubAgent(Configurations.Lease + "\n");

        var run = await Run("ADD", Configurations.Of("0.2.0", agent.Path));

        Assert.Equal(
            Configurations.OnOneLine(
                """
                {"cniVersion":"0.2.0",
                "ip4":{"ip":"10.20.6.17/24","gateway":"10.20.6.1"},
                "ip6":{"ip":"fd20:6::11/64","gateway":"fd20:6::1"},
                "dns":{}}
                """
            ) + "\n",
            run.Output
        );
    }

    [Theory]
    [InlineData("DEL", "1.0.0", "release")]
    [InlineData("CHECK", "0.4.0", "check")]
    [InlineData("STATUS", "1.1.0", "status")]
    public async Task Prints_Nothing_ForCommandWithoutResult(string command, string version, string verb)
    {
        using var agent = new StubAgent("{}\n");

        var run = await Run(command, Configurations.Of(version, agent.Path, outside: ",\"prevResult\":{\"ips\":[]}"));

        Assert.Equal((0, "", ""), run);
        Assert.Equal(verb, JsonNode.Parse(Assert.Single(agent.Requests))!["verb"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("ADD", "AddressHeld", 100)]
    [InlineData("ADD", "AddressPoolExhausted", 101)]
    [InlineData("ADD", "AddressNotUsable", 102)]
    [InlineData("CHECK", "Mismatch", 103)]
    [InlineData("CHECK", "ResourceNotFound", 103)]
    [InlineData("ADD", "ReferenceNotFound", 110)]
    [InlineData("ADD", "ServiceUnavailable", 11)]
    [InlineData("DEL", "InternalError", 110)]
    [InlineData("STATUS", "ServiceUnavailable", 50)]
    public async Task Reports_Refusal_ByNumber(string command, string refusal, int code)
    {
        using var agent = new StubAgent(
            $$$"""{"error":{"code":"{{{refusal}}}","message":"because","target":"t"}}""" + "\n"
        );

        var run = await Run(command, Configurations.Of("1.1.0", agent.Path, outside: ",\"prevResult\":{\"ips\":[]}"));

        Assert.Equal(
            (1, $$"""{"cniVersion":"1.1.0","code":{{code}},"msg":"because","details":"{{refusal}}"}""" + "\n", ""),
            run
        );
    }

    [Theory]
    [InlineData("ADD", 11)]
    [InlineData("DEL", 11)]
    [InlineData("CHECK", 11)]
    [InlineData("STATUS", 50)]
    public async Task Reports_AbsentAgent(string command, int code)
    {
        using var agent = new StubAgent("{}\n");
        agent.Kill();
        var configuration = Configurations.Of("1.1.0", agent.Path, outside: ",\"prevResult\":{\"ips\":[]}");

        var refused = await Run(command, configuration);
        var missing = await Run(command, configuration.Replace("agent.sock", "none.sock", StringComparison.Ordinal));

        Assert.Equal((1, code), (refused.Status, Configurations.CodeOf(refused.Output)));
        Assert.Equal("Connection refused", Configurations.TextOf(refused.Output, "details"));
        Assert.Equal((1, code), (missing.Status, Configurations.CodeOf(missing.Output)));
        Assert.Equal("No such file or directory", Configurations.TextOf(missing.Output, "details"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"lease\":")]
    [InlineData("garbage\n")]
    public async Task Returns_TryAgain_WhenResponseIsNone(string answer)
    {
        using var agent = new StubAgent(answer);

        var run = await Run("ADD", Configurations.Of("1.0.0", agent.Path));

        Assert.Equal((1, 11), (run.Status, Configurations.CodeOf(run.Output)));
    }

    [Theory]
    [InlineData("ADD", "{", 6)]
    [InlineData("ADD", """{"cniVersion":"1.0.0"}""", 7)]
    [InlineData("ADD", """{"cniVersion":"2.0.0","name":"n6"}""", 1)]
    [InlineData("CHECK", """{"cniVersion":"0.3.1","name":"n6"}""", 1)]
    [InlineData("STATUS", """{"cniVersion":"1.0.0","name":"n6"}""", 1)]
    [InlineData("ADD", """{"cniVersion":"1.0.0","name":"n6","ipam":{"range":"10.0.0.0/8"}}""", 2)]
    [InlineData("ADD", """{"cniVersion":"1.0.0","name":"n6","ipam":{}}""", 7)]
    [InlineData("GC", """{"cniVersion":"1.1.0","name":"n6","ipam":{}}""", 7)]
    public async Task Refuses_BadConfiguration_ByNumber(string command, string input, int code)
    {
        var run = await Run(command, input);

        Assert.Equal((1, code, ""), (run.Status, Configurations.CodeOf(run.Output), run.Log));
    }

    [Fact]
    public async Task Refuses_MissingVariable_BeforeItReads()
    {
        var run = await Run("ADD", null, environment => environment.Remove("CNI_IFNAME"));

        Assert.Equal((1, 4), (run.Status, Configurations.CodeOf(run.Output)));
        Assert.EndsWith("missing: CNI_IFNAME", Configurations.TextOf(run.Output, "msg"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_InputThatCannotBeRead()
    {
        var run = await Run("ADD", null, program: ["/bin/sh", "-c", "exec \"$0\" < /", IpamProgram.Location]);

        Assert.Equal((1, 5), (run.Status, Configurations.CodeOf(run.Output)));
        Assert.Equal("Is a directory", Configurations.TextOf(run.Output, "details"));
    }

    [Theory]
    [InlineData("""{"cniVersion":"0.4.0"}""", "0.4.0")]
    [InlineData("", "1.1.0")]
    public async Task Prints_Versions_WithoutAnyVariable(string input, string version)
    {
        var run = await Run("VERSION", input, environment => environment.Clear());

        Assert.Equal(
            (
                0,
                $$"""{"cniVersion":"{{version}}","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}"""
                    + "\n",
                ""
            ),
            run
        );
    }

    [Fact]
    public async Task Prints_Versions_WhenInputStaysOpen()
    {
        var run = await Run("VERSION", null);

        Assert.Equal(0, run.Status);
        Assert.Equal("1.1.0", Configurations.TextOf(run.Output, "cniVersion"));
    }

    [Fact]
    public async Task Introduces_Itself_WithoutCommand()
    {
        var run = await Run("", "");

        Assert.Equal((0, "", "weft-ipam: the CNI IPAM plugin of Weft, for CNI 0.1.0 to 1.1.0\n"), run);
    }

    /// <summary>Runs the program.</summary>
    /// <param name="command">CNI_COMMAND.</param>
    /// <param name="input">Stdin; null leaves it open, with nothing in it.</param>
    /// <param name="change">What is different about the environment.</param>
    /// <param name="program">What to start instead of the program.</param>
    /// <returns>What came of it.</returns>
    private static async Task<(int Status, string Output, string Log)> Run(
        string command,
        string? input,
        Action<Dictionary<string, string>>? change = null,
        string[]? program = null
    )
    {
        var environment = Configurations.Environment(command);
        change?.Invoke(environment);
        var start = new ProcessStartInfo(program?[0] ?? IpamProgram.Location, program?[1..] ?? [])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        environment["CNI_COMMAND"] = command;
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var log = process.StandardError.ReadToEndAsync();
        if (input is not null)
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }

        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        return (process.ExitCode, await output, await log);
    }
}
