using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Weft.Agent.Disk;

namespace Weft.Agent.Nodes;

/// <summary>
/// What the agent has made on the node and what was there before, as the steps that made it. Only this is ever taken away again.
/// </summary>
/// <param name="Boot">The boot it was made in: a restart of the machine takes away all but files.</param>
/// <param name="Steps">The steps that still hold, one a key.</param>
internal sealed record Made(string Boot, ImmutableArray<NodeStep> Steps)
{
    /// <summary>A fingerprint of the configuration that was last found to leave the control plane within reach.</summary>
    public string? Proven { get; init; }

    /// <summary>Nothing yet.</summary>
    public static Made Nothing { get; } = new("", []);

    /// <summary>The step that holds for a key.</summary>
    /// <returns>The step, or null.</returns>
    public NodeStep? Of(string key) => Steps.FirstOrDefault(step => step.Key == key);

    /// <summary>What is made once a step is done.</summary>
    public Made After(NodeStep step)
    {
        if (step.Key is not { } key)
            return this;
        var earlier = Of(key);
        var rest = earlier is null ? Steps : Steps.Remove(earlier);
        var held = step.TakesAway ? null : earlier is null ? step : step.After(earlier);
        return this with { Steps = held is null ? rest : rest.Add(held) };
    }

    /// <summary>What of it is still there in a boot.</summary>
    public Made In(string boot) => boot == Boot ? this : this with { Boot = boot, Steps = [.. Steps.OfType<WriteFiles>()] };
}

/// <summary>What must be taken back unless the control plane turns out to be within reach. It is on the disk before anything is changed.</summary>
/// <param name="Configuration">A fingerprint of the configuration that is being applied.</param>
/// <param name="IsDone">Whether all steps were taken; false where the agent was cut short between them.</param>
/// <param name="Undo">The steps that take it back, in order.</param>
internal sealed record Pending(string Boot, string Configuration, bool IsDone, Made Before, ImmutableArray<NodeStep> Undo);

/// <summary>A configuration that cut the node off, and when it may be tried again.</summary>
internal sealed record RolledBack(string Configuration, int Attempts, DateTimeOffset NotBefore, string Why);

/// <summary>The three files that a node's part of the state directory consists of (docs/specs/node-apply.md).</summary>
internal sealed class NodeMemory(string directory)
{
    private readonly string _made = Path.Join(directory, "node.made");
    private readonly string _pending = Path.Join(directory, "node.pending");
    private readonly string _rolledBack = Path.Join(directory, "node.rolled-back");

    /// <summary>What the agent has made.</summary>
    /// <exception cref="IOException">The file can't be read, or is damaged.</exception>
    public Made Made() => Read(_made, NodeJson.Default.Made) ?? Nodes.Made.Nothing;

    /// <summary>What must be taken back.</summary>
    /// <exception cref="IOException">The file can't be read, or is damaged.</exception>
    public Pending? Pending() => Read(_pending, NodeJson.Default.Pending);

    /// <summary>What was rolled back last.</summary>
    /// <exception cref="IOException">The file can't be read, or is damaged.</exception>
    public RolledBack? RolledBack() => Read(_rolledBack, NodeJson.Default.RolledBack);

    /// <summary>Keeps what is made; returns once it is on the disk.</summary>
    public void Keep(Made made) => AtomicFile.Write(_made, JsonSerializer.SerializeToUtf8Bytes(made, NodeJson.Default.Made), AtomicFile.Private);

    /// <summary>Keeps what must be taken back; null once nothing must.</summary>
    public void Keep(Pending? pending) => Keep(_pending, pending, NodeJson.Default.Pending);

    /// <summary>Keeps what was rolled back; null once it no longer counts.</summary>
    public void Keep(RolledBack? rolledBack) => Keep(_rolledBack, rolledBack, NodeJson.Default.RolledBack);

    private static void Keep<T>(string path, T? value, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        if (value is not null)
        {
            AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(value, type), AtomicFile.Private);
        }
        else if (File.Exists(path))
        {
            File.Delete(path);
            Libc.SyncDirectory(Path.GetDirectoryName(path)!);
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
            throw new IOException($"'{path}' is damaged, so it isn't known what on this node is Weft's; look at the node's interfaces, then remove the file", e);
        }
    }
}

/// <summary>The files' JSON, without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, IgnoreReadOnlyProperties = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Made))]
[JsonSerializable(typeof(Pending))]
[JsonSerializable(typeof(RolledBack))]
internal sealed partial class NodeJson : JsonSerializerContext;
