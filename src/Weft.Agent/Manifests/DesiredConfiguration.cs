using System.Text.Json;
using Weft.Attachments.Nodes;
using Weft.Contracts;

namespace Weft.Agent.Manifests;

/// <summary>Finds the configuration of a node.</summary>
internal static class DesiredConfiguration
{
    /// <summary>The configuration of a node in a desired state.</summary>
    /// <param name="node">The node; null for the only one.</param>
    /// <returns>The configuration, or what is wrong with it.</returns>
    public static Outcome<NodeConfiguration> Find(DesiredStateDocument document, string? node)
    {
        var nodes = document.Nodes ?? [];
        if (nodes.Where(each => node is null || NameOf(each) == node).ToList() is not [var only])
        {
            var names = string.Join(", ", nodes.Select(NameOf));
            return new Refusal(
                RefusalCode.InvalidMember,
                node is null
                    ? $"the desired state has the nodes {names}; say which by --node"
                    : $"the desired state has no node '{node}' (it has: {names}); "
                        + "declare it in Weft, or start the agent with another --node",
                "nodes"
            );
        }

        return only.HasConfiguration
            ? only.Configuration
            : new Refusal(
                RefusalCode.MissingMember,
                $"the desired state has no configuration for node '{NameOf(only)}'; "
                    + "the control plane is older than the agent",
                "nodes.configuration"
            );
    }

    /// <summary>A node's configuration in a file: in a desired state, or alone.</summary>
    /// <param name="node">The node; null for the only one.</param>
    /// <returns>The configuration, or what is wrong with it.</returns>
    public static Outcome<NodeConfiguration> ReadFile(byte[] content, string? node)
    {
        try
        {
            var root = JsonElement.Parse(content);
            if (root.ValueKind != JsonValueKind.Object)
                return new Refusal(
                    RefusalCode.InvalidMember,
                    "it is no JSON object; give the desired state of a cluster, or one node's configuration"
                );
            return root.TryGetProperty("nodes", out _)
                ? Find(DesiredStateDocument.Read(root), node)
                : NodeConfiguration.Read(root, node ?? Environment.MachineName.ToLowerInvariant());
        }
        catch (JsonException e)
        {
            return new Refusal(RefusalCode.InvalidMember, $"it is no JSON: {e.Message}");
        }
    }

    private static string NameOf(DesiredNodeEntry node) => node.Name ?? "";
}
