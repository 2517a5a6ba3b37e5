using System.Globalization;
using System.Text.RegularExpressions;
using CsCheck;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

public sealed class InterfaceNameTests
{
    private const InterfaceNameRules Strict =
        InterfaceNameRules.NoControlCharacters | InterfaceNameRules.NoBackslash | InterfaceNameRules.AsciiOnly;

    private const string WhatItMustBe = "it must be 1 to 15 characters, not '.' or '..', without '/', ':' and blanks";

    // The characters on which readers differ, more often than any text has them.
    private static readonly Gen<string> Texts = Gen.OneOf<char>(
            Gen.Char['a', 'z'],
            Gen.Char,
            Gen.OneOf<char>('.', '/', ':', ' ', '\\', '\n', '\u0007', '\u007f', 'ä', '+', '@', '-', '_')
        )
        .Array[0, 17]
        .Select(characters => new string(characters));

    [Theory]
    [InlineData("eth0")]
    [InlineData("n6")]
    [InlineData("ran.4094")]
    [InlineData("...")]
    [InlineData("exactly-fifteen")]
    [InlineData("veth~1")]
    public void Takes_ANameOfTheKernels(string text)
    {
        Assert.True(InterfaceName.TryParse(text, Strict, out var name, out var why));
        Assert.Equal((text, null), (name.ToString(), why));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("a:1")]
    [InlineData("a b")]
    [InlineData("a\u00a0b")]
    [InlineData("sixteen-letters-")]
    public void Refuses_WhatIsNoName_AndSaysWhatANameIs(string? text)
    {
        Assert.False(InterfaceName.TryParse(text, InterfaceNameRules.None, out var name, out var why));
        Assert.Equal((default, WhatItMustBe), (name, why));
    }

    [Theory]
    [InlineData("a\u0007", nameof(InterfaceNameRules.NoControlCharacters))]
    [InlineData("a\\b", nameof(InterfaceNameRules.NoBackslash))]
    [InlineData("ä", nameof(InterfaceNameRules.AsciiOnly))]
    [InlineData("a\u007f", nameof(InterfaceNameRules.AsciiOnly))]
    public void Refuses_ByARule_WhatLibcniTakes(string text, string rule)
    {
        Assert.True(InterfaceName.TryParse(text, InterfaceNameRules.None, out _, out _));
        Assert.False(InterfaceName.TryParse(text, Enum.Parse<InterfaceNameRules>(rule), out _, out _));
    }

    [Fact]
    public void Takes_WhatLibcniTakes_LessWhatARuleForbids() =>
        Texts.Sample(text =>
            Parses(text, InterfaceNameRules.None)
                == (
                    text.Length is > 0 and <= 15
                    && text is not ("." or "..")
                    && !text.Any(c => c is '/' or ':' || char.IsWhiteSpace(c))
                )
            && Parses(text, InterfaceNameRules.NoControlCharacters)
                == (Parses(text, InterfaceNameRules.None) && !text.Any(char.IsControl))
            && Parses(text, Strict)
                == (Parses(text, InterfaceNameRules.NoControlCharacters) && !text.Any(c => c is '\\' or > '~'))
        );

    [Theory]
    [InlineData("ens1f0+.-@_", true)]
    [InlineData("", false)]
    [InlineData("eth*", false)]
    [InlineData("eth%d", false)]
    [InlineData("a\"b", false)]
    [InlineData("sixteen-letters-", false)]
    public void Knows_WhatAnyFileCanHold(string text, bool isPortable) =>
        Assert.Equal(isPortable, InterfaceName.IsPortable(text));

    [Theory]
    [InlineData("n6@x.y_z-1", true)]
    [InlineData(".", false)]
    [InlineData("..", false)]
    [InlineData("...", true)]
    [InlineData("a+b", false)]
    [InlineData("a/b", false)]
    public void Says_WhatMayBeDeclared(string text, bool isDeclarable) =>
        Assert.Equal(isDeclarable, Regex.IsMatch(text, InterfaceName.DeclaredPattern));

    [Fact]
    public void Orders_CharacterByCharacter()
    {
        var names = new[] { "n6", "N6", "n10", "eth0" }.Select(Parse).Order().Select(name => name.ToString());
        Assert.Equal(["N6", "eth0", "n10", "n6"], names);
        Assert.True(Parse("a") < Parse("b") && Parse("b") > Parse("a"));
        Assert.True(Parse("a") <= Parse("a") && Parse("a") >= Parse("a"));
        Assert.False(Parse("a") < Parse("a") || Parse("a") > Parse("a"));
        Assert.Equal(Parse("n6"), Parse(string.Create(CultureInfo.InvariantCulture, $"n{6}")));
    }

    private static bool Parses(string text, InterfaceNameRules rules) =>
        InterfaceName.TryParse(text, rules, out _, out _);

    private static InterfaceName Parse(string text) =>
        InterfaceName.TryParse(text, Strict, out var name, out var why) ? name : throw new FormatException(why);
}
