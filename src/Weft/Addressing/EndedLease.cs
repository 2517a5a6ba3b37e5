using System.Globalization;

namespace Weft.Addressing;

/// <summary>A lease that was.</summary>
/// <param name="Ended">When it ended, by the machine's clock at that time, UTC.</param>
internal sealed record EndedLease(Lease Lease, DateTimeOffset Ended)
{
    /// <summary>Whether it was held at a time, by the machine's clock: from the instant it began to before the one it ended.</summary>
    public bool HadAt(DateTimeOffset time) => TimeOf(Lease.Since) <= time && time < Ended;

    /// <summary>The time that a text of a lease says; the first instant where it can't be read.</summary>
    public static DateTimeOffset TimeOf(string text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time
            : DateTimeOffset.MinValue;

    /// <summary>A time as leases say it: RFC 3339 in UTC, to 100 ns.</summary>
    public static string TextOf(DateTimeOffset time) =>
        time.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss.fffffffZ", CultureInfo.InvariantCulture);
}
