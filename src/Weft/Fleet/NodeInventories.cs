using Weft.Attachments;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>What nodes' agents found on them: rows of their own, so that a report changes no resource.</summary>
public static class NodeInventories
{
    /// <summary>The partition of inventories.</summary>
    public const string Partition = "inventory";

    /// <summary>The key of a node's inventory.</summary>
    /// <param name="node">The node.</param>
    /// <returns>The key.</returns>
    public static string KeyOf(ResourceId node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return $"{Partition}|{node.Key}";
    }

    /// <summary>Reads a node's inventory.</summary>
    /// <param name="image">What is stored.</param>
    /// <param name="node">The node.</param>
    /// <returns>The inventory, or null while no agent has reported one.</returns>
    public static NodeInventory? Of(Image image, ResourceId node)
    {
        ArgumentNullException.ThrowIfNull(image);
        return image.Get(KeyOf(node))?.As(row => NodeInventory.Of(row.Json));
    }
}
