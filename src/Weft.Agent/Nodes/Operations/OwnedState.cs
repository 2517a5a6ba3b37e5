using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Weft.Files;

namespace Weft.Agent.Nodes.Operations;

/// <summary>
/// What the agent has made on the node and what was there before, as the operations that made it. Only this is ever
/// taken away again.
/// </summary>
/// <param name="Boot">The boot it was made in: a restart of the machine takes away all but files.</param>
/// <param name="Steps">The operations that still hold, one a key.</param>
internal sealed record OwnedState(string Boot, ImmutableArray<NodeOperation> Steps)
{
    /// <summary>
    /// A fingerprint of the configuration that was last found to leave the control plane within reach.
    /// </summary>
    public string? Proven { get; init; }

    /// <summary>Nothing yet.</summary>
    public static OwnedState Empty { get; } = new("", []);

    /// <summary>The operation that holds for a key.</summary>
    /// <returns>The operation, or null.</returns>
    public NodeOperation? Find(string key) => Steps.FirstOrDefault(operation => operation.Key == key);

    /// <summary>What is owned once an operation is executed.</summary>
    public OwnedState With(NodeOperation operation)
    {
        if (operation.Key is not { } key)
            return this;
        var earlier = Find(key);
        var rest = earlier is null ? Steps : Steps.Remove(earlier);
        var held =
            operation.Removes ? null
            : earlier is null ? operation
            : operation.Compose(earlier);
        return this with { Steps = held is null ? rest : rest.Add(held) };
    }

    /// <summary>What of it is still there in a boot.</summary>
    public OwnedState ForBoot(string boot) =>
        boot == Boot ? this : this with { Boot = boot, Steps = [.. Steps.OfType<WriteServiceFiles>()] };
}

/// <summary>
/// What must be taken back unless the control plane turns out to be within reach. It is on the disk before anything is
/// changed.
/// </summary>
/// <param name="Configuration">A fingerprint of the configuration that is being applied.</param>
/// <param name="IsDone">Whether all operations were executed; false where the agent was cut short between them.</param>
/// <param name="Undo">The operations that undo it, in order.</param>
internal sealed record PendingChange(
    string Boot,
    string Configuration,
    bool IsDone,
    OwnedState Before,
    ImmutableArray<NodeOperation> Undo
);

/// <summary>A configuration that cut the node off, and when it may be tried again.</summary>
internal sealed record RolledBack(string Configuration, int Attempts, DateTimeOffset NotBefore, string Why);

/// <summary>The four files that a node's part of the state directory consists of (docs/specs/node-apply.md).</summary>
internal sealed class NodeStateStore(string directory)
{
    private readonly string _owned = Path.Join(directory, "node.made");
    private readonly string _pending = Path.Join(directory, "node.pending");
    private readonly string _rolledBack = Path.Join(directory, "node.rolled-back");
    private readonly string _management = Path.Join(directory, "node.management");

    /// <summary>What the agent has made.</summary>
    /// <exception cref="IOException">The file can't be read, or is damaged.</exception>
    public OwnedState ReadOwned() => Read(_owned, NodeJson.Default.OwnedState) ?? Operations.OwnedState.Empty;

    /// <summary>What must be taken back.</summary>
    /// <exception cref="IOException">The file can't be read, or is damaged.</exception>
    public PendingChange? ReadPending() => Read(_pending, NodeJson.Default.PendingChange);

    /// <summary>What was rolled back last.</summary>
    /// <exception cref="IOException">The file can't be read, or is damaged.</exception>
    public RolledBack? ReadRolledBack() => Read(_rolledBack, NodeJson.Default.RolledBack);

    /// <summary>What the node was found to be managed by.</summary>
    /// <exception cref="IOException">The file can't be read, or is damaged.</exception>
    public ManagementRecord ReadManagement() =>
        Read(_management, NodeJson.Default.ManagementRecord) ?? ManagementRecord.Empty;

    /// <summary>Keeps what the node was found to be managed by.</summary>
    public void Save(ManagementRecord management) => Save(_management, management, NodeJson.Default.ManagementRecord);

    /// <summary>Keeps what is made; returns once it is on the disk.</summary>
    public void Save(OwnedState owned) =>
        DurableFile.Write(
            _owned,
            JsonSerializer.SerializeToUtf8Bytes(owned, NodeJson.Default.OwnedState),
            DurableFile.Private
        );

    /// <summary>Keeps what must be taken back; null once nothing must.</summary>
    public void Save(PendingChange? pending) => Save(_pending, pending, NodeJson.Default.PendingChange);

    /// <summary>Keeps what was rolled back; null once it no longer counts.</summary>
    public void Save(RolledBack? rolledBack) => Save(_rolledBack, rolledBack, NodeJson.Default.RolledBack);

    private static void Save<T>(string path, T? value, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        if (value is not null)
        {
            DurableFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(value, type), DurableFile.Private);
        }
        else if (File.Exists(path))
        {
            File.Delete(path);
            DurableFile.SyncDirectory(Path.GetDirectoryName(path)!);
        }
    }

    private static T? Read<T>(string path, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        if (!File.Exists(path))
            return null;
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), type);
        }
        catch (JsonException e)
        {
            throw new IOException(
                $"'{path}' is damaged, so it isn't known what on this node is Weft's; look at the node's interfaces, then remove the file",
                e
            );
        }
    }
}

/// <summary>The files' JSON, without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    IgnoreReadOnlyProperties = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
)]
[JsonSerializable(typeof(OwnedState))]
[JsonSerializable(typeof(PendingChange))]
[JsonSerializable(typeof(RolledBack))]
[JsonSerializable(typeof(ManagementRecord))]
internal sealed partial class NodeJson : JsonSerializerContext;
