using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Weft.Addressing;
using Weft.Contracts;

namespace Weft.Cni;

/// <summary>
/// What a pod claims as its own across lives: <c>args.cni.claim</c>, which Multus fills from <c>cni-args</c> of the pod's
/// annotation.
/// </summary>
internal static class PodClaim
{
    /// <summary>Reads it.</summary>
    /// <param name="claim">The claim; null where there is none.</param>
    /// <exception cref="JsonException">A member on the way is of another kind.</exception>
    internal static bool TryRead(JsonElement root, out string? claim, [NotNullWhen(false)] out CniError? error)
    {
        (claim, error) = (null, null);
        if (root.TryGetObject("args", out var args) && args.TryGetObject("cni", out var cni))
            claim = cni.TextOf("claim");
        if (claim is null || PodPattern.IsClaimName(claim))
            return true;
        error = CniError.InvalidConfiguration(
            $"'args.cni.claim' is '{claim}'; a claim has 1 to {PodPattern.MaxClaimLength} small letters, digits, '-' and '.'"
        );
        return false;
    }
}
