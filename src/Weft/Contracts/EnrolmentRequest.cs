using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments;

namespace Weft.Contracts;

/// <summary>The body of <c>POST enroll</c>.</summary>
/// <param name="Name">What the agent is called: a DNS label, unique in its cluster.</param>
/// <param name="Node">The node it serves; null where it serves the cluster as a whole.</param>
internal sealed record EnrolmentRequest(string Name, string? Node, string? Version)
{
    /// <summary>The body as the agent sends it.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ContractJson.Default.EnrolmentRequest);

    /// <summary>Reads the body.</summary>
    public static Outcome<EnrolmentRequest> Read(JsonObject body)
    {
        var name = body["name"]?.ToString() ?? "";
        return DnsLabel.IsValid(name)
            ? new EnrolmentRequest(name, body["node"]?.ToString(), body["version"]?.ToString())
            : new Refusal(
                RefusalCode.InvalidMember,
                $"'name': '{name}' is no DNS label: lower-case letters, digits and hyphens, at most 63",
                "name"
            );
    }
}
