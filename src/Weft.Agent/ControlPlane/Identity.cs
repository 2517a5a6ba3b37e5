using System.Text.Json;
using System.Text.Json.Serialization;
using Weft.Files;

namespace Weft.Agent.ControlPlane;

/// <summary>
/// Who the agent is, once enrolled, and the secret that proves it. It is kept in the state directory, mode 0600.
/// </summary>
/// <param name="Credential">The secret; never logged.</param>
/// <param name="Previous">
/// The secret before it, null for none. It is good for nothing once the control plane has met the new one; until then,
/// and at a control plane that was set back to an earlier time, it is what makes the new one known.
/// </param>
/// <param name="Since">When the secret was made; null where an earlier version has kept it.</param>
internal sealed record Identity(
    string Name,
    string AgentId,
    string Cluster,
    string Credential,
    string? Previous = null,
    DateTimeOffset? Since = null
)
{
    /// <summary>Reads the identity that an earlier start has kept.</summary>
    /// <param name="name">The name the agent was started by.</param>
    /// <param name="exposed">Is told of the mode, where others could read the secret; it is for the owner alone
    /// again.</param>
    /// <returns>The identity, or null where the agent isn't enrolled.</returns>
    /// <exception cref="StartupException">The file is damaged, or of another agent.</exception>
    public static Identity? Read(string path, string name, Action<UnixFileMode>? exposed = null)
    {
        if (!File.Exists(path))
            return null;
        if (File.GetUnixFileMode(path) is var mode && (mode & ~(DurableFile.Private | UnixFileMode.UserExecute)) != 0)
            exposed?.Invoke(mode);
        File.SetUnixFileMode(path, DurableFile.Private);
        Identity? kept;
        try
        {
            kept = JsonSerializer.Deserialize(File.ReadAllBytes(path), IdentityJson.Default.Identity);
        }
        catch (JsonException e)
        {
            throw new StartupException($"'{path}' is damaged; delete it and enrol the agent again with a new token", e);
        }

        if (kept is not { Name: not null, AgentId: not null, Cluster: not null, Credential: not null })
            throw new StartupException($"'{path}' is damaged; delete it and enrol the agent again with a new token");
        if (kept.Name != name)
        {
            throw new StartupException(
                $"the state directory belongs to the agent '{kept.Name}': start with its --name, or give '{name}' a --state of its own"
            );
        }

        return kept.Since is null ? kept with { Since = File.GetLastWriteTimeUtc(path) } : kept;
    }

    /// <summary>Keeps the identity; returns once it is on the disk.</summary>
    public void Save(string path) =>
        DurableFile.Write(
            path,
            JsonSerializer.SerializeToUtf8Bytes(this, IdentityJson.Default.Identity),
            DurableFile.Private
        );

    /// <summary>The name alone: a record prints all it has, and this one must not.</summary>
    public override string ToString() => AgentId;
}

/// <summary>How an identity is kept; reflection wouldn't survive compilation ahead of time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true
)]
[JsonSerializable(typeof(Identity))]
internal sealed partial class IdentityJson : JsonSerializerContext;
