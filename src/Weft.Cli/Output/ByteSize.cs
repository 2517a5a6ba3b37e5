using System.Globalization;

namespace Weft.Cli.Output;

/// <summary>Amounts of bytes for people.</summary>
internal static class ByteSize
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB"];

    /// <summary>An amount in the unit that fits.</summary>
    /// <returns>Such as <c>0 B</c>, <c>1.5 KiB</c>, <c>320 MiB</c>.</returns>
    public static string Format(double count)
    {
        var unit = 0;
        for (; count >= 1024 && unit < Units.Length - 1; unit++)
            count /= 1024;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{(unit > 0 && count < 10 ? Math.Round(count, 1) : Math.Round(count))} {Units[unit]}"
        );
    }
}
