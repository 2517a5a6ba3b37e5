using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments;

namespace Weft.Contracts;

/// <summary>The body of <c>POST enroll</c>.</summary>
/// <param name="Name">What the agent is called: a DNS label, unique in its cluster.</param>
/// <param name="CredentialHash">
/// The hash of the secret that the agent shows from now on (<see cref="BearerToken.HashOf"/>). The agent makes the secret
/// and keeps it before it asks: it never travels, and who asks twice because an answer was lost is one agent.
/// </param>
/// <param name="Node">The node it serves; null where it serves the cluster as a whole.</param>
internal sealed record EnrolmentRequest(string Name, string CredentialHash, string? Node, string? Version)
{
    /// <summary>The body as the agent sends it.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ContractJson.Default.EnrolmentRequest);

    /// <summary>Reads the body.</summary>
    public static Outcome<EnrolmentRequest> Read(JsonObject body)
    {
        var findings = new List<Refusal>();
        string Text(string member, Func<string, bool> isGood, string expected)
        {
            var text = body[member] is JsonValue value && value.TryGetValue<string>(out var given) ? given : "";
            if (!isGood(text))
                findings.Add(Invalid(member, text, expected));
            return text;
        }

        string? Optional(string member, Func<string, bool> isGood, string expected) =>
            body[member] is null ? null : Text(member, isGood, expected);

        var request = new EnrolmentRequest(
            Text("name", DnsLabel.IsValid, "a DNS label: lower-case letters, digits and hyphens, at most 63"),
            Text("credentialHash", BearerToken.IsHash, "a SHA-256: 64 lower-case hexadecimal digits"),
            Optional("node", DnsLabel.IsSubdomain, "a node's name: a DNS subdomain, at most 253 characters"),
            Optional(
                "version",
                text => text.Length is > 0 and <= AgentTexts.MaxVersion,
                $"a version of at most {AgentTexts.MaxVersion} characters"
            )
        );
        return findings.Count > 0 ? Refusal.Combine(findings, "enrolment") : request;
    }

    private static Refusal Invalid(string member, string text, string expected) =>
        new(RefusalCode.InvalidMember, $"'{member}': '{AgentTexts.Excerpt(text)}' is not {expected}", member);
}
