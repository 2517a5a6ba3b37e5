using System.Text;
using Weft.Cni;

namespace Weft.Tests.Cni;

public sealed class NetworkConfigurationTests
{
    [Theory]
    [InlineData("")]
    [InlineData("garbage")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"name\":\"n6\"} x")]
    [InlineData("{\"name\":\"n6\",}")]
    [InlineData("{\"name\":6}")]
    [InlineData("{\"name\":\"n6\",\"cniVersion\":1}")]
    [InlineData("{\"name\":\"\\ud800\"}")]
    [InlineData("{\"name\":\"n6\",\"ipam\":{\"\\udc00\":1}}")]
    public void Refuses_Input_ThatIsNoConfiguration(string text)
    {
        Assert.False(NetworkConfiguration.TryParse(Encoding.UTF8.GetBytes(text), out _, out var error));

        Assert.Equal(ErrorCode.UndecodableInput, error.Code);
    }

    [Fact]
    public void Refuses_Input_ThatIsNoUtf8()
    {
        byte[] text = [.. "{\"name\":\"n"u8, 0xff, .. "\"}"u8];

        Assert.False(NetworkConfiguration.TryParse(text, out _, out var error));

        Assert.Equal("it is no UTF-8", error.Details);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{\"name\":null}")]
    [InlineData("{\"name\":\"\"}")]
    [InlineData("{\"name\":\"/n6\"}")]
    [InlineData("{\"name\":\"n 6\"}")]
    public void Refuses_BadName(string text) =>
        Assert.Equal(ErrorCode.InvalidConfiguration, Parse(text).FindInvalidName()?.Code);

    [Theory]
    [InlineData("")]
    [InlineData("\"cniVersion\":null,")]
    [InlineData("\"cniVersion\":\"\",")]
    public void Treats_AbsentVersion_As010(string member)
    {
        Assert.True(
            Parse($$"""{{{member}}"name":"n6"}""")
                .TryGetVersion(Command.Add, CniVersion.Supported, out var version, out _)
        );

        Assert.Equal("0.1.0", version.Text);
    }

    [Theory]
    [InlineData("0.3.2")]
    [InlineData("1.2.0")]
    [InlineData("1.0")]
    [InlineData("v1.0.0")]
    [InlineData("1.0.0 ")]
    public void Refuses_Version_ThatIsNotServed(string text)
    {
        Assert.False(
            Parse($$"""{"cniVersion":"{{text}}","name":"n6"}""")
                .TryGetVersion(Command.Add, CniVersion.Supported, out _, out var error)
        );

        Assert.Equal(ErrorCode.IncompatibleVersion, error.Code);
        Assert.Contains($"'{text}'", error.Message, StringComparison.Ordinal);
        Assert.Equal("served are 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0", error.Details);
    }

    [Theory]
    [InlineData("CHECK", "0.1.0", false)]
    [InlineData("CHECK", "0.3.1", false)]
    [InlineData("CHECK", "0.4.0", true)]
    [InlineData("CHECK", "1.1.0", true)]
    [InlineData("STATUS", "0.4.0", false)]
    [InlineData("STATUS", "1.0.0", false)]
    [InlineData("STATUS", "1.1.0", true)]
    [InlineData("GC", "1.0.0", false)]
    [InlineData("GC", "1.1.0", true)]
    [InlineData("ADD", "0.1.0", true)]
    [InlineData("DEL", "0.1.0", true)]
    public void Supports_Command_SinceVersion(string command, string version, bool known)
    {
        var verb = Invocation.Read(command, _ => null).Command;

        Assert.Equal(
            known,
            Parse($$"""{"cniVersion":"{{version}}","name":"n6"}""")
                .TryGetVersion(verb, CniVersion.Supported, out _, out var error)
        );
        Assert.Equal(known ? null : ErrorCode.IncompatibleVersion, error?.Code);
    }

    private static NetworkConfiguration Parse(string text)
    {
        Assert.True(NetworkConfiguration.TryParse(Encoding.UTF8.GetBytes(text), out var configuration, out _));
        return configuration;
    }
}
