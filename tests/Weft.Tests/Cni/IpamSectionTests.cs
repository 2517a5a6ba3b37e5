using System.Text.Json;
using Weft.Cni;

namespace Weft.Tests.Cni;

/// <summary>
/// What of the configuration is ours: the <c>ipam</c> section, its routes, and the addresses named elsewhere.
/// </summary>
public sealed class IpamSectionTests
{
    [Fact]
    public void Defaults_Socket_ToTheAgentsOwn()
    {
        Assert.True(TryReadIpam($$"""{"network":"{{Configurations.Network}}"}""", Command.Add, out var section, out _));

        Assert.Equal(new IpamSection(Configurations.Network, "/run/weft/agent.sock"), section);
    }

    [Theory]
    [InlineData("subnet", "\"10.0.0.0/24\"")]
    [InlineData("Network", "null")]
    [InlineData("capabilities", "{\"ips\":true}")]
    public void Refuses_UnknownIpamMember(string name, string value)
    {
        Assert.False(
            TryReadIpam(
                $$"""{"network":"{{Configurations.Network}}","{{name}}":{{value}}}""",
                Command.Delete,
                out _,
                out var error
            )
        );

        Assert.Equal(ErrorCode.UnsupportedMember, error?.Code);
        Assert.Contains($"'ipam.{name}'", error!.Message, StringComparison.Ordinal);
        Assert.EndsWith(value, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{\"network\":\"\"}")]
    [InlineData("{\"network\":null}")]
    [InlineData("{\"network\":\"n6\"}")]
    [InlineData("{\"network\":\"/subscriptions/s/resourceGroups/g/providers/x\"}")]
    public void Refuses_Ipam_WithoutNetwork(string ipam)
    {
        Assert.False(TryReadIpam(ipam, Command.Add, out _, out var error));

        Assert.Equal(ErrorCode.InvalidConfiguration, error?.Code);
        Assert.Contains("'ipam.network'", error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Needs_NoNetwork_ForStatus() => Assert.True(TryReadIpam("{}", Command.Status, out _, out _));

    [Theory]
    [InlineData("")]
    [InlineData("agent.sock")]
    [InlineData("/a\\u0000b")]
    public void Refuses_Socket_ThatIsNoPath(string socket)
    {
        Assert.False(
            TryReadIpam(
                $$"""{"network":"{{Configurations.Network}}","socket":"{{socket}}"}""",
                Command.Add,
                out _,
                out var error
            )
        );

        Assert.Equal(ErrorCode.InvalidConfiguration, error?.Code);
        Assert.Contains("'ipam.socket'", error!.Message, StringComparison.Ordinal);
    }

    // A path that is too long would be a fault of the socket's, not of the configuration's.
    [Theory]
    [InlineData('a', 106, true)]
    [InlineData('a', 107, false)]
    [InlineData('ä', 53, true)]
    [InlineData('ä', 54, false)]
    public void Accepts_Socket_OfAtMost107Bytes(char letter, int letters, bool taken)
    {
        var socket = "/" + new string(letter, letters);

        Assert.Equal(
            taken,
            TryReadIpam(
                $$"""{"network":"{{Configurations.Network}}","socket":"{{socket}}"}""",
                Command.Add,
                out _,
                out var error
            )
        );
        Assert.Equal(taken ? null : ErrorCode.InvalidConfiguration, error?.Code);
    }

    [Theory]
    [InlineData("{}", null)]
    [InlineData("""{"args":{"cni":{"ips":["10.0.0.1"]}}}""", null)]
    [InlineData("""{"args":{"cni":{"claim":"vm-a.1"}}}""", "vm-a.1")]
    public void Reads_TheClaim_OfThePodsAnnotation(string root, string? expected)
    {
        Assert.True(PodClaim.TryRead(Root(root), out var claim, out _));

        Assert.Equal(expected, claim);
    }

    [Theory]
    [InlineData("")]
    [InlineData("VM")]
    [InlineData("other/vm")]
    public void Refuses_AClaim_ThatIsNone(string claim)
    {
        Assert.False(
            PodClaim.TryRead(Root("{\"args\":{\"cni\":{\"claim\":\"" + claim + "\"}}}"), out _, out var error)
        );

        Assert.Equal(ErrorCode.InvalidConfiguration, error.Code);
        Assert.Contains("'args.cni.claim'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[{\"gw\":\"10.0.0.1\"}]")]
    [InlineData("[{\"dst\":\"10.0.0.0\"}]")]
    [InlineData("[{\"dst\":\"10.0.0.7/24\"}]")]
    [InlineData("[{\"dst\":\"010.0.0.0/24\"}]")]
    [InlineData("[{\"dst\":\"10.0.0.0/24\",\"gw\":\"10.0.0\"}]")]
    [InlineData("[\"10.0.0.0/24\"]")]
    public void Refuses_Route_ThatIsNone(string routes)
    {
        Assert.False(ConfiguredRoutes.TryRead(Root($$$"""{"ipam":{"routes":{{{routes}}}}}"""), out _, out var error));

        Assert.Equal(ErrorCode.InvalidConfiguration, error.Code);
        Assert.StartsWith("'ipam.routes[0]' is ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_UnknownRouteMember()
    {
        Assert.False(
            ConfiguredRoutes.TryRead(
                Root("""{"ipam":{"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0","mtu":1400}]}}"""),
                out _,
                out var error
            )
        );

        Assert.Equal(ErrorCode.UnsupportedMember, error.Code);
        Assert.Equal("'ipam.routes[1].mtu' is no member weft-ipam knows; its value is 1400", error.Message);
    }

    [Theory]
    [InlineData(
        """{"runtimeConfig":{"ips":["10.0.0.1/24"]},"args":{"cni":{"ips":["10.0.0.2"]}}}""",
        "10.0.0.3",
        "10.0.0.1"
    )]
    [InlineData("""{"runtimeConfig":{"ips":[]},"args":{"cni":{"ips":["10.0.0.2"]}}}""", "10.0.0.3", "10.0.0.2")]
    [InlineData("""{"runtimeConfig":{"mac":"02:00:00:00:00:01"},"args":{"cni":{}}}""", "10.0.0.3", "10.0.0.3")]
    [InlineData("""{"runtimeConfig":null,"args":{"cni":{"ips":null}}}""", "10.0.0.3/8,FD00:0::3", "10.0.0.3 fd00::3")]
    [InlineData("""{}""", null, "")]
    public void Reads_RequestedAddresses_FromFirstThatIsThere(string root, string? ip, string expected)
    {
        Assert.True(
            RequestedAddresses.TryReadRequested(
                Root(root),
                new RuntimeArguments(null, null, null, ip),
                out var addresses,
                out _
            )
        );

        Assert.Equal(expected, string.Join(' ', addresses));
    }

    [Theory]
    [InlineData("10.0.0")]
    [InlineData("10.0.0.01")]
    [InlineData("10.0.0.1/33")]
    [InlineData("10.0.0.1/+8")]
    [InlineData("10.0.0.1/")]
    [InlineData("fd00::1%eth0")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData(" 10.0.0.1")]
    public void Refuses_RequestedAddress_ThatIsNone(string text)
    {
        var root = Root($$$"""{"runtimeConfig":{"ips":["10.0.0.9","{{{text}}}"]}}""");

        Assert.False(
            RequestedAddresses.TryReadRequested(
                root,
                new RuntimeArguments(null, null, null, null),
                out _,
                out var error
            )
        );
        Assert.Equal(ErrorCode.InvalidConfiguration, error.Code);
        Assert.StartsWith("runtimeConfig.ips: ", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        """{"prevResult":{"ips":[{"version":"4","address":"10.0.0.1/24"},{"address":"fd00::1/64"}]}}""",
        "10.0.0.1 fd00::1"
    )]
    [InlineData("""{"prevResult":{}}""", "")]
    public void Reads_AddressesOfPrevResult(string root, string expected)
    {
        Assert.True(RequestedAddresses.TryReadPrevious(Root(root), out var addresses, out _));

        Assert.Equal(expected, string.Join(' ', addresses));
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"prevResult":null}""")]
    [InlineData("""{"prevResult":{"ips":[{"gateway":"10.0.0.1"}]}}""")]
    [InlineData("""{"prevResult":{"ips":["10.0.0.1/24"]}}""")]
    public void Refuses_PrevResult_WithoutAddresses(string root)
    {
        Assert.False(RequestedAddresses.TryReadPrevious(Root(root), out _, out var error));

        Assert.Equal(ErrorCode.InvalidConfiguration, error.Code);
    }

    private static JsonElement Root(string text) => JsonElement.Parse(text);

    private static bool TryReadIpam(string ipam, Command command, out IpamSection? section, out CniError? error) =>
        IpamSection.TryRead(Root($$$"""{"ipam":{{{ipam}}}}"""), command, out section, out error);
}
