namespace Weft.Contracts;

/// <summary>The agent's socket, which the plugin asks. Contract: docs/specs/agent-socket.md.</summary>
internal static class PluginSocket
{
    /// <summary>Where the agent makes it, and the plugin looks for it, unless somebody says otherwise.</summary>
    public const string DefaultPath = "/run/weft/agent.sock";

    /// <summary>The longest line either side may send, its end included: 64 KiB.</summary>
    public const int MaxLineLength = 64 * 1024;
}
