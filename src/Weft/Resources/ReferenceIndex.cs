using System.Collections.Immutable;
using System.Text;
using System.Text.Json;

namespace Weft.Resources;

/// <summary>
/// Who names whom: for each id the resources whose properties hold it, kept row by row. "Who uses this network" then
/// costs what its users are, however large the site is.
/// </summary>
internal static class ReferenceIndex
{
    private const string NamePrefix = "uses:";

    /// <summary>The users of every id that resources of some types name.</summary>
    public static MaterializedView CreateView(IEnumerable<ResourceType> types)
    {
        var partitions = types.Select(StoreKey.PartitionOf).ToHashSet(StringComparer.Ordinal);
        return new MaterializedView(partitions.Contains, Update) { NamesOf = NamesIn };
    }

    /// <summary>The resources that name an id, in the order of their keys.</summary>
    public static IEnumerable<ResourceId> UsersOf(StoreState state, ResourceId id) => Users(state.View(NameOf(id)));

    /// <summary>
    /// The same for a decision, which doesn't stand if another user comes or one goes meanwhile; those that are being
    /// deleted are left out.
    /// </summary>
    public static IEnumerable<Row> UsersOf(ReadTransaction transaction, ResourceId id) =>
        Users(transaction.View(NameOf(id))).Select(transaction.Get).OfType<Row>();

    private static string NameOf(ResourceId id) => NamePrefix + id.Key;

    private static IEnumerable<ResourceId> Users(object? value) => value as ImmutableSortedSet<ResourceId> ?? [];

    private static object? Update(object? users, Row? before, Row? after)
    {
        if (before is not null && after is not null)
            return users;
        var known = users as ImmutableSortedSet<ResourceId> ?? ImmutableSortedSet.Create<ResourceId>(KeyOrder.Instance);
        var left = after is not null ? known.Add(after.Id!) : known.Remove(before!.Id!);
        return left.IsEmpty ? null : left;
    }

    /// <summary>The ids in a row's properties, wherever they stand: each once.</summary>
    private static HashSet<string> NamesIn(Row row)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var reader = new Utf8JsonReader(row.Bytes.Span);
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 1)
            {
                if (!reader.ValueTextEquals("properties"u8))
                    reader.Skip();
            }
            else if (reader.TokenType == JsonTokenType.String && MayBeId(reader.ValueSpan))
            {
                var text = reader.GetString()!.ToLowerInvariant();
                names.Add(text[0] == '/' ? NamePrefix + text : $"{NamePrefix}/{text}");
            }
        }

        return names;
    }

    /// <summary>Whether a text begins as ids do; the slash in front may be missing.</summary>
    private static bool MayBeId(ReadOnlySpan<byte> text)
    {
        var start = "subscriptions/"u8;
        if (text is [(byte)'/', ..])
            text = text[1..];
        return text.Length > start.Length && Ascii.EqualsIgnoreCase(text[..start.Length], start);
    }

    private sealed class KeyOrder : IComparer<ResourceId>
    {
        public static readonly KeyOrder Instance = new();

        public int Compare(ResourceId? x, ResourceId? y) => string.CompareOrdinal(x!.RowKey, y!.RowKey);
    }
}
