namespace Weft.Agent;

/// <summary>
/// The agent's own directory, mode 0700, held by one agent at a time. What lies in it: docs/specs/agent.md.
/// </summary>
internal sealed class StateDirectory : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The name of <see cref="ControlPlaneAddresses"/>, for who reads a directory that it doesn't hold.</summary>
    public const string AddressesName = "control-plane.addresses";

    private readonly FileStream _lock;

    private StateDirectory(string root, FileStream held) => (Root, _lock) = (root, held);

    /// <summary>The directory.</summary>
    public string Root { get; }

    /// <summary>Who this agent is, and the secret that proves it.</summary>
    public string Credential => Path.Join(Root, "credential");

    /// <summary>The last desired state that could be rendered, as the control plane sent it.</summary>
    public string Desired => Path.Join(Root, "desired.json");

    /// <summary>Where the control plane was found last.</summary>
    public string ControlPlaneAddresses => Path.Join(Root, AddressesName);

    /// <summary>The leases' journal.</summary>
    public string Journal => Path.Join(Root, "journal");

    /// <summary>Which manifests the agent made.</summary>
    public string OwnedManifests => Path.Join(Root, "manifests.made");

    /// <summary>Which node files the agent made.</summary>
    public string OwnedNodeFiles => Path.Join(Root, "nodes.made");

    /// <summary>Makes the directory if need be, and holds it until disposed.</summary>
    /// <exception cref="StartupException">Another agent holds it, or it can't be made.</exception>
    public static StateDirectory Open(string root)
    {
        try
        {
            Directory.CreateDirectory(root, OwnerOnly);
            File.SetUnixFileMode(root, OwnerOnly);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"the state directory '{root}' can't be used: {e.Message}", e);
        }

        try
        {
            // FileShare.None is flock(2): it ends with the process, so that a killed agent leaves nothing to clear
            // away.
            var path = Path.Join(root, "lock");
            return new StateDirectory(
                root,
                new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None)
            );
        }
        catch (IOException e)
        {
            throw new StartupException(
                $"another weft-agent works in '{root}' ({e.Message}); stop it, or give this one a --state of its own",
                e
            );
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();
}
