using System.Collections.Immutable;
using Weft.Addressing;

namespace Weft.Attachments.Nodes;

/// <summary>
/// What weftd has a say about on a node, as the node's own administrator has it. Contract: docs/specs/node-apply.md,
/// "Policy".
/// </summary>
internal sealed record NodePolicy
{
    /// <summary>What holds where nobody has said anything: all but what the node uses for itself.</summary>
    public static readonly NodePolicy Default = new();

    /// <summary>Names of interfaces: of those that are there, and of those that are made.</summary>
    public NamePolicy Interfaces { get; init; } = new("interfaces", null, []);

    /// <summary>Subnets of addresses, and what routes lead to.</summary>
    public PrefixPolicy Prefixes { get; init; } = new("prefixes", null, []);

    /// <summary>What routes lead to.</summary>
    public PrefixPolicy Routes { get; init; } = new("routes", null, []);

    /// <summary>Tags.</summary>
    public VlanPolicy Vlans { get; init; } = new(null, VlanSet.Empty);

    /// <summary>Addresses on the PCI bus.</summary>
    public NamePolicy Devices { get; init; } = new("devices", null, []);

    /// <summary>Modules of the kernel that may be loaded.</summary>
    public NamePolicy Modules { get; init; } = new("modules", null, []);

    /// <summary>What the node is managed by.</summary>
    public ManagementPolicy Management { get; init; } = new();
}

/// <summary>Names by patterns, in which <c>*</c> stands for any characters.</summary>
/// <param name="Member">The policy's member.</param>
/// <param name="Allow">What may be touched; null for everything.</param>
/// <param name="Deny">What may not, whatever is allowed.</param>
internal sealed record NamePolicy(string Member, ImmutableArray<string>? Allow, ImmutableArray<string> Deny)
{
    /// <summary>The rule against something that has one or several names.</summary>
    /// <returns>Null where there is none.</returns>
    public string? RuleAgainst(params IReadOnlyCollection<string> names)
    {
        if (Deny.FirstOrDefault(pattern => names.Any(name => Matches(pattern, name))) is { } denied)
            return $"{Member}.deny '{denied}'";
        return Allow is not { } allowed || names.Any(name => allowed.Any(pattern => Matches(pattern, name)))
            ? null
            : $"{Member}.allow";
    }

    private static bool Matches(string pattern, string name)
    {
        var parts = pattern.Split('*');
        if (parts.Length == 1)
            return pattern == name;
        if (
            name.Length < parts[0].Length + parts[^1].Length
            || !name.StartsWith(parts[0], StringComparison.Ordinal)
            || !name.EndsWith(parts[^1], StringComparison.Ordinal)
        )
            return false;
        var (at, end) = (parts[0].Length, name.Length - parts[^1].Length);
        foreach (var part in parts[1..^1])
        {
            var found = name.IndexOf(part, at, end - at, StringComparison.Ordinal);
            if (found < 0)
                return false;
            at = found + part.Length;
        }

        return true;
    }
}

/// <summary>Prefixes.</summary>
/// <param name="Member">The policy's member.</param>
/// <param name="Allow">In which a prefix must lie; null for anywhere.</param>
/// <param name="Deny">Which it must not overlap, whatever is allowed.</param>
internal sealed record PrefixPolicy(string Member, ImmutableArray<Prefix>? Allow, ImmutableArray<Prefix> Deny)
{
    /// <summary>The rule against a prefix.</summary>
    /// <returns>Null where there is none.</returns>
    public string? RuleAgainst(Prefix prefix)
    {
        foreach (var denied in Deny.Where(denied => denied.Overlaps(prefix)))
            return $"{Member}.deny {denied}";
        return Allow is not { } allowed || allowed.Any(within => within.Contains(prefix)) ? null : $"{Member}.allow";
    }
}

/// <summary>Tags.</summary>
/// <param name="Allow">Which may be used; null for all.</param>
/// <param name="Deny">Which may not, whatever is allowed.</param>
internal sealed record VlanPolicy(VlanSet? Allow, VlanSet Deny)
{
    /// <summary>The rule against a tag.</summary>
    /// <returns>Null where there is none.</returns>
    public string? RuleAgainst(int vlan) =>
        Deny.Contains(vlan) ? $"vlans.deny {Deny}"
        : Allow?.Contains(vlan) == false ? "vlans.allow"
        : null;
}

/// <summary>What the node is managed by, and what of it may be touched all the same.</summary>
internal sealed record ManagementPolicy
{
    /// <summary>The rule by which it is left alone.</summary>
    public const string Rule = "management.protect";

    /// <summary>Whether it is left alone. True by default.</summary>
    public bool IsProtected { get; init; } = true;

    /// <summary>Interfaces that are the management's, beside those that are found to be.</summary>
    public ImmutableArray<string> Interfaces { get; init; } = [];

    /// <summary>Prefixes that are the node's own, beside those that are found to be.</summary>
    public ImmutableArray<Prefix> Prefixes { get; init; } = [];

    /// <summary>Where networks may overlap what is the node's own.</summary>
    public ImmutableArray<Prefix> MayOverlap { get; init; } = [];

    /// <summary>Whether a port that carries the management may be made wider. False by default.</summary>
    public bool MayWiden { get; init; }
}
