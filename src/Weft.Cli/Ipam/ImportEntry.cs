using System.Text.Json.Nodes;

namespace Weft.Cli.Ipam;

/// <summary>One address in use, as a list of another program has it.</summary>
/// <param name="Place">Where it stands: file and line, or what stands for one.</param>
/// <param name="Address">The address, a range or a prefix, as written.</param>
/// <param name="Name">What it is called, or null.</param>
/// <param name="Holder">The machine, the node, or the pod's cluster as a person writes it, or null.</param>
/// <param name="Pod">The pod, as namespace and name, or null.</param>
internal sealed record ImportEntry(string Place, string Address, string? Name, string? Holder, string? Pod)
{
    /// <summary>The entry as the server takes it.</summary>
    /// <param name="holder">The id of the holder, or null.</param>
    public JsonObject ToJson(string? holder)
    {
        var body = new JsonObject { ["address"] = Address };
        if (Name is not null)
            body["name"] = Name;
        if (holder is not null)
            body["for"] = holder;
        if (holder is not null && Pod is not null)
            body["pod"] = Pod;
        return body;
    }
}
