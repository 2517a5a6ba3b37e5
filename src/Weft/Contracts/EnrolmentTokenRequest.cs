using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments;

namespace Weft.Contracts;

/// <summary>
/// The body of <c>POST {cluster}/listEnrollmentToken</c>: which agent the token is for. A token is good for that one
/// agent, once, for minutes.
/// </summary>
/// <param name="Name">What the agent is to be called: a DNS label.</param>
/// <param name="Node">The node it is to serve; null where it serves the cluster as a whole.</param>
/// <param name="Replace">Whether it may take the place of an agent that has the name. Default: no.</param>
/// <param name="Minutes">How long it is good, 1 to <see cref="MaxMinutes"/>. Default: <see cref="DefaultMinutes"/>.</param>
internal sealed record EnrolmentTokenRequest(string Name, string? Node, bool Replace, int Minutes)
{
    /// <summary>Long enough to copy a token to a machine and start the agent there.</summary>
    public const int DefaultMinutes = 15;

    /// <summary>A day: a machine may be installed meanwhile.</summary>
    public const int MaxMinutes = 24 * 60;

    /// <summary>The action's name, the last segment of the path.</summary>
    public const string ActionName = "listEnrollmentToken";

    /// <summary>The body as weft sends it.</summary>
    public JsonObject ToJson()
    {
        var body = new JsonObject { ["name"] = Name };
        if (Node is not null)
            body["node"] = Node;
        if (Replace)
            body["replace"] = true;
        body["minutes"] = Minutes;
        return body;
    }

    /// <summary>Reads the body; every mistake is said at once.</summary>
    /// <param name="cluster">The cluster's name: without a name and a node, the token is for its own agent.</param>
    public static Outcome<EnrolmentTokenRequest> Read(JsonObject body, string cluster)
    {
        var findings = new List<Refusal>();
        foreach (var (member, _) in body)
        {
            if (member is not ("name" or "node" or "replace" or "minutes"))
                findings.Add(
                    new Refusal(
                        RefusalCode.UnknownMember,
                        $"an enrolment token has no '{member}'; it has name, node, replace and minutes",
                        member
                    )
                );
        }

        var node = TextOf(body, "node", findings);
        if (node is not null && !DnsLabel.IsSubdomain(node))
            findings.Add(
                Invalid(
                    "node",
                    $"'{AgentTexts.Excerpt(node)}' is no node's name: a DNS subdomain, at most 253 characters"
                )
            );
        var name = TextOf(body, "name", findings) ?? DnsLabel.From(node ?? cluster);
        if (!DnsLabel.IsValid(name))
            findings.Add(
                Invalid(
                    "name",
                    $"'{AgentTexts.Excerpt(name)}' is no DNS label: lower-case letters, digits and hyphens, at most 63"
                )
            );
        var replace = false;
        if (body["replace"] is { } flag && !(flag is JsonValue given && given.TryGetValue(out replace)))
            findings.Add(Invalid("replace", "it must be true or false"));
        var minutes = DefaultMinutes;
        if (
            body["minutes"] is { } number
            && !(number is JsonValue said && said.TryGetValue(out minutes) && minutes is >= 1 and <= MaxMinutes)
        )
            findings.Add(
                Invalid(
                    "minutes",
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{number.ToJsonString()} is no number of minutes from 1 to {MaxMinutes}"
                    )
                )
            );
        return findings.Count > 0
            ? Refusal.Combine(findings, "token")
            : new EnrolmentTokenRequest(name, node, replace, minutes);
    }

    private static string? TextOf(JsonObject body, string member, List<Refusal> findings)
    {
        if (body[member] is not { } node)
            return null;
        if (node is JsonValue value && value.GetValueKind() == JsonValueKind.String)
            return value.GetValue<string>();
        findings.Add(Invalid(member, "it must be a text"));
        return null;
    }

    private static Refusal Invalid(string member, string why) =>
        new(RefusalCode.InvalidMember, $"'{member}': {why}", member);
}

/// <summary>The answer to it. The token is shown this once.</summary>
/// <param name="ExpiresAt">RFC 3339.</param>
/// <param name="Cluster">The cluster's id.</param>
internal sealed record EnrolmentTokenResponse(
    string Token,
    string ExpiresAt,
    string Cluster,
    string Name,
    string? Node = null
)
{
    /// <summary>The body as weftd answers it.</summary>
    public JsonObject ToJson() =>
        JsonSerializer.SerializeToNode(this, ServerJson.Default.EnrolmentTokenResponse)!.AsObject();

    /// <summary>Reads the body.</summary>
    /// <returns>The answer; null where it is none.</returns>
    public static EnrolmentTokenResponse? Read(JsonObject body) =>
        body.ReadAs(ContractJson.Default.EnrolmentTokenResponse);

    /// <summary>The name alone: a record prints all it has, and this one must not.</summary>
    public override string ToString() => Name;
}
