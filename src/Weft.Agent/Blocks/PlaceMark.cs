using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Weft.Agent.Linux;

namespace Weft.Agent.Blocks;

/// <summary>
/// Where a journal is written: on which machine, and in which directory of it. A copy of it elsewhere has another mark.
/// </summary>
/// <param name="Machine">A hash of the machine's own number; empty where it has none that can be read.</param>
/// <param name="Boot">The kernel's boot id; empty where that can't be read.</param>
/// <param name="Text">What tells this place from all others.</param>
/// <remarks>Source: docs/specs/blocks.md, "Whose a block is".</remarks>
internal sealed record PlaceMark(string Machine, string Boot, string Text)
{
    private const int HashLength = 32;

    // SMBIOS 7.2.1: all ones or all zeros stand for a number that isn't set.
    private static readonly string[] Numbers = ["class/dmi/id/product_uuid", "firmware/devicetree/base/serial-number"];

    /// <summary>Reads it.</summary>
    /// <param name="root">The state directory.</param>
    public static PlaceMark Read(SystemTree sys, SystemTree proc, string root)
    {
        var boot = proc.ReadText("sys/kernel/random/boot_id") ?? "";
        var number = Numbers.Select(sys.ReadText).FirstOrDefault(text => text is not null && IsSet(text)) ?? "";
        var inode = (FileIdentity.Read(root)?.Inode ?? 0).ToString(CultureInfo.InvariantCulture);
        // Without a number of its own a machine is the same for as long as it runs.
        return new PlaceMark(
            number.Length == 0 ? "" : HashOf(number),
            boot,
            HashOf($"{(number.Length == 0 ? boot : number)}|{Path.GetFullPath(root)}|{inode}")
        );
    }

    private static bool IsSet(string number) =>
        number.Trim('\0', '-', ' ').Length > 0
        && number.Where(char.IsAsciiHexDigit).Select(char.ToLowerInvariant).Distinct().Take(2).Count() > 1;

    private static string HashOf(string text) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..HashLength];
}
