using System.Net;
using Weft.Relay.Transport;

namespace Weft.Relay.Tests.Transport;

public sealed class ProxyProtocolHeaderTests
{
    [Fact]
    public void Reads_IPv4() =>
        Assert.Equal(
            IPEndPoint.Parse("203.0.113.7:4711"),
            Read(Header(0x21, 0x11, [203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x67, 1, 187]))
        );

    [Fact]
    public void Reads_IPv6() =>
        Assert.Equal(
            IPEndPoint.Parse("[2001:db8::7]:4711"),
            Read(
                Header(
                    0x21,
                    0x21,
                    [
                        .. IPAddress.Parse("2001:db8::7").GetAddressBytes(),
                        .. IPAddress.IPv6Loopback.GetAddressBytes(),
                        0x12,
                        0x67,
                        1,
                        187,
                    ]
                )
            )
        );

    [Fact]
    public void Reads_MappedAddressAsIPv4() =>
        Assert.Equal(
            IPEndPoint.Parse("10.1.2.3:1"),
            Read(
                Header(
                    0x21,
                    0x21,
                    [
                        .. IPAddress.Parse("::ffff:10.1.2.3").GetAddressBytes(),
                        .. IPAddress.IPv6Loopback.GetAddressBytes(),
                        0,
                        1,
                        1,
                        187,
                    ]
                )
            )
        );

    /// <summary>Nobody can call from these, and a rule that is about one of them by mistake must not let a claimant in.</summary>
    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("0.1.2.3")]
    [InlineData("224.0.0.1")]
    [InlineData("239.255.255.255")]
    [InlineData("240.0.0.1")]
    [InlineData("250.1.2.3")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("ff02::1")]
    [InlineData("ff0e::1")]
    [InlineData("::ffff:240.0.0.1")]
    [InlineData("::ffff:0.0.0.0")]
    [InlineData("::ffff:224.0.0.1")]
    public void Refuses_ASourceThatNobodyCanCallFrom(string source) =>
        Assert.Contains("from which nobody can call", Fault(From(source)), StringComparison.Ordinal);

    [Theory]
    [InlineData("1.0.0.1")]
    [InlineData("127.0.0.1")]
    [InlineData("223.255.255.255")]
    [InlineData("::1")]
    [InlineData("fe80::1")]
    [InlineData("fd00::1")]
    public void Reads_ASourceOfAnyUnicast(string source) =>
        Assert.Equal(IPAddress.Parse(source), Read(From(source))?.Address);

    private static byte[] From(string source)
    {
        var address = IPAddress.Parse(source).GetAddressBytes();
        return Header(0x21, (byte)(address.Length == 4 ? 0x11 : 0x21), [.. address, .. new byte[address.Length + 4]]);
    }

    [Fact]
    public void Skips_Tlvs() =>
        Assert.Equal(
            IPEndPoint.Parse("1.2.3.4:5"),
            Read(Header(0x21, 0x11, [1, 2, 3, 4, 0, 0, 0, 0, 0, 5, 0, 0, 0x02, 0, 3, 97, 98, 99, 0x04, 0, 0]))
        );

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 1, 2, 3 })]
    public void Returns_NoSourceForLocal(byte[] rest) => Assert.Null(Read(Header(0x20, 0x00, rest)));

    [Theory]
    [InlineData(0x21, 0x00)]
    [InlineData(0x21, 0x12)]
    [InlineData(0x21, 0x22)]
    [InlineData(0x21, 0x31)]
    public void Refuses_WhatIsNotTcp(byte command, byte family) =>
        Assert.Contains("TCP", Fault(Header(command, family, new byte[216])), StringComparison.Ordinal);

    [Theory]
    [InlineData(0x11)]
    [InlineData(0x22)]
    [InlineData(0x31)]
    public void Refuses_OtherVersionOrCommand(byte command) =>
        Assert.Contains("unknown", Fault(Header(command, 0x11, new byte[12])), StringComparison.Ordinal);

    [Theory]
    [InlineData(0x11, 11)]
    [InlineData(0x21, 35)]
    public void Refuses_AddressesCutShort(byte family, int length) =>
        Assert.Contains("short", Fault(Header(0x21, family, new byte[length])), StringComparison.Ordinal);

    [Theory]
    [InlineData(new byte[] { 1 })]
    [InlineData(new byte[] { 1, 0 })]
    [InlineData(new byte[] { 1, 0, 2, 9 })]
    [InlineData(new byte[] { 1, 0, 0, 2, 255, 255 })]
    public void Refuses_TlvOverTheEnd(byte[] tlvs) =>
        Assert.Contains("TLV", Fault(Header(0x21, 0x11, [.. new byte[12], .. tlvs])), StringComparison.Ordinal);

    [Fact]
    public void Refuses_VersionOne() =>
        Assert.Contains(
            "version 1",
            ProxyProtocolHeader.Check("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"u8[..16], out _),
            StringComparison.Ordinal
        );

    [Fact]
    public void Refuses_WhatHasNoHeader() =>
        Assert.Contains("requires", ProxyProtocolHeader.Check("GET / HTTP/1.1\r\n"u8, out _), StringComparison.Ordinal);

    [Fact]
    public void Refuses_Flood() =>
        Assert.Contains("4096", Fault(Header(0x21, 0x11, new byte[4097])), StringComparison.Ordinal);

    internal static byte[] Header(byte command, byte family, byte[] rest) =>
        [.. "\r\n\r\n\0\r\nQUIT\n"u8, command, family, (byte)(rest.Length >> 8), (byte)rest.Length, .. rest];

    private static IPEndPoint? Read(byte[] header)
    {
        Assert.Null(ProxyProtocolHeader.Check(header.AsSpan(0, 16), out var length));
        Assert.Equal(header.Length - 16, length);
        Assert.Null(ProxyProtocolHeader.ReadSource(header.AsSpan(0, 16), header.AsSpan(16), out var source));
        return source;
    }

    private static string Fault(byte[] header) =>
        ProxyProtocolHeader.Check(header.AsSpan(0, 16), out _)
        ?? ProxyProtocolHeader.ReadSource(header.AsSpan(0, 16), header.AsSpan(16), out _)
        ?? "no fault was found";
}
