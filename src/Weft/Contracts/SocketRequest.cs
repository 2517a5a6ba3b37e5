using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Contracts;

/// <summary>An attachment that a runtime still has.</summary>
internal sealed record SocketAttachment(string ContainerId, string Interface);

/// <summary>
/// One request of the plugin, as it came; nothing of it is believed before it is asked for by a method here.
/// </summary>
/// <param name="Verb">One of <see cref="Acquire"/>, <see cref="Release"/>, <see cref="Check"/>, <see cref="Status"/> and
/// <see cref="Collect"/>.</param>
/// <param name="Network">The ARM id of the L3Network.</param>
/// <param name="Namespace">The pod's namespace, name and UID, so that people see whose it is; never part of the
/// holder's identity.</param>
/// <param name="Ips">The addresses asked for; null where none are.</param>
/// <param name="Addresses">The addresses that the lease must hold; null for every verb but <c>check</c>.</param>
/// <param name="Configuration">The name of the CNI network configuration. Several may lead to one network.</param>
/// <param name="Valid">The attachments to that configuration that are still there; null for every verb but
/// <c>collect</c>.</param>
/// <param name="Claim">What the pod claims as its own across lives; null for nothing.</param>
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
    IReadOnlyList<string?>? Addresses = null,
    string? Configuration = null,
    IReadOnlyList<SocketAttachment>? Valid = null,
    string? Claim = null
)
{
    /// <summary>Addresses for an interface.</summary>
    public const string Acquire = "acquire";

    /// <summary>Those addresses are free again.</summary>
    public const string Release = "release";

    /// <summary>Whether the lease is there and holds some addresses.</summary>
    public const string Check = "check";

    /// <summary>Whether the agent can serve <see cref="Acquire"/> now.</summary>
    public const string Status = "status";

    /// <summary>The leases that a network configuration came to and that aren't valid any more are given back.</summary>
    public const string Collect = "collect";

    private const int MaxIdLength = 253;

    /// <summary>
    /// The reader's messages name the type that they couldn't fill. It is said to whoever asks, so it stays the word
    /// that it has been.
    /// </summary>
    private const string NameInMessages = "Weft.Agent.Leases.SocketRequest";

    /// <summary>The pod as <c>namespace/name</c>; null where the runtime sent none.</summary>
    [JsonIgnore]
    public string? PodName => Pod is null ? null : $"{Namespace}/{Pod}";

    /// <summary>The request as it goes over the socket.</summary>
    /// <returns>One line of JSON, its end included.</returns>
    /// <remarks>Without the serializer: the plugin is started for every pod, and this is all that it writes.</remarks>
    public ReadOnlyMemory<byte> ToLine()
    {
        var line = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            json.WriteText("verb", Verb);
            json.WriteText("network", Network);
            json.WriteText("containerId", ContainerId);
            json.WriteText("interface", Interface);
            json.WriteText("namespace", Namespace);
            json.WriteText("pod", Pod);
            json.WriteText("uid", Uid);
            json.WriteText("claim", Claim);
            json.WriteTexts("ips", Ips);
            json.WriteTexts("addresses", Addresses);
            json.WriteText("configuration", Configuration);
            WriteValid(json);
            json.WriteEndObject();
        }

        line.Write("\n"u8);
        return line.WrittenMemory;
    }

    private void WriteValid(Utf8JsonWriter json)
    {
        if (Valid is null)
            return;
        json.WriteStartArray("valid");
        foreach (var attachment in Valid)
        {
            json.WriteStartObject();
            json.WriteString("containerId", attachment.ContainerId);
            json.WriteString("interface", attachment.Interface);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>Reads a line.</summary>
    /// <param name="line">The line, without its end.</param>
    /// <returns>The request, or why it is none.</returns>
    public static Outcome<SocketRequest> Read(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, ContractJson.Default.SocketRequest)
                ?? (Outcome<SocketRequest>)
                    new Refusal(RefusalCode.InvalidRequestContent, "the request is null; it must be a JSON object");
        }
        catch (JsonException e)
        {
            var why = e.Message.Replace(typeof(SocketRequest).FullName!, NameInMessages, StringComparison.Ordinal);
            return new Refusal(
                RefusalCode.InvalidRequestContent,
                $"the request is no JSON object as it must be: {why}",
                e.Path
            );
        }
    }

    /// <summary>The holder it is about.</summary>
    /// <returns>The holder, or which member is missing or bad.</returns>
    public Outcome<LeaseHolder> ParseHolder()
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
        return new LeaseHolder(network, ContainerId, Interface);
    }

    /// <summary>What is to be collected: all that the configuration came to in the network, but for what is valid.</summary>
    /// <returns>It, or which member is missing or bad.</returns>
    public Outcome<(ResourceId Network, string Configuration, IReadOnlySet<SocketAttachment> Valid)> ParseCollection()
    {
        if (Network is null || Configuration is null || Valid is null)
            return Missing(
                Network is null ? "network"
                : Configuration is null ? "configuration"
                : "valid"
            );
        return ResourceId.Parse(Network, "network").TryGet(out var network, out var refusal)
            ? (network, Configuration, Valid.ToHashSet())
            : refusal;
    }

    /// <summary>What to ask of the control plane.</summary>
    /// <param name="node">The node that the agent serves, or null.</param>
    /// <returns>The request, or which of the addresses asked for is none.</returns>
    public Outcome<PodLeaseRequest> ToLeaseRequest(LeaseHolder holder, string? node) =>
        ParseAddresses(Ips ?? [], "ips").TryGet(out var asked, out var refusal)
            ? new PodLeaseRequest(holder)
            {
                Namespace = Namespace,
                Pod = Pod,
                Uid = Uid,
                Node = node,
                Claim = Claim,
                Ips = asked,
            }
            : refusal;

    /// <summary>The addresses to check.</summary>
    /// <returns>Them, or what is wrong with them.</returns>
    public Outcome<ImmutableArray<Address>> ParseCheckedAddresses() =>
        Addresses is null ? Missing("addresses") : ParseAddresses(Addresses, "addresses");

    private static Outcome<ImmutableArray<Address>> ParseAddresses(IReadOnlyList<string?> texts, string target)
    {
        var addresses = ImmutableArray.CreateBuilder<Address>(texts.Count);
        foreach (var text in texts)
        {
            if (!Address.Parse(text ?? "", target).TryGet(out var address, out var refusal))
                return refusal;
            addresses.Add(address);
        }

        return addresses.ToImmutable();
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
