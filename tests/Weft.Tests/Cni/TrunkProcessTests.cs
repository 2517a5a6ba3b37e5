using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Weft.Tests.Cni;

/// <summary>
/// The program under its other name, with delegates that are programs. Where the kernel has IPVLAN the delegate is
/// Debian's <c>ipvlan</c>; else a script hands the same request to Debian's <c>macvlan</c>, so that interfaces,
/// addresses and their removal are real all the same.
/// </summary>
public sealed class TrunkProcessTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("weft-trunk");
    private readonly string _space = $"weft-trunk-{Environment.ProcessId}-{Guid.NewGuid().ToString("n")[..4]}";
    private readonly List<string> _links = [];

    public TrunkProcessTests() =>
        File.CreateSymbolicLink(Path.Combine(_folder.FullName, "weft-trunk"), Path.GetFullPath(IpamProgram.Location));

    [Fact]
    public void Gives_TheDelegateItsInputEnvironmentAndName()
    {
        Script(
            """
            #!/bin/sh
            printf '%s %s %s %s\n' "$0" "$CNI_COMMAND" "$CNI_IFNAME" "$CNI_ARGS" >>"$LOG"
            cat >>"$LOG"; echo >>"$LOG"
            echo '{"cniVersion":"1.0.0","interfaces":[{"name":"'$CNI_IFNAME'"}],"ips":[]}'

            """
        );
        var run = Run(
            "ADD",
            """{"cniVersion":"1.0.0","name":"ran","master":"ran","vlans":[{"id":602,"network":"/n2"}]}""",
            ("CNI_ARGS", "K8S_POD_NAME=upf-0;IP="),
            ("LOG", Log)
        );
        Assert.Equal(
            (0, """{"cniVersion":"1.0.0","interfaces":[{"name":"net1.602"}],"ips":[],"dns":{}}""" + "\n", ""),
            run
        );
        Assert.Equal(
            [
                $"{_folder.FullName}/ipvlan ADD net1.602 K8S_POD_NAME=upf-0",
                Configurations.OnOneLine(
                    """
                    {"cniVersion":"1.0.0","name":"ran",
                    "type":"ipvlan","master":"ran.602","mode":"l2",
                    "ipam":{"type":"weft-ipam","network":"/n2"}}
                    """
                ),
            ],
            File.ReadAllLines(Log)
        );
    }

    [Fact]
    public void Survives_ADelegateThatReadsNothingAndDies()
    {
        Script("#!/bin/sh\nkill -9 $$\n");
        var run = Run(
            "ADD",
            $$"""{"cniVersion":"1.0.0","name":"ran","master":"ran","vlans":[{"id":602,"network":"/{{new string('n', 200_000)}}"}]}"""
        );
        Assert.Equal((1, 105), (run.Status, Configurations.CodeOf(run.Output)));
        Assert.Contains("status 137", Configurations.TextOf(run.Output, "msg"), StringComparison.Ordinal);
    }

    [Fact]
    public void Reports_ADelegateThatIsNoProgram()
    {
        Script("\u0001 no program");
        var run = Run("DEL", """{"cniVersion":"1.0.0","name":"ran","master":"ran","vlans":[{"id":602}]}""");
        Assert.Equal((1, 105), (run.Status, Configurations.CodeOf(run.Output)));
        Assert.Equal("Exec format error", Configurations.TextOf(run.Output, "details"));
    }

    [Fact]
    public void Introduces_ItselfByTheNameItIsStartedBy() =>
        Assert.Equal(
            (0, "", "weft-trunk: the CNI plugin of Weft for IPVLAN trunks, for CNI 1.0.0 to 1.1.0\n"),
            Run("", "")
        );

    [Fact]
    public void Makes_AndRemoves_AnInterfaceOfEachVlanInAPod()
    {
        var agent = Kernel();
        using (agent)
        {
            var configuration = Trunk(agent.Path, """{"vlans":{"750":["192.0.2.9/24","2001:db8::9/64"]}}""");
            var added = Run("ADD", configuration, Pod);
            Assert.True(added.Status == 0, added.Output + added.Log);
            var result = JsonNode.Parse(added.Output)!;
            Assert.Equal(["net1.602", "net1.750"], result["interfaces"]!.AsArray().Select(i => i!["name"]!.ToString()));
            Assert.Equal(
                ["10.20.6.17/24 0", "fd20:6::11/64 0", "192.0.2.9/24 1", "2001:db8::9/64 1"],
                result["ips"]!.AsArray().Select(i => $"{i!["address"]} {i["interface"]}")
            );
            Assert.Contains("10.20.6.17/24", AddressesOf("net1.602"), StringComparison.Ordinal);
            Assert.Contains("2001:db8::9/64", AddressesOf("net1.750"), StringComparison.Ordinal);

            var check = Run("CHECK", WithResult(configuration, added.Output), Pod);
            Assert.True(check.Status == 0, check.Output);
            Ip("-n", _space, "link", "delete", "net1.750");
            Assert.Equal(1, Run("CHECK", WithResult(configuration, added.Output), Pod).Status);

            // Also what is gone by half, and what is gone whole.
            for (var time = 0; time < 2; time++)
            {
                var deleted = Run("DEL", configuration, Pod);
                Assert.True(deleted.Status == 0, deleted.Output);
                Assert.DoesNotContain("net1", Ip("-n", _space, "-br", "link"), StringComparison.Ordinal);
            }

            Assert.Equal("release", JsonNode.Parse(agent.Requests.Last())!["verb"]!.ToString());
        }
    }

    [Fact]
    public void Leaves_NothingInThePod_WhereOneVlanFails()
    {
        var agent = Kernel();
        using (agent)
        {
            // The second VLAN's parent isn't there.
            Ip("link", "delete", _links[1]);
            var run = Run("ADD", Trunk(agent.Path, """{"vlans":{"750":["192.0.2.9/24"]}}"""), Pod);
            Assert.Equal(1, run.Status);
            Assert.StartsWith("VLAN 750: ", Configurations.TextOf(run.Output, "msg"), StringComparison.Ordinal);
            Assert.DoesNotContain("net1", Ip("-n", _space, "-br", "link"), StringComparison.Ordinal);
            Assert.Equal(
                ["acquire", "release"],
                agent
                    .Requests.Select(r => JsonNode.Parse(r)!["verb"]!.ToString())
                    .Where(v => v is "acquire" or "release")
            );
        }
    }

    public void Dispose()
    {
        foreach (var link in _links)
            Start("ip", ["link", "delete", link], null, []);
        if (_links.Count > 0)
            Start("ip", ["netns", "delete", _space], null, []);
        _folder.Delete(true);
    }

    private string Log => Path.Combine(_folder.FullName, "log");

    private (string, string)[] Pod => [("CNI_NETNS", $"/run/netns/{_space}"), ("CNI_CONTAINERID", "c1")];

    private string Prefix => _links[0][..^4];

    /// <summary>The line about one of the pod's interfaces.</summary>
    private string AddressesOf(string link) =>
        Ip("-n", _space, "-br", "address").Split('\n').Single(line => line.StartsWith(link, StringComparison.Ordinal));

    /// <summary>A pod's namespace, a parent for each of two VLANs, an agent, and the delegate.</summary>
    private StubAgent Kernel()
    {
        const string Plugins = "/usr/lib/cni";
        Assert.SkipUnless(Environment.UserName == "root", "needs root: it makes interfaces");
        Assert.SkipUnless(
            File.Exists($"{Plugins}/ipvlan") && File.Exists($"{Plugins}/static"),
            "containernetworking-plugins isn't installed"
        );
        var prefix = $"wt{Guid.NewGuid().ToString("n")[..5]}";
        Ip("netns", "add", _space);
        foreach (var vlan in new[] { 602, 750 })
        {
            // A veth has a dot in its name as well as a VLAN interface has, and this kernel may have no VLANs.
            _links.Add($"{prefix}.{vlan}");
            Ip("link", "add", $"{prefix}.{vlan}", "type", "veth", "peer", "name", $"{prefix}p{vlan}");
            Ip("link", "set", $"{prefix}.{vlan}", "up");
            Ip("link", "set", $"{prefix}p{vlan}", "up");
        }

        foreach (var file in new[] { "static", "macvlan" })
            File.CreateSymbolicLink(Path.Combine(_folder.FullName, file), $"{Plugins}/{file}");
        File.CreateSymbolicLink(Path.Combine(_folder.FullName, "weft-ipam"), Path.GetFullPath(IpamProgram.Location));
        if (Start("ip", ["link", "add", $"{prefix}x", "link", _links[0], "type", "ipvlan"], null, []).Status == 0)
        {
            Ip("link", "delete", $"{prefix}x");
            File.CreateSymbolicLink(Path.Combine(_folder.FullName, "ipvlan"), $"{Plugins}/ipvlan");
        }
        else
        {
            Script(
                """
                #!/bin/sh
                sed 's/"type":"ipvlan"/"type":"macvlan"/; s/"mode":"l2"/"mode":"bridge"/' | exec "${0%/*}/macvlan"

                """
            );
        }

        return new StubAgent(Configurations.Lease + "\n");
    }

    private string Trunk(string socket, string args) =>
        $$"""
            {
              "cniVersion": "1.0.0",
              "name": "ran",
              "type": "weft-trunk",
              "master": "{{Prefix}}",
              "socket": "{{socket}}",
              "vlans": [{ "id": 602, "mtu": 1400, "network": "{{Configurations.Network}}" }, { "id": 750 }],
              "args": { "cni": {{args}} }
            }
            """;

    private static string WithResult(string configuration, string result)
    {
        var body = JsonNode.Parse(configuration)!;
        body["prevResult"] = JsonNode.Parse(result);
        return body.ToJsonString();
    }

    private void Script(string text)
    {
        var file = Path.Combine(_folder.FullName, "ipvlan");
        File.WriteAllText(file, text);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private (int Status, string Output, string Log) Run(
        string command,
        string input,
        params (string Name, string Value)[] environment
    ) =>
        Start(
            Path.Combine(_folder.FullName, "weft-trunk"),
            [],
            input,
            [
                .. Configurations.Environment(command).Select(v => (v.Key, v.Value)),
                ("CNI_PATH", $"/nowhere:{_folder.FullName}"),
                ("CNI_COMMAND", command),
                .. environment,
            ]
        );

    private static string Ip(params string[] arguments)
    {
        var (status, output, log) = Start("ip", arguments, null, []);
        Assert.True(status == 0, $"ip {string.Join(' ', arguments)}: {log}");
        return output;
    }

    private static (int Status, string Output, string Log) Start(
        string program,
        string[] arguments,
        string? input,
        (string Name, string Value)[] environment
    )
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var log = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        process.WaitForExit();
        return (process.ExitCode, output.GetAwaiter().GetResult(), log.GetAwaiter().GetResult());
    }
}
