using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Weft.Resources;

/// <summary>
/// An ARM resource id, parsed once. Ids compare without regard to case and keep the caller's own spelling of names.
/// </summary>
/// <remarks>
/// Forms: <c>/subscriptions/S</c>, <c>/subscriptions/S/resourceGroups/G</c>, either with
/// <c>/providers/NS/type/name[/type/name…]</c> behind it, and any of these again with <c>/providers/…</c> behind it (an
/// extension resource). Source: ARM resource id format; docs/specs/resource-api.md.
/// </remarks>
internal sealed class ResourceId : IEquatable<ResourceId>
{
    /// <summary>The type of a subscription.</summary>
    public static readonly ResourceType SubscriptionType = new("Microsoft.Resources", "subscriptions");

    /// <summary>The type of a resource group.</summary>
    public static readonly ResourceType ResourceGroupType = new("Microsoft.Resources", "resourceGroups");

    private static readonly SearchValues<char> ForbiddenChars = SearchValues.Create("?#% \t\r\n");

    private readonly string _text;

    private ResourceId(ResourceId? parent, ResourceType type, string name, string text)
    {
        Parent = parent;
        Type = type;
        Name = name;
        _text = text;
        Key = text.ToLowerInvariant();
    }

    /// <summary>What it stands under: the scope, or the parent resource; null for a subscription.</summary>
    public ResourceId? Parent { get; }

    /// <summary>The type.</summary>
    public ResourceType Type { get; }

    /// <summary>The last name, as the caller spelt it.</summary>
    public string Name { get; }

    /// <summary>The id in lower case: what ids are compared and stored by.</summary>
    public string Key { get; }

    /// <summary>The key its row has, put together at first use.</summary>
    internal string RowKey => field ??= $"{StoreKey.PartitionOf(Type)}|{Key}";

    /// <summary>The subscription's id.</summary>
    public string Subscription => Type == SubscriptionType ? Name : Parent!.Subscription;

    /// <summary>The resource group's name, or null for what stands outside of one.</summary>
    public string? ResourceGroup => Type == ResourceGroupType ? Name : Parent?.ResourceGroup;

    /// <summary>Whether the resource is an extension of another one: it follows a second <c>/providers/</c>.</summary>
    public bool IsExtension =>
        Parent is { } parent
        && parent.Type != SubscriptionType
        && parent.Type != ResourceGroupType
        && !string.Equals(parent.Type.Namespace, Type.Namespace, StringComparison.OrdinalIgnoreCase);

    /// <summary>A subscription.</summary>
    public static ResourceId ForSubscription(string subscription) =>
        new(null, SubscriptionType, subscription, $"/subscriptions/{subscription}");

    /// <summary>A resource group.</summary>
    public static ResourceId ForResourceGroup(string subscription, string group) =>
        new(
            ForSubscription(subscription),
            ResourceGroupType,
            group,
            $"/subscriptions/{subscription}/resourceGroups/{group}"
        );

    /// <summary>Reads an id. A missing leading slash is let pass; a trailing one is not.</summary>
    /// <param name="target">The member it came from, for the refusal.</param>
    public static Outcome<ResourceId> Parse(string text, string? target = null)
    {
        if (TryParse(text, out var id))
            return id;
        return new Refusal(
            RefusalCode.InvalidResourceId,
            $"'{text}' is no resource id; write /subscriptions/SUB/resourceGroups/GROUP/providers/NAMESPACE/TYPE/NAME",
            target
        );
    }

    /// <summary>Reads an id, without a refusal.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out ResourceId? id)
    {
        id = null;
        if (text is null)
            return false;
        var parts = (text.StartsWith('/') ? text[1..] : text).Split('/');
        if (parts.Any(part => part.Length == 0 || part.AsSpan().ContainsAny(ForbiddenChars)))
            return false;
        if (parts.Length < 2 || !Is(parts[0], "subscriptions"))
            return false;
        id = ForSubscription(parts[1]);
        var at = 2;
        if (at + 1 < parts.Length && Is(parts[at], "resourceGroups"))
        {
            id = ForResourceGroup(parts[1], parts[at + 1]);
            at += 2;
        }

        while (at < parts.Length)
        {
            if (!Is(parts[at], "providers"))
                return false;
            var start = at;
            at += 2;
            while (at < parts.Length && !Is(parts[at], "providers"))
            {
                if (at + 1 >= parts.Length)
                    return false;
                id =
                    at == start + 2
                        ? id!.Extend(new ResourceType(parts[start + 1], parts[at]), parts[at + 1])
                        : id!.Child(parts[at], parts[at + 1]);
                at += 2;
            }

            if (at == start + 2)
                return false;
        }

        return true;

        static bool Is(string part, string word) => part.Equals(word, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>A child of this resource: <c>kubernetesClusters/c1</c> + <c>agentPools</c>, <c>pool1</c>.</summary>
    public ResourceId Child(string type, string name) =>
        new(this, new ResourceType(Type.Namespace, $"{Type.Path}/{type}"), name, $"{_text}/{type}/{name}");

    /// <summary>A resource of a provider in this scope, or an extension of this resource.</summary>
    public ResourceId Extend(ResourceType type, string name) =>
        new(this, type, name, $"{_text}/providers/{type.Namespace}/{type.Path}/{name}");

    /// <summary>Whether this resource stands somewhere under another one.</summary>
    public bool IsUnder(ResourceId scope)
    {
        return Key.Length > scope.Key.Length
            && Key[scope.Key.Length] == '/'
            && Key.StartsWith(scope.Key, StringComparison.Ordinal);
    }

    /// <inheritdoc/>
    public bool Equals(ResourceId? other) => other is not null && Key == other.Key;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ResourceId);

    /// <inheritdoc/>
    public override int GetHashCode() => Key.GetHashCode(StringComparison.Ordinal);

    /// <summary>The id as its author spelt it.</summary>
    public override string ToString() => _text;
}
