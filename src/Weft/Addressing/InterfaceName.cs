using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Weft.Addressing;

/// <summary>What a reader refuses in an interface's name beyond libcni's rules, which every reader keeps.</summary>
[Flags]
internal enum InterfaceNameRules
{
    /// <summary>libcni's rules alone.</summary>
    None = 0,

    /// <summary>No control characters, which would end or hide a line of a log.</summary>
    NoControlCharacters = 1,

    /// <summary>No backslash, which begins an escape in the files that a name is written to.</summary>
    NoBackslash = 2,

    /// <summary>Nothing beyond <c>~</c>: the kernel counts bytes, and other characters have several.</summary>
    AsciiOnly = 4,
}

/// <summary>The name of a network interface.</summary>
/// <remarks>Source: libcni's <c>ValidateInterfaceName</c>, which follows the kernel's <c>dev_valid_name</c>.</remarks>
internal readonly partial record struct InterfaceName : IComparable<InterfaceName>
{
    /// <summary>The longest name: IFNAMSIZ (linux/if.h) is 16 with the zero at the end.</summary>
    public const int MaxLength = 15;

    /// <summary>A name that a network or a machine declares, as a schema says it; its length is said beside it.</summary>
    public const string DeclaredPattern = @"^(?!\.{1,2}$)[a-zA-Z0-9@._-]*$";

    /// <summary>
    /// A name that any file of node configuration can hold, as a schema says it: <c>*</c>, <c>?</c> and <c>[</c> are
    /// patterns in networkd, <c>%</c> is a specifier there and a template in the kernel, <c>"</c>, <c>#</c> and
    /// <c>:</c> end or begin something elsewhere.
    /// </summary>
    public const string PortablePattern = "^[A-Za-z0-9._@+-]{1,15}$";

    private readonly string? _text;

    private InterfaceName(string text) => _text = text;

    /// <summary>Reads a name.</summary>
    /// <param name="rules">What is refused beyond libcni's rules.</param>
    /// <param name="why">What a name must be; null where it is one.</param>
    public static bool TryParse(
        [NotNullWhen(true)] string? text,
        InterfaceNameRules rules,
        out InterfaceName name,
        [NotNullWhen(false)] out string? why
    )
    {
        if (text is { Length: > 0 and <= MaxLength } and not ("." or "..") && !HasForbiddenCharacter(text, rules))
        {
            (name, why) = (new InterfaceName(text), null);
            return true;
        }

        name = default;
        why = $"it must be 1 to {MaxLength} characters, not '.' or '..', without '/', ':' and blanks";
        return false;
    }

    /// <summary>Whether any file of node configuration can hold a name.</summary>
    public static bool IsPortable(string text) =>
        Portable().Match(text) is { Success: true } found && found.Length == text.Length;

    /// <inheritdoc/>
    public int CompareTo(InterfaceName other) => string.CompareOrdinal(_text, other._text);

    /// <summary>The name as the kernel has it: two names are one where their characters are.</summary>
    public override string ToString() => _text ?? "";

    /// <summary>Whether one name comes before another, character by character.</summary>
    public static bool operator <(InterfaceName left, InterfaceName right) => left.CompareTo(right) < 0;

    /// <summary>Whether one name comes after another.</summary>
    public static bool operator >(InterfaceName left, InterfaceName right) => left.CompareTo(right) > 0;

    /// <summary>Whether one name comes before another or equals it.</summary>
    public static bool operator <=(InterfaceName left, InterfaceName right) => left.CompareTo(right) <= 0;

    /// <summary>Whether one name comes after another or equals it.</summary>
    public static bool operator >=(InterfaceName left, InterfaceName right) => left.CompareTo(right) >= 0;

    // A loop and no LINQ: the CNI plugins read a name on the way to every pod.
    private static bool HasForbiddenCharacter(string text, InterfaceNameRules rules)
    {
        foreach (var character in text)
        {
            if (character is '/' or ':' || char.IsWhiteSpace(character) || IsForbiddenBy(rules, character))
                return true;
        }

        return false;
    }

    private static bool IsForbiddenBy(InterfaceNameRules rules, char character) =>
        ((rules & InterfaceNameRules.NoControlCharacters) != 0 && char.IsControl(character))
        || ((rules & InterfaceNameRules.NoBackslash) != 0 && character == '\\')
        || ((rules & InterfaceNameRules.AsciiOnly) != 0 && character > '~');

    [GeneratedRegex(PortablePattern)]
    private static partial Regex Portable();
}
