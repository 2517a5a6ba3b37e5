using System.Net.NetworkInformation;
using System.Text.RegularExpressions;
using CsCheck;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

public sealed class MacAddressTests
{
    private const MacAddressNotations All =
        MacAddressNotations.Dashes
        | MacAddressNotations.MixedSeparators
        | MacAddressNotations.Words
        | MacAddressNotations.LineFeed;

    private static readonly Gen<MacAddress> Addresses = Gen.Byte.Array[6].Select(bytes => MacAddress.FromBytes(bytes));

    // Mostly addresses, with a character changed here and there.
    private static readonly Gen<string> Texts = Gen.Select(
        Addresses.Select(address => address.ToString()),
        Gen.OneOf(":", "-", ".", ""),
        Gen.Int[0, 16],
        Gen.OneOf('0', 'f', 'F', 'g', ':', '-', '.', '\n'),
        Gen.Bool,
        (text, separator, at, character, isChanged) =>
        {
            var other = text.Replace(":", separator, StringComparison.Ordinal);
            return isChanged && at < other.Length ? $"{other[..at]}{character}{other[(at + 1)..]}" : other;
        }
    );

    [Theory]
    [InlineData("02:00:5e:00:53:01", nameof(MacAddressNotations.Colons))]
    [InlineData("02:00:5E:00:53:01", nameof(MacAddressNotations.Colons))]
    [InlineData("02-00-5e-00-53-01", nameof(MacAddressNotations.Dashes))]
    [InlineData("02:00-5e:00-53:01", nameof(MacAddressNotations.MixedSeparators))]
    [InlineData("0200.5e00.5301", nameof(MacAddressNotations.Words))]
    [InlineData("02:00:5e:00:53:01\n", nameof(MacAddressNotations.LineFeed))]
    public void Reads_ANotation_AndWritesColons(string text, string notation)
    {
        Assert.True(MacAddress.TryParse(text, Enum.Parse<MacAddressNotations>(notation), out var address, out var why));
        Assert.Equal(("02:00:5e:00:53:01", null), (address.ToString(), why));
        Assert.Equal(
            notation == nameof(MacAddressNotations.Colons),
            MacAddress.TryParse(text, MacAddressNotations.Colons, out _, out _)
        );
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("02:00:5e:00:53")]
    [InlineData("02:00:5e:00:53:01:02")]
    [InlineData("02:00:5e:00:53:0g")]
    [InlineData("2:0:5e:0:53:1")]
    [InlineData("02005e005301")]
    [InlineData("02:00:5e:00:53:01\n\n")]
    [InlineData("0200-5e00-5301")]
    public void Refuses_WhatIsNone_AndSaysHowToWriteIt(string? text)
    {
        Assert.False(MacAddress.TryParse(text, All, out var address, out var why));
        Assert.Equal((default, "write it as 02:00:5e:00:53:01"), (address, why));
    }

    [Fact]
    public void Reads_WhatItWrote() =>
        Addresses.Sample(address =>
            MacAddress.TryParse(address.ToString(), MacAddressNotations.Colons, out var read, out _)
            && read == address
            && MacAddress.FromBytes(address.ToBytes()) == address
            && Regex.IsMatch(address.ToString(), MacAddress.CanonicalPattern)
        );

    [Fact]
    public void Takes_ColonsOrDashes_AsTheFrameworkDoes() =>
        Texts.Sample(text =>
            MacAddress.TryParse(text, MacAddressNotations.Dashes, out var address, out _)
                == (text.Length == 17 && PhysicalAddress.TryParse(text, out var theirs))
            && (address == default || address.ToBytes().SequenceEqual(PhysicalAddress.Parse(text).GetAddressBytes()))
        );

    [Fact]
    public void Takes_EveryNotation_AsOnePatternSaysIt()
    {
        var pattern = new Regex(
            "^(?:[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{4}\\.[0-9A-Fa-f]{4}\\.[0-9A-Fa-f]{4})$"
        );
        Gen.OneOf<string>(Texts, Texts.Select(text => text + "\n"), Addresses.Select(Words))
            .Sample(text => MacAddress.TryParse(text, All, out _, out _) == pattern.IsMatch(text));
    }

    [Fact]
    public void Follows_FromASeed_AndIsLocal()
    {
        var address = MacAddress.FromSeed("weft function\nw1\n02:00:00:00:00:01\n0");
        Assert.Equal("02:", address.ToString()[..3]);
        Assert.False(address.IsMulticast);
        Assert.Equal(address, MacAddress.FromSeed("weft function\nw1\n02:00:00:00:00:01\n0"));
        Assert.NotEqual(address, MacAddress.FromSeed("weft function\nw1\n02:00:00:00:00:01\n1"));
    }

    [Theory]
    [InlineData("00:00:00:00:00:00", true, false)]
    [InlineData("01:00:5e:00:00:01", false, true)]
    [InlineData("ff:ff:ff:ff:ff:ff", false, true)]
    [InlineData("02:00:5e:00:53:01", false, false)]
    public void Knows_WhatNoInterfaceHas(string text, bool isZero, bool isMulticast) =>
        Assert.Equal((isZero, isMulticast), (Parse(text).IsZero, Parse(text).IsMulticast));

    [Theory]
    // RFC 4291, appendix A, and what the kernel makes of QEMU's.
    [InlineData("34:56:78:9a:bc:de", "fe80::3656:78ff:fe9a:bcde")]
    [InlineData("52:54:00:12:34:56", "fe80::5054:ff:fe12:3456")]
    [InlineData("00:00:00:00:00:01", "fe80::200:ff:fe00:1")]
    public void Makes_TheLinkLocalAddress(string text, string address) =>
        Assert.Equal(address, Parse(text).LinkLocalAddress.ToString());

    [Fact]
    public void Orders_ByteByByte()
    {
        var texts = new[] { "02:00:00:00:00:10", "02:00:00:00:00:09", "00:ff:ff:ff:ff:ff" };
        Assert.Equal(texts.Order(StringComparer.Ordinal), texts.Select(Parse).Order().Select(a => a.ToString()));
        var (low, high) = (Parse(texts[2]), Parse(texts[0]));
        Assert.True(low < high && high > low);
        Assert.True(low <= high && high >= low);
        var same = Parse(texts[0].ToUpperInvariant());
        Assert.True(high <= same && high >= same);
        Assert.False(high < same || high > same);
    }

    [Fact]
    public void Formats_AnyHardwareAddress()
    {
        Assert.Equal("", MacAddress.Format([]));
        Assert.Equal("0a:00:ff:10", MacAddress.Format([10, 0, 255, 16]));
        Assert.Throws<ArgumentException>(() => MacAddress.FromBytes(new byte[20]));
    }

    private static string Words(MacAddress address)
    {
        var digits = Convert.ToHexString(address.ToBytes());
        return $"{digits[..4]}.{digits[4..8]}.{digits[8..]}";
    }

    private static MacAddress Parse(string text) =>
        MacAddress.TryParse(text, MacAddressNotations.Colons, out var address, out var why)
            ? address
            : throw new FormatException(why);
}
