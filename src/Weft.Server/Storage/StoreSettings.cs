using Weft.Fleet.Quotas;
using Weft.Resources;

namespace Weft.Server.Storage;

/// <summary>What a store is told when it is opened.</summary>
internal sealed record StoreSettings
{
    /// <summary>What nobody has changed.</summary>
    public static readonly StoreSettings Default = new();

    /// <summary>The machine's clock. Default: the system's.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>How long addresses cool where their pool doesn't say, in seconds: what is read again at the start.</summary>
    public int CoolDownSeconds { get; init; } = Limits.Default.CoolDownSeconds;

    /// <inheritdoc cref="LeaseLimits.HistoryPerAddress"/>
    public int HistoryPerAddress { get; init; } = LeaseLimits.Default.HistoryPerAddress;

    /// <inheritdoc cref="LeaseLimits.HistoryDays"/>
    public int HistoryDays { get; init; } = LeaseLimits.Default.HistoryDays;

    /// <inheritdoc cref="LeaseLimits.HistoryEntries"/>
    public int HistoryEntries { get; init; } = LeaseLimits.Default.HistoryEntries;
}
