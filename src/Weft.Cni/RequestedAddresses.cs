using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using Weft.Addressing;
using Weft.Contracts;

namespace Weft.Cni;

/// <summary>The addresses a configuration names: those a pod asks for, and those it was given before.</summary>
/// <remarks>
/// Each may have a prefix length, which isn't passed on: the network's own counts. What is passed on is the canonical
/// text, so that two spellings of an address are one to the agent.
/// </remarks>
internal static class RequestedAddresses
{
    /// <summary>
    /// Finds the addresses a pod asks for: <c>runtimeConfig.ips</c>, <c>args.cni.ips</c> or <c>IP</c>; the first that
    /// is there.
    /// </summary>
    /// <param name="arguments"><c>CNI_ARGS</c>.</param>
    /// <param name="addresses">The addresses; empty where the pod doesn't ask.</param>
    /// <exception cref="JsonException">A member on the way is of another kind.</exception>
    internal static bool TryReadRequested(
        JsonElement root,
        RuntimeArguments arguments,
        out List<string> addresses,
        [NotNullWhen(false)] out CniError? error
    )
    {
        // An empty list asks for nothing, so it doesn't count as there: some runtimes send it to every pod.
        if (root.TryGetObject("runtimeConfig", out var runtime) && TextsOf(runtime) is { Count: > 0 } ofRuntime)
            return TryReadAll(ofRuntime, "runtimeConfig.ips", out addresses, out error);
        if (
            root.TryGetObject("args", out var args)
            && args.TryGetObject("cni", out var cni)
            && TextsOf(cni) is { Count: > 0 } ofCni
        )
            return TryReadAll(ofCni, "args.cni.ips", out addresses, out error);
        return TryReadAll(arguments.Addresses?.Split(',') ?? [], "IP in CNI_ARGS", out addresses, out error);
    }

    /// <summary>
    /// Finds the addresses of <c>prevResult</c>. CHECK exists since 0.4.0, so they are in <c>ips</c>.
    /// </summary>
    /// <returns>True if there is a result, and all it names are addresses.</returns>
    /// <exception cref="JsonException">A member on the way is of another kind.</exception>
    internal static bool TryReadPrevious(
        JsonElement root,
        out List<string> addresses,
        [NotNullWhen(false)] out CniError? error
    )
    {
        if (!root.TryGetObject("prevResult", out var previous))
        {
            addresses = [];
            error = CniError.InvalidConfiguration(
                "the network configuration has no 'prevResult', which CHECK compares the lease with"
            );
            return false;
        }

        var texts = new List<string>();
        foreach (var item in previous.ListOf("ips"))
            texts.Add((item.ValueKind == JsonValueKind.Object ? item.TextOf("address") : null) ?? item.GetRawText());
        return TryReadAll(texts, "prevResult.ips", out addresses, out error);
    }

    private static List<string> TextsOf(JsonElement owner)
    {
        var texts = new List<string>();
        foreach (var item in owner.ListOf("ips"))
            texts.Add(item.ValueKind == JsonValueKind.String ? item.GetString()! : item.GetRawText());
        return texts;
    }

    private static bool TryReadAll(
        IReadOnlyList<string> texts,
        string source,
        out List<string> addresses,
        [NotNullWhen(false)] out CniError? error
    )
    {
        (addresses, error) = (new List<string>(texts.Count), null);
        foreach (var text in texts)
        {
            var slash = text.IndexOf('/', StringComparison.Ordinal);
            if (!Address.Parse(slash < 0 ? text : text[..slash]).TryGet(out var address, out var refusal))
                error = CniError.InvalidConfiguration($"{source}: {refusal.Message}");
            else if (slash >= 0 && !IsPrefixLength(text.AsSpan(slash + 1), address.Bits))
                error = CniError.InvalidConfiguration(
                    $"{source}: '{text}' has a prefix length that is no number from 0 to {address.Bits}"
                );
            if (error is not null)
                return false;
            addresses.Add(address.ToString());
        }

        return true;
    }

    private static bool IsPrefixLength(ReadOnlySpan<char> text, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var length) && length <= most;
}
