namespace Weft.Addressing;

/// <summary>
/// How much one of several may still take of what they share. While there is enough, whoever asks is given. What is kept at
/// the end is for those who hold less than their fair share, and the less they hold the more of it: so nobody's greed, and
/// not that of several either, leaves another with nothing. Who shares with nobody may take all.
/// </summary>
/// <param name="Free">What nobody holds.</param>
/// <param name="Capacity">All that is shared, held and free.</param>
/// <param name="Users">How many share, the asking one among them.</param>
/// <param name="Held">What the asking one holds.</param>
internal readonly record struct FairShare(UInt128 Free, UInt128 Capacity, int Users, UInt128 Held)
{
    /// <summary>What each may have: an equal part of all, rounded up so that the parts make up the whole.</summary>
    public UInt128 Share
    {
        get
        {
            var (share, rest) = UInt128.DivRem(Capacity, (UInt128)Math.Max(1, Users));
            return rest > 0 ? share + 1 : share;
        }
    }

    /// <summary>How much of it the asking one may still take.</summary>
    /// <param name="keptPercent">How much of all is kept for those who hold less.</param>
    /// <param name="countHolding">
    /// How many, the asking one among them, hold at least so much; asked only where it matters, for it looks at each.
    /// </param>
    /// <returns>0 where it is refused.</returns>
    public UInt128 RoomAbove(int keptPercent, Func<UInt128, int> countHolding)
    {
        if (Users <= 1 || Free == 0)
            return Free;
        var kept = KeptAt(keptPercent);
        var owed = Share - UInt128.Min(Share, Held);
        if (Free > kept)
            return UInt128.Max(Free - kept, UInt128.Min(Free, owed));
        if (owed == 0)
            return 0;
        var others = Users - 1;
        var holdLess = Held == 0 ? 0 : Math.Max(0, Users - countHolding(Held));
        // Divided first: a pool may have as many addresses as there are numbers.
        var left = kept / (UInt128)others * (UInt128)holdLess;
        return UInt128.Min(Free - UInt128.Min(Free, left), owed);
    }

    /// <summary>How much is kept, rounded up.</summary>
    public UInt128 KeptAt(int percent)
    {
        var (hundredths, rest) = UInt128.DivRem(Capacity, 100);
        return (hundredths * (UInt128)percent) + (((rest * (UInt128)percent) + 99) / 100);
    }
}
