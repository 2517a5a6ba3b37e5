using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Agent.ControlPlane;
using Weft.Files;
using Weft.Resources;

namespace Weft.Agent.Kubernetes;

/// <summary>
/// Keeps the agent's credential in a Secret, for replicas that are one agent and have no disk of their own: whichever
/// leads is the agent. Without it each pod that is made anew would need a new enrolment token, and leave an agent
/// behind that never reports again.
/// </summary>
/// <param name="name">The Secret, in <c>weft-system</c>.</param>
internal sealed class IdentitySecret(KubeApi api, string name)
{
    private const string Member = "credential";

    private string Path => $"api/v1/namespaces/{ObjectKind.SystemNamespace}/secrets/{name}";

    /// <summary>
    /// Puts the credential that is kept into the state directory, from where the agent takes it; what is there gives
    /// way.
    /// </summary>
    /// <returns>Done when the file is as the Secret says; at once where there is no Secret.</returns>
    /// <exception cref="StartupException">The Secret can't be read.</exception>
    public async Task Fetch(string path, CancellationToken cancel)
    {
        try
        {
            var secret = await api.Get(Path, cancel);
            if (secret?["data"]?[Member] is JsonValue value && value.TryGetValue<string>(out var text))
                DurableFile.Write(path, Convert.FromBase64String(text), DurableFile.Private);
        }
        catch (Exception e) when (e is KubeException or FormatException)
        {
            throw new StartupException($"the Secret {ObjectKind.SystemNamespace}/{name} can't be read: {e.Message}", e);
        }
    }

    /// <summary>Keeps a credential.</summary>
    /// <returns>Done when the API server has it.</returns>
    /// <exception cref="ControlPlaneException">It couldn't be kept: the agent enrols again, which makes this credential
    /// void.</exception>
    public async Task Save(Identity identity, CancellationToken cancel)
    {
        var body = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Secret",
            ["metadata"] = new JsonObject
            {
                ["name"] = name,
                ["namespace"] = ObjectKind.SystemNamespace,
                ["labels"] = new JsonObject { ["app.kubernetes.io/managed-by"] = "weft" },
            },
            ["type"] = "Opaque",
            ["data"] = new JsonObject
            {
                [Member] = Convert.ToBase64String(
                    JsonSerializer.SerializeToUtf8Bytes(identity, IdentityJson.Default.Identity)
                ),
            },
        };
        try
        {
            await api.Apply(Path, Json.ToUtf8(body), true, cancel);
        }
        catch (KubeException e)
        {
            throw new ControlPlaneException(
                $"the credential can't be kept in the Secret {ObjectKind.SystemNamespace}/{name}: {e.Message}",
                e
            );
        }
    }
}
