using System.Collections.Immutable;

namespace Weft.Resources;

/// <summary>The dates of Weft's own providers, which are versioned together.</summary>
internal static class WeftVersions
{
    /// <summary>The newest.</summary>
    public const string Newest = "2026-11-01";

    /// <summary>All of them.</summary>
    public static readonly ImmutableArray<string> All = [Newest];
}
