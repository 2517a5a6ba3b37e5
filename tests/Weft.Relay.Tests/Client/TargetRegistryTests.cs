using System.Collections.Immutable;
using Weft.Relay.Client;

namespace Weft.Relay.Tests.Client;

public sealed class TargetRegistryTests
{
    [Theory]
    [InlineData("127.0.0.1:22")]
    [InlineData("[::1]:22")]
    [InlineData("10.0.0.1:6443")]
    [InlineData("kubernetes.default.svc:443")]
    [InlineData("[fd00::1]:22")]
    public void Accepts_CompleteAddresses(string place) => Assert.Empty(Faults(place));

    [Theory]
    [InlineData("127.1:22")]
    [InlineData("0x7f.1:22")]
    [InlineData("2130706433:22")]
    [InlineData("0177.0.0.1:22")]
    [InlineData("127.0.0.01:22")]
    [InlineData("host")]
    [InlineData("host:0")]
    [InlineData("host:65536")]
    [InlineData("host:022")]
    [InlineData("host:+22")]
    [InlineData("::1:22")]
    [InlineData(":22")]
    [InlineData("http://host:80")]
    [InlineData("ho st:22")]
    [InlineData("0.0.0.0:22")]
    [InlineData("[::]:22")]
    [InlineData("224.0.0.1:22")]
    [InlineData("255.255.255.255:22")]
    [InlineData("[ff02::1]:22")]
    public void Refuses_InvalidAddresses(string place)
    {
        Assert.Single(Faults(place));
        Assert.Single(Faults(place, allowsLinkLocal: true));
    }

    [Theory]
    [InlineData("169.254.169.254:80")]
    [InlineData("[::ffff:169.254.169.254]:80")]
    [InlineData("[::ffff:a9fe:a9fe]:80")]
    [InlineData("[64:ff9b::a9fe:a9fe]:80")]
    [InlineData("[64:ff9b::7f00:1]:22")]
    [InlineData("[2002:7f00:1::]:22")]
    [InlineData("[::127.0.0.1]:22")]
    [InlineData("[fe80::1]:22")]
    [InlineData("[fe80::1%1]:22")]
    [InlineData("168.63.129.16:80")]
    [InlineData("[fd00:ec2::254]:80")]
    public void Refuses_LinkLocalAndEmbeddedAddresses_UnlessAllowed(string place)
    {
        Assert.Single(Faults(place));
        Assert.Empty(Faults(place, allowsLinkLocal: true));
    }

    [Theory]
    [InlineData("")]
    [InlineData("SSH")]
    [InlineData("-ssh")]
    [InlineData("a/b")]
    [InlineData("a.b")]
    public void Refuses_InvalidNames(string name) =>
        Assert.False(TargetRegistry.TryCreate([new(name, "127.0.0.1:22")], false, out _, out _));

    [Fact]
    public void Reports_AllFaultsAtOnce()
    {
        Assert.False(
            TargetRegistry.TryCreate(
                [new("a", "x"), new("b", "127.0.0.1:1"), new("b", "127.0.0.1:2"), new("C", "127.0.0.1:2")],
                false,
                out _,
                out var faults
            )
        );
        Assert.Equal(3, faults.Length);
    }

    [Theory]
    [InlineData("ssh", 0)]
    [InlineData("", 404)]
    [InlineData("rsh", 404)]
    [InlineData("10.0.0.1", 403)]
    [InlineData("127.0.0.1:22", 403)]
    [InlineData("2130706433", 403)]
    [InlineData("http://x", 403)]
    [InlineData("ssh/x", 403)]
    [InlineData("Ssh", 403)]
    public void Finds_NamesOnly(string suffix, int status)
    {
        Assert.True(
            TargetRegistry.TryCreate(
                [new("ssh", "127.0.0.1:22"), new("web", "127.0.0.1:80")],
                false,
                out var registry,
                out _
            )
        );
        Assert.Equal(status == 0, registry.TryFind(suffix, out var target, out var refusal));
        Assert.Equal(status, refusal.Status);
        Assert.True(target is null || target.ToString() == "ssh (127.0.0.1:22)");
    }

    [Fact]
    public void Defaults_ToTheOnlyTarget()
    {
        Assert.True(TargetRegistry.TryCreate([new("ssh", "[::1]:22")], false, out var registry, out _));
        Assert.True(registry.TryFind("", out var target, out _));
        Assert.Equal(new Target("ssh", "::1", 22), target);
    }

    private static ImmutableArray<string> Faults(string place, bool allowsLinkLocal = false) =>
        TargetRegistry.TryCreate([new("x", place)], allowsLinkLocal, out _, out var faults) ? [] : faults;
}
