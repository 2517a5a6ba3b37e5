namespace Weft.Addressing;

/// <summary>Addresses of one family from one to another, both among them.</summary>
/// <remarks>Grammar: docs/specs/addressing.md, "Ranges".</remarks>
internal readonly record struct AddressRange(Address First, Address Last)
{
    /// <summary>The family.</summary>
    public AddressFamily Family => First.Family;

    /// <summary>How many addresses; 0 stands for all 2^128 of them.</summary>
    public UInt128 Count => Last.Value - First.Value + 1;

    /// <summary>The addresses of a prefix.</summary>
    public static AddressRange FromPrefix(Prefix prefix) => new(prefix.Network, prefix.Last);

    /// <summary>
    /// Reads an address, two of them with a hyphen between, or a prefix, each by the rules of its own.
    /// </summary>
    /// <param name="target">The member it came from, for the refusal.</param>
    /// <returns>The range, or a refusal that says what to write instead.</returns>
    public static Outcome<AddressRange> Parse(string text, string? target = null)
    {
        Refusal No(string why) => new(RefusalCode.InvalidMember, $"'{text}' is no range: {why}", target);

        var ends = text.Split('-');
        if (text.Contains('/', StringComparison.Ordinal))
            return ends.Length > 1 ? No("two addresses have no length; it is that of the prefix that they are in")
                : Prefix.Parse(text, target).TryGet(out var prefix, out var refusal) ? FromPrefix(prefix)
                : refusal;
        if (ends.Length > 2)
            return No("write 10.20.6.40, 10.20.6.40-10.20.6.59 or 10.20.6.32/27");
        if (
            !Address.TryParse(ends[0], out var first, out var why) || !Address.TryParse(ends[^1], out var last, out why)
        )
            return No(why);
        if (first.Family != last.Family)
            return No("its ends are of two families");
        return last < first ? No($"it ends before it begins; write '{last}-{first}'") : new AddressRange(first, last);
    }

    /// <summary>Whether an address is among them.</summary>
    public bool Contains(Address address) => address.Family == Family && First <= address && address <= Last;

    /// <summary>Whether two ranges share an address.</summary>
    public bool Overlaps(AddressRange other) => other.Family == Family && First <= other.Last && other.First <= Last;

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    /// <returns>Such as <c>10.20.6.40-10.20.6.59</c>, or one address.</returns>
    public override string ToString() => First == Last ? First.ToString() : $"{First}-{Last}";
}
