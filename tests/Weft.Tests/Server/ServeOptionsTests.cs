using Microsoft.Extensions.Logging;
using Weft.Server;

namespace Weft.Tests.Server;

public sealed class ServeOptionsTests
{
    [Theory]
    [InlineData("--relay-listen 127.0.0.1:7434", "ws://127.0.0.1:7434")]
    [InlineData("--relay-listen [::1]:7434", "ws://[::1]:7434")]
    [InlineData(
        "--relay-listen 0.0.0.0:7434 --relay-tls-cert FILE --relay-tls-key FILE --relay-address relay.example",
        "wss://relay.example:7434"
    )]
    [InlineData(
        "--relay-listen 0.0.0.0:7434 --relay-tls-cert FILE --relay-tls-key FILE --relay-address relay.example:443",
        "wss://relay.example"
    )]
    [InlineData(
        "--relay-listen 0.0.0.0:7434 --tls-cert FILE --tls-key FILE --relay-address [2001:db8::7]:8443",
        "wss://[2001:db8::7]:8443"
    )]
    [InlineData("--relay-listen 192.0.2.7:7434 --relay-plain-http", "ws://192.0.2.7:7434")]
    [InlineData(
        "--relay-listen 192.0.2.7:7434 --relay-plain-http --relay-address relay.example:443 --relay-proxies 192.0.2.0/24,2001:db8::/32",
        "wss://relay.example"
    )]
    public void Reads_WhereTheRelayIs(string line, string address)
    {
        var options = ServeOptions.Read(Arguments(line)).Value;
        var reached = options.Relay!.PublicAddressOf(options.Relay.ListenEndpoint.Port);
        Assert.Equal(address, $"{reached.Scheme}://{reached.Authority}");
    }

    [Theory]
    [InlineData("--relay-listen 192.0.2.7:7434", "--relay-tls-cert and --relay-tls-key")]
    [InlineData("--relay-listen 0.0.0.0:7434 --relay-plain-http", "--relay-address HOST:PORT")]
    [InlineData("--relay-listen 7434", "'7434' is no address and port")]
    [InlineData("--relay-address relay.example", "there is none without --relay-listen")]
    [InlineData("--relay-listen 127.0.0.1:0 --relay-address relay.example:0", "'relay.example:0' is no host and port")]
    [InlineData("--relay-listen 127.0.0.1:0 --relay-address relay.example:70000", "no host and port")]
    [InlineData("--relay-listen 127.0.0.1:0 --relay-address https://relay.example", "no host and port")]
    [InlineData("--relay-listen 127.0.0.1:0 --relay-address 2001:db8::7", "no host and port")]
    [InlineData("--relay-listen 127.0.0.1:0 --relay-proxies 10.0.0.1/8", "'10.0.0.0/8'")]
    [InlineData("--relay-listen 127.0.0.1:0 --relay-proxies 10.0.0.0/8,", "no IP address")]
    [InlineData("--relay-listen 127.0.0.1:0 --relay-tls-cert FILE", "go together")]
    [InlineData(
        "--relay-listen 127.0.0.1:0 --relay-tls-cert /nowhere --relay-tls-key FILE",
        "there is no file '/nowhere'"
    )]
    public void Refuses_RelayThatCouldNotBeReachedSafely(string line, string because) =>
        Assert.Contains(
            because,
            Assert.Single(ServeOptions.Read(Arguments(line)).Refusal!.Findings).Message,
            StringComparison.Ordinal
        );

    [Theory]
    [InlineData("--relay-host-names relay.example:443", "'relay.example:443' is no host")]
    [InlineData("--relay-host-names relay.example,", "'' is no host")]
    [InlineData("--relay-host-names https://relay.example", "is no host")]
    [InlineData("--relay-host-suffix .relay.example", "'.relay.example' is no domain")]
    [InlineData("--relay-host-suffix 192.0.2.7", "'192.0.2.7' is no domain")]
    [InlineData("--relay-host-suffix relay.example:443", "is no domain")]
    [InlineData("--relay-default-namespace a/b", "'a/b' is no name of a namespace")]
    [InlineData("--relay-default-namespace short", "'short' is no name of a namespace")]
    public void Refuses_NamesOfTheRelayThatAreNone(string line, string because) =>
        Assert.Contains(
            because,
            Assert.Single(ServeOptions.Read(Arguments($"--relay-listen 127.0.0.1:0 {line}")).Refusal!.Findings).Message,
            StringComparison.Ordinal
        );

    /// <summary>Whether a token for a host is one for this relay.</summary>
    [Theory]
    [InlineData("--relay-listen 127.0.0.1:7434", "127.0.0.1,localhost,[::1]", "relay.example,192.0.2.7")]
    [InlineData("--relay-listen 127.0.0.1:7434 --relay-address relay.example", "relay.example,localhost", "x.example")]
    [InlineData(
        "--relay-listen 0.0.0.0:7434 --relay-plain-http --relay-address relay.example",
        "relay.example,localhost",
        "0.0.0.0,192.0.2.7"
    )]
    [InlineData(
        "--relay-listen 192.0.2.7:7434 --relay-plain-http --relay-address [2001:db8::7]:443",
        "192.0.2.7,[2001:db8::7]",
        "localhost,127.0.0.1"
    )]
    [InlineData(
        "--relay-listen 192.0.2.7:7434 --relay-plain-http --relay-host-names Alias.example,[2001:db8::8],192.0.2.9",
        "alias.example,[2001:db8::8],192.0.2.9,192.0.2.7",
        "localhost"
    )]
    [InlineData(
        "--relay-listen 192.0.2.7:7434 --relay-plain-http --relay-host-suffix relays.example",
        "192.0.2.7",
        "relays.example,a.b.relays.example"
    )]
    public void Knows_TheNamesOfTheRelay(string line, string names, string others)
    {
        var hosts = ServeOptions.Read(Arguments(line)).Value.Relay!.HostsOf(7434);
        Assert.All(names.Split(','), name => Assert.True(hosts.Covers(name, "", "any/path")));
        Assert.All(others.Split(','), name => Assert.Null(hosts.Covers(name, "", "any/path")));
    }

    [Fact]
    public void Keeps_AutomaticConnectionsOutOfTheDefaultNamespace()
    {
        var line = "--relay-listen 127.0.0.1:7434 --relay-default-namespace nstest01";
        var hosts = ServeOptions.Read(Arguments(line)).Value.Relay!.HostsOf(7434);
        Assert.Equal("nstest01/camera", hosts.TargetOf("localhost:7434", "camera").Path);
        Assert.Equal("weft/a/b/c/d", hosts.TargetOf("localhost:7434", "weft/a/b/c/d").Path);
    }

    [Fact]
    public void Reads_HowTheRecordIsKept()
    {
        var options = ServeOptions.Read(
            Arguments(
                "--audit-max-size 2GiB --audit-max-age 36h --audit-keep 3 --audit-also leases,reads --audit-syslog /dev/log"
            )
        );
        Assert.Equal(
            new AuditServeOptions
            {
                MaxSize = 2L << 30,
                MaxAge = TimeSpan.FromHours(36),
                Keep = 3,
                Also = AuditAlso.Leases | AuditAlso.Reads,
                Syslog = new System.Net.Sockets.UnixDomainSocketEndPoint("/dev/log"),
            },
            options.Value.Audit
        );
        Assert.Equal(new AuditServeOptions(), ServeOptions.Read(Arguments("--plain-http")).Value.Audit);
    }

    [Theory]
    [InlineData("--audit-max-size 1", "'1' is no size from 1MiB to 4GiB")]
    [InlineData("--audit-max-size 1023KiB", "is no size")]
    [InlineData("--audit-max-size 5GiB", "is no size")]
    [InlineData("--audit-max-size -1MiB", "is no size")]
    [InlineData("--audit-max-age 0m", "'0m' is no age from 1m to 365d")]
    [InlineData("--audit-max-age 366d", "is no age")]
    [InlineData("--audit-max-age 7", "is no age")]
    [InlineData("--audit-keep 0", "from 1 to 99")]
    [InlineData("--audit-keep 100", "from 1 to 99")]
    [InlineData("--audit-also reads,writes", "'writes' is none of reads, leases, reports")]
    [InlineData("--audit-syslog here", "'here' is no socket and no address with a port")]
    [InlineData("--audit-syslog 192.0.2.9:0", "is no socket")]
    [InlineData("--audit-syslog syslog.example:514", "is no socket")]
    [InlineData("--audit-syslog 2001:db8::9", "is no socket")]
    [InlineData("--public-address weft.example", "'weft.example' is no address")]
    [InlineData("--public-address https://weft.example/path", "is no address")]
    public void Refuses_ARecordThatCantBeKept(string line, string because) =>
        Assert.Contains(
            because,
            Assert.Single(ServeOptions.Read(Arguments(line)).Refusal!.Findings).Message,
            StringComparison.Ordinal
        );

    [Fact]
    public void Reports_AllMistakesAtOnce() =>
        Assert.Equal(
            4,
            ServeOptions
                .Read([
                    "--listen",
                    "nowhere",
                    "--relay-listen",
                    "0.0.0.0:1",
                    "--relay-proxies",
                    "x",
                    "--relay-plain-http",
                ])
                .Refusal!.Findings.Length
        );

    [Theory]
    [InlineData("--nonsense")]
    [InlineData("extra")]
    [InlineData("--")]
    [InlineData("--limits:x")]
    [InlineData("--plain-http=true")]
    [InlineData("@/etc/hostname")]
    [InlineData("-h")]
    [InlineData("--help")]
    public void Refuses_WordsThatAreNoOption(string word) =>
        Assert.Equal(
            $"there is no option '{word}'",
            Assert.Single(ServeOptions.Read(["--data", "/tmp", word]).Refusal!.Findings).Message
        );

    [Fact]
    public void Refuses_OptionWithoutItsValue() =>
        Assert.Equal(
            ["--data needs a value", "--data DIR is required"],
            ServeOptions.Read(["--data"]).Refusal!.Findings.Select(finding => finding.Message)
        );

    [Fact]
    public void Takes_TheLastValueOfAnOption()
    {
        var options = ServeOptions.Read(["--data=/a=b:c", "--listen", "nowhere", "--listen=[::1]:1"]).Value;
        Assert.Equal(("/a=b:c", "[::1]:1"), (options.Data, options.Listen.ToString()));
    }

    [Theory]
    [InlineData("--data DIR             all state; made if it isn't there (mode 0700)")]
    [InlineData("--plain-http           listen without TLS")]
    [InlineData("--relay-proxies CIDR,…       load balancers before it")]
    [InlineData("--relay-plain-http           listen without TLS")]
    public void Describes_OptionsBelowEachOther(string line) =>
        Assert.Contains($"\n  {line}", ServeCommand.Usage, StringComparison.Ordinal);

    [Fact]
    public void Serves_NoRelayUnlessTold() => Assert.Null(ServeOptions.Read(["--data", "/tmp"]).Value.Relay);

    [Theory]
    [InlineData("--listen 127.0.0.1:0", LogLevel.Information)]
    [InlineData("--log-level debug", LogLevel.Debug)]
    [InlineData("--log-level=error", LogLevel.Error)]
    public void Reads_FromWhichLevelOnToLog(string line, LogLevel level) =>
        Assert.Equal(level, ServeOptions.Read(Arguments(line)).Value.LogLevel);

    [Fact]
    public void Refuses_LevelThatIsNone() =>
        Assert.Equal(
            "--log-level: 'loud' is no level; write trace|debug|info|warn|error",
            Assert.Single(ServeOptions.Read(Arguments("--log-level loud")).Refusal!.Findings).Message
        );

    private static string[] Arguments(string line) =>
        [
            "--data",
            "/tmp",
            .. line.Replace("FILE", typeof(ServeOptionsTests).Assembly.Location, StringComparison.Ordinal).Split(' '),
        ];
}
