using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Contracts;

/// <summary>The body of <c>POST leases/acquire</c> and <c>POST leases/release</c>.</summary>
/// <param name="Holder">Who is to have a lease, or whose lease ends; a release says nothing else.</param>
internal sealed record PodLeaseRequest(LeaseHolder Holder)
{
    private const int MaxTextLength = AgentTexts.MaxLeaseText;

    /// <summary>The pod's namespace, name and UID, so that people see whose it is; null where nobody says.</summary>
    public string? Namespace { get; init; }

    /// <inheritdoc cref="Namespace"/>
    public string? Pod { get; init; }

    /// <inheritdoc cref="Namespace"/>
    public string? Uid { get; init; }

    /// <summary>The node that the pod is on; null where the agent serves none.</summary>
    public string? Node { get; init; }

    /// <summary>The addresses that the pod asks for, one of each family at most; empty where it doesn't ask.</summary>
    public ImmutableArray<Address> Ips { get; init; } = [];

    /// <summary>What the pod claims as its own across lives, a name in its namespace; null where it claims nothing.</summary>
    public string? Claim { get; init; }

    /// <summary>Where it stands among its agent's requests; null where it is to count whenever it comes.</summary>
    public RequestOrder? Order { get; init; }

    /// <summary>The body as the agent sends it.</summary>
    public byte[] ToBytes()
    {
        var body = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            WriteMembers(json);
            Order?.WriteTo(json);
            json.WriteEndObject();
        }

        return body.WrittenSpan.ToArray();
    }

    /// <summary>Writes all members but those of its order.</summary>
    public void WriteMembers(Utf8JsonWriter json)
    {
        json.WriteString("network", Holder.Network.ToString());
        json.WriteString("containerId", Holder.ContainerId);
        json.WriteString("interface", Holder.Interface);
        json.WriteText("namespace", Namespace);
        json.WriteText("pod", Pod);
        json.WriteText("uid", Uid);
        json.WriteText("node", Node);
        json.WriteText("claim", Claim);
        json.WriteTexts("ips", Ips.IsEmpty ? null : Ips.Select(address => address.ToString()));
    }

    /// <summary>Reads the body.</summary>
    /// <returns>The request, or everything that is wrong with it.</returns>
    public static Outcome<PodLeaseRequest> Read(JsonObject body)
    {
        string? Text(string name) =>
            body[name] is JsonValue value
            && value.TryGetValue<string>(out var text)
            && text.Length is > 0 and <= MaxTextLength
                ? text
                : null;
        // What isn't there, or is too long, is missing below; what need not be there is said here.
        var findings = AgentTexts
            .Check(body, AgentTexts.Lease)
            .Where(finding => finding.Target is not ("network" or "containerId" or "interface" or "session"))
            .ToList();
        if (!ResourceId.TryParse(Text("network"), out var network) || network.Type != L3Network.ResourceType)
            findings.Add(
                new Refusal(
                    RefusalCode.InvalidMember,
                    $"'network': '{Text("network")}' is no id of an L3 network",
                    "network"
                )
            );
        foreach (var name in (string[])["containerId", "interface"])
        {
            if (Text(name) is not { } text || text.Contains('#', StringComparison.Ordinal))
                findings.Add(
                    new Refusal(
                        RefusalCode.MissingMember,
                        $"'{name}' is required: up to {MaxTextLength} characters without '#'",
                        name
                    )
                );
        }

        var ips = ReadAddresses(body["ips"], findings);
        var order = RequestOrder.Read(body, findings);
        return findings.Count > 0
            ? Refusal.Combine(findings, "lease")
            : new PodLeaseRequest(new LeaseHolder(network!, Text("containerId")!, Text("interface")!))
            {
                Namespace = Text("namespace"),
                Pod = Text("pod"),
                Uid = Text("uid"),
                Node = Text("node"),
                Claim = Text("claim"),
                Ips = ips,
                Order = order,
            };
    }

    private static ImmutableArray<Address> ReadAddresses(JsonNode? ips, List<Refusal> findings)
    {
        var addresses = new List<Address>();
        if (ips is not (null or JsonArray))
            findings.Add(new Refusal(RefusalCode.InvalidMember, "'ips' must be a list of addresses", "ips"));
        foreach (var ip in ips as JsonArray ?? [])
        {
            if (!Address.Parse(AgentTexts.Excerpt(ip?.ToString()), "ips").TryGet(out var address, out var refusal))
                findings.Add(refusal);
            else if (addresses.Exists(other => other.Family == address.Family))
                findings.Add(
                    new Refusal(
                        RefusalCode.InvalidMember,
                        $"'ips': {address} is a second {address.Family} address; an interface has one of each family",
                        "ips"
                    )
                );
            else
                addresses.Add(address);
        }

        return [.. addresses];
    }
}
