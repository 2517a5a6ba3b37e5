using System.Text.Json;
using System.Text.Json.Serialization;
using Weft.Addressing;
using Weft.Agent.ControlPlane;
using Weft.Resources;

namespace Weft.Agent.Leases;

/// <summary>
/// One request of the plugin, as it came; nothing of it is believed before it is asked for by a method here.
/// </summary>
/// <remarks>Contract: docs/specs/agent-socket.md. Members it doesn't name are skipped.</remarks>
internal sealed record SocketRequest(
    string? Verb = null,
    string? Network = null,
    string? ContainerId = null,
    string? Interface = null,
    string? Namespace = null,
    string? Pod = null,
    string? Uid = null,
    IReadOnlyList<string?>? Ips = null,
    IReadOnlyList<string?>? Addresses = null
)
{
    private const int MaxIdLength = 253;

    /// <summary>The pod as <c>namespace/name</c>; null where the runtime sent none.</summary>
    [JsonIgnore]
    public string? PodName => Pod is null ? null : $"{Namespace}/{Pod}";

    /// <summary>Reads a line.</summary>
    /// <param name="line">The line, without its end.</param>
    /// <returns>The request, or why it is none.</returns>
    public static Outcome<SocketRequest> Read(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, AgentJson.Default.SocketRequest)
                ?? (Outcome<SocketRequest>)
                    new Refusal(RefusalCode.InvalidRequestContent, "the request is null; it must be a JSON object");
        }
        catch (JsonException e)
        {
            return new Refusal(
                RefusalCode.InvalidRequestContent,
                $"the request is no JSON object as it must be: {e.Message}",
                e.Path
            );
        }
    }

    /// <summary>The holder it is about.</summary>
    /// <returns>The holder, or which member is missing or bad.</returns>
    public Outcome<Holder> ParseHolder()
    {
        if (Network is null || ContainerId is null || Interface is null)
            return Missing(
                Network is null ? "network"
                : ContainerId is null ? "containerId"
                : "interface"
            );
        if (!ResourceId.Parse(Network, "network").TryGet(out var network, out var refusal))
            return refusal;
        if (!IsContainerId(ContainerId))
            return Invalid(
                "containerId",
                ContainerId,
                "it must be 1 to 253 letters, digits, '_', '.' and '-', a letter or digit first"
            );
        if (!InterfaceName.TryParse(Interface, InterfaceNameRules.NoControlCharacters, out _, out var why))
            return Invalid("interface", Interface, why);
        return new Holder(network, ContainerId, Interface);
    }

    /// <summary>The addresses that the pod asked for.</summary>
    /// <returns>Them, or null where it asked for none, or which is no address.</returns>
    public Outcome<IReadOnlyList<Address>> ParseRequestedAddresses() => Read(Ips ?? [], "ips");

    /// <summary>The addresses to check.</summary>
    /// <returns>Them, or what is wrong with them.</returns>
    public Outcome<IReadOnlyList<Address>> ParseCheckedAddresses() =>
        Addresses is null ? Missing("addresses") : Read(Addresses, "addresses");

    /// <summary>What to ask of the control plane.</summary>
    public AcquireRequest ToAcquireRequest(Holder holder, IReadOnlyList<Address> asked, string? node) =>
        new(
            holder.Network.ToString(),
            holder.ContainerId,
            holder.Interface,
            Namespace,
            Pod,
            Uid,
            node,
            asked.Count == 0 ? null : [.. asked.Select(a => a.ToString())]
        );

    private static Outcome<IReadOnlyList<Address>> Read(IReadOnlyList<string?> texts, string target)
    {
        var addresses = new List<Address>(texts.Count);
        foreach (var text in texts)
        {
            if (!Address.Parse(text ?? "", target).TryGet(out var address, out var refusal))
                return refusal;
            addresses.Add(address);
        }

        return addresses;
    }

    private static bool IsContainerId(string text) =>
        text.Length is > 0 and <= MaxIdLength
        && char.IsAsciiLetterOrDigit(text[0])
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-');

    private static Refusal Missing(string member) =>
        new(RefusalCode.MissingMember, $"the request has no '{member}'", member);

    private static Refusal Invalid(string member, string value, string why) =>
        new(RefusalCode.InvalidMember, $"'{value}' is no {member}: {why}", member);
}
