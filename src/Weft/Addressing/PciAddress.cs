namespace Weft.Addressing;

/// <summary>
/// Where a function is on the PCI bus, as sysfs names it: domain, bus, device and function, such as <c>0000:3b:00.0</c>.
/// It becomes part of paths below /sys, so nothing else may pass for one.
/// </summary>
internal static class PciAddress
{
    /// <summary>What a text must match, whole.</summary>
    public const string Pattern = "^[0-9a-f]{4}:[0-9a-f]{2}:[0-1][0-9a-f]\\.[0-7]$";

    private const string Form = "hhhh:hh:bh.o";

    /// <summary>Whether a text is one: 12 characters, hexadecimal digits in lower case.</summary>
    public static bool IsValid(string text) =>
        text.Length == Form.Length && text.Zip(Form).All(pair => Fits(pair.First, pair.Second));

    private static bool Fits(char character, char form) =>
        form switch
        {
            'h' => char.IsAsciiHexDigitLower(character),
            'b' => character is '0' or '1',
            'o' => character is >= '0' and <= '7',
            _ => character == form,
        };
}
