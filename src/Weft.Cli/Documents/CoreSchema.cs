using System.Globalization;
using System.Numerics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Weft.Cli.Documents;

/// <summary>What a plain scalar of YAML means.</summary>
/// <remarks>Source: YAML 1.2.2 §10.3.2 (core schema).</remarks>
internal static partial class CoreSchema
{
    /// <summary>The value of a plain scalar.</summary>
    /// <param name="value">Null, a boolean, a number or a text.</param>
    /// <returns>False where JSON has no such value: infinities and not-a-number.</returns>
    public static bool TryResolve(string text, out JsonNode? value)
    {
        value = null;
        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return true;
            case "true" or "True" or "TRUE":
                value = JsonValue.Create(true);
                return true;
            case "false" or "False" or "FALSE":
                value = JsonValue.Create(false);
                return true;
        }

        if (NotInJson().IsMatch(text))
            return false;
        value = ParseNumber(text) ?? JsonValue.Create(text);
        return true;
    }

    /// <summary>A number of the core schema.</summary>
    /// <returns>The number, or null where it is none.</returns>
    public static JsonNode? ParseNumber(string text)
    {
        if (Decimal().IsMatch(text))
            return JsonNode.Parse(
                BigInteger
                    .Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)
                    .ToString(CultureInfo.InvariantCulture)
            );
        if (Octal().IsMatch(text))
            return JsonNode.Parse(
                text[2..]
                    .Aggregate(BigInteger.Zero, (sum, digit) => (sum * 8) + (digit - '0'))
                    .ToString(CultureInfo.InvariantCulture)
            );
        if (Hexadecimal().IsMatch(text))
            return JsonNode.Parse(
                BigInteger
                    .Parse("0" + text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
                    .ToString(CultureInfo.InvariantCulture)
            );
        if (!Float().IsMatch(text))
            return null;

        // A float that JSON spells the same way keeps its spelling: 1.30 stays 1.30 in the server's message about it.
        return JsonFloat().IsMatch(text)
            ? JsonNode.Parse(text)
            : JsonValue.Create(double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture));
    }

    [GeneratedRegex(@"^[-+]?[0-9]{1,200}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Decimal();

    [GeneratedRegex(@"^0o[0-7]{1,200}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Octal();

    [GeneratedRegex(@"^0x[0-9a-fA-F]{1,200}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Hexadecimal();

    [GeneratedRegex(@"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,2})?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Float();

    [GeneratedRegex(@"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex JsonFloat();

    [GeneratedRegex(@"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\z", RegexOptions.CultureInvariant)]
    private static partial Regex NotInJson();
}
