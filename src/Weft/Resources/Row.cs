using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>
/// One row of the store: a key, the revision that wrote it, and a JSON document. Never changed, only replaced.
/// </summary>
internal sealed class Row
{
    private JsonElement? _json;
    private object? _model;

    // 0 as long as nobody has asked, 1 for no, 2 for yes. A race finds the same twice.
    private byte _deleting;

    /// <summary>A row.</summary>
    /// <param name="key">The key; see <see cref="StoreKey"/>.</param>
    /// <param name="revision">The revision that wrote it; 0 for one that isn't written yet.</param>
    /// <param name="bytes">The document in UTF-8.</param>
    public Row(string key, long revision, ReadOnlyMemory<byte> bytes) =>
        (Key, Revision, Bytes) = (key, revision, bytes);

    /// <summary>The key.</summary>
    public string Key { get; }

    /// <summary>The revision that wrote the row.</summary>
    public long Revision { get; }

    /// <summary>The document in UTF-8.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>The document, parsed at first use. A race parses it twice, to the same value.</summary>
    public JsonElement Json
    {
        get
        {
            if (_json is { } json)
                return json;
            using var document = JsonDocument.Parse(Bytes);
            json = document.RootElement.Clone();
            _json = json;
            return json;
        }
    }

    /// <summary>The id that the document names, parsed at first use; null where it is no resource's.</summary>
    internal ResourceId? Id => field ??= Json.Id("id");

    /// <summary>Whether it is a resource that is being removed, looked up at first use.</summary>
    internal bool IsDeleting
    {
        get
        {
            if (_deleting == 0)
                _deleting = Provisioning.ReadDeleting(this) ? (byte)2 : (byte)1;
            return _deleting == 2;
        }
    }

    /// <summary>The document as an object that may be changed; a new one at each call.</summary>
    public JsonObject ToJsonObject() => JsonNode.Parse(Bytes.Span)!.AsObject();

    /// <summary>The document as a record of its kind, made at first use and kept.</summary>
    public T ReadAs<T>(Func<Row, T> read)
        where T : class
    {
        if (_model is T model)
            return model;
        model = read(this);
        _model = model;
        return model;
    }
}

/// <summary>
/// Keys of the store: a partition, a bar, and what the row is. Rows of one partition stand together, and a partition
/// remembers its last change, so that "nothing was added to this list" can be checked at commit.
/// </summary>
internal static class StoreKey
{
    /// <summary>How the partitions of leases begin: one for each network, with the network's id behind it.</summary>
    public const string LeasePrefix = "lease:";

    /// <summary>The key of a resource: its type and its id.</summary>
    /// <returns>Such as <c>microsoft.networkcloud/l3networks|/subscriptions/…</c>.</returns>
    public static string ForResource(ResourceId id)
    {
        return id.RowKey;
    }

    /// <summary>The partition of a type.</summary>
    public static string PartitionOf(ResourceType type) => type.ToString().ToLowerInvariant();

    /// <summary>The partition of a key.</summary>
    public static string PartitionOf(string key)
    {
        return key[..key.IndexOf('|', StringComparison.Ordinal)];
    }
}

/// <summary>One row to write or to remove.</summary>
/// <param name="Bytes">The new document, or null to remove the row.</param>
internal record Mutation(string Key, ReadOnlyMemory<byte>? Bytes)
{
    /// <summary>How many rows and records it writes or removes.</summary>
    public virtual int Count => 1;

    /// <summary>The keys by which those are found whom it concerns (<see cref="Watcher"/>).</summary>
    public virtual IEnumerable<string> Topics => [Key];

    /// <summary>Writes a row.</summary>
    public static Mutation Put(string key, JsonNode body) => new(key, Json.ToUtf8(body));

    /// <summary>Writes a resource.</summary>
    public static Mutation Put(ResourceId id, JsonNode body) => Put(StoreKey.ForResource(id), body);

    /// <summary>Removes a row; removing what isn't there is no fault.</summary>
    public static Mutation Remove(string key) => new(key, null);
}

/// <summary>
/// A change of what a partition keeps in a form of its own, beside the rows: the leases of a network, say. It says itself
/// what it rests on, and is refused at the commit where that has changed.
/// </summary>
internal abstract record PackedMutation(string Partition) : Mutation($"{Partition}|", null)
{
    /// <summary>Makes it so.</summary>
    /// <returns>False where what it rests on has changed; then nothing of <paramref name="values"/> counts.</returns>
    public abstract bool TryApply(ViewValues values);

    /// <summary>The same without what it ends: that is to end later, by what it is called.</summary>
    /// <returns>What is left, null for nothing; and the keys of what is to end.</returns>
    public abstract (PackedMutation? Left, ImmutableArray<string> Ends) WithoutEnds();
}
