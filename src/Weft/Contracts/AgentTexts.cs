using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Attachments.Verification;
using Weft.Resources;

namespace Weft.Contracts;

/// <summary>How long a text of a message may be.</summary>
/// <param name="Path">The member, with <c>[]</c> for each of a list: <c>drift[].what</c>.</param>
/// <param name="Most">Characters.</param>
internal sealed record TextBound(string Path, int Most);

/// <summary>
/// The longest texts of what agents send (docs/specs/limits.md, "Texts"). Whoever reads a message asks here before it keeps
/// anything of it, for all of it ends in the store, on terminals and in other people's answers.
/// </summary>
internal static class AgentTexts
{
    /// <summary>What went wrong, in the agent's words.</summary>
    public const int MaxMessage = 4096;

    /// <summary>The longest name of a node: that of a DNS subdomain (RFC 1123).</summary>
    public const int MaxNode = 253;

    /// <summary>A version of weft-agent.</summary>
    public const int MaxVersion = 64;

    /// <summary>A member of a request for a lease.</summary>
    public const int MaxLeaseText = 256;

    /// <summary>What a check has seen.</summary>
    public const int MaxCheckMessage = 512;

    /// <summary>The largest report of a verification, in bytes of compact JSON: a check of each VLAN has room in it.</summary>
    public const int MaxReportBytes = 1024 * 1024;

    /// <summary>Those of <c>PUT status</c>; the certificates are bounded where they are judged.</summary>
    public static readonly ImmutableArray<TextBound> Status =
    [
        new("digest", 128),
        new("state", 16),
        new("message", MaxMessage),
        new("node", MaxNode),
        new("version", MaxVersion),
        new("drift[].what", DriftFinding.MaxTextLength),
        new("drift[].was", DriftFinding.MaxTextLength),
        new("drift[].at", 40),
    ];

    /// <summary>Those of <c>POST leases/acquire</c> and <c>leases/release</c>.</summary>
    public static readonly ImmutableArray<TextBound> Lease =
    [
        new("network", MaxLeaseText),
        new("containerId", MaxLeaseText),
        new("interface", MaxLeaseText),
        new("namespace", MaxLeaseText),
        new("pod", MaxLeaseText),
        new("uid", MaxLeaseText),
        new("node", MaxLeaseText),
        new("claim", MaxLeaseText),
        new("ips[]", MaxLeaseText),
        new("session", 64),
    ];

    /// <summary>Those of <c>PUT inquiries/ID</c>: names of Kubernetes, which are DNS subdomains at most.</summary>
    public static readonly ImmutableArray<TextBound> Inquiry =
    [
        new("pods[].state", 16),
        new("pods[].uid", MaxNode),
        new("pods[].node", MaxNode),
        new("pods[].serviceAccount", MaxNode),
        new("pods[].nodeState", 16),
        new("holders[].state", 16),
        new("holders[].sandbox", 16),
    ];

    /// <summary>Those of <c>POST blocks</c>.</summary>
    public static readonly ImmutableArray<TextBound> Blocks =
    [
        new("owner", 64),
        new("machine", 64),
        new("boot", 64),
        new("session", 64),
        new("blocks[].id", 64),
        new("blocks[].network", MaxLeaseText),
        new("blocks[].ranges[]", BlockReport.MaxRangeText),
        new("leases[].network", MaxLeaseText),
        new("leases[].containerId", MaxLeaseText),
        new("leases[].interface", MaxLeaseText),
        new("leases[].pod", 2 * MaxLeaseText),
        new("leases[].uid", MaxLeaseText),
        new("leases[].addresses[]", MaxLeaseText),
        new("wants[].network", MaxLeaseText),
    ];

    /// <summary>Those of <c>PUT verifications/ID</c>.</summary>
    public static readonly ImmutableArray<TextBound> Verification =
    [
        new("node", MaxNode),
        new("error", MaxMessage),
        new("interfaces[].network", 1024),
        new("interfaces[].interface", 64),
        new("interfaces[].checks[].hop", 32),
        new("interfaces[].checks[].state", 16),
        new("interfaces[].checks[].message", MaxCheckMessage),
        new("interfaces[].checks[].family", 16),
    ];

    /// <summary>Every text of a body that is longer than it may be.</summary>
    public static IEnumerable<Refusal> Check(JsonObject body, ImmutableArray<TextBound> bounds) =>
        bounds.SelectMany(bound => Check(body, bound.Path, "", bound.Most));

    /// <summary>Reads the body of <c>PUT verifications/ID</c>.</summary>
    public static Outcome<VerificationReport> ReadVerification(JsonObject body)
    {
        List<Refusal> findings = [.. Check(body, Verification)];
        if (Json.ToUtf8(body) is var bytes && bytes.Length > MaxReportBytes)
            findings.Add(
                new Refusal(
                    RefusalCode.RequestTooLarge,
                    $"the report has {bytes.Length} bytes; {MaxReportBytes} are the most",
                    "interfaces"
                )
            );
        return findings.Count > 0
            ? Refusal.Combine(findings, "verification")
            : VerificationReport.Read(System.Text.Json.JsonElement.Parse(bytes));
    }

    /// <summary>A report whose texts are as long as they may be at most.</summary>
    public static VerificationReport Cut(VerificationReport report) =>
        report with
        {
            Error = report.Error is { } error ? Cut(error, MaxMessage) : null,
            Interfaces =
            [
                .. report.Interfaces.Select(found =>
                    found with
                    {
                        Checks =
                        [
                            .. found.Checks.Select(check =>
                                check with
                                {
                                    Message = Cut(check.Message, MaxCheckMessage),
                                }
                            ),
                        ],
                    }
                ),
            ],
        };

    /// <summary>What a refusal says of a text that somebody has sent: what a stranger sends is said back in part only.</summary>
    public static string Excerpt(string? text) => Cut(text ?? "", 81);

    /// <summary>A text as long as it may be at most: one that is longer ends in <c>…</c>.</summary>
    public static string Cut(string text, int most)
    {
        if (text.Length <= most)
            return text;
        // Half of a surrogate pair would be no Unicode.
        var kept = char.IsHighSurrogate(text[most - 2]) ? most - 2 : most - 1;
        return $"{text.AsSpan(0, kept)}…";
    }

    private static IEnumerable<Refusal> Check(JsonNode? node, string rest, string path, int most)
    {
        if (rest.StartsWith("[]", StringComparison.Ordinal))
        {
            var items = node as JsonArray ?? [];
            return items.SelectMany(
                (item, i) => Check(item, rest[2..], string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"), most)
            );
        }

        if (rest.Length > 0)
        {
            var name = rest.TrimStart('.');
            var end = name.IndexOfAny(['.', '[']) is >= 0 and var at ? at : name.Length;
            var member = node is JsonObject owner ? owner[name[..end]] : null;
            return Check(member, name[end..], path.Length == 0 ? name[..end] : $"{path}.{name[..end]}", most);
        }

        return node is JsonValue value && value.TryGetValue<string>(out var text) && text.Length > most
            ?
            [
                new Refusal(
                    RefusalCode.InvalidMember,
                    $"'{path}' has {text.Length} characters; {most} are the most",
                    path
                ),
            ]
            : [];
    }
}
