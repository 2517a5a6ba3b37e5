using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>
/// The CA certificates by which clients know a cluster's API server, as the cluster's own agent has them from its
/// service account. They are public, and nothing else is ever taken or kept.
/// </summary>
internal static class ClusterAuthority
{
    /// <summary>The member that carries them: in an agent's report, and where they are shown.</summary>
    public const string MemberName = StatusReport.AuthorityMember;

    /// <summary>
    /// The longest text that is taken, in characters: a cluster has one to three certificates of 1 to 2 KiB, and a
    /// rotation doubles that. 64 KiB.
    /// </summary>
    public const int MaxLength = 64 * 1024;

    // RFC 7468, section 2.
    private const string Label = "CERTIFICATE";
    private const string Boundary = "-----BEGIN";

    /// <summary>
    /// Reads CA certificates. Text around the blocks, which openssl writes for people, is left out (RFC 7468, section
    /// 2).
    /// </summary>
    /// <returns>The certificates alone, one block after the other; or why it isn't them.</returns>
    public static Outcome<string> Parse(string pem)
    {
        if (pem.Length > MaxLength)
            return new Refusal(
                RefusalCode.RequestTooLarge,
                $"'{MemberName}' has {pem.Length:N0} characters; {MaxLength:N0} are the most",
                MemberName
            );
        var certificates = new StringBuilder();
        var rest = pem.AsSpan();
        while (PemEncoding.TryFind(rest, out var block))
        {
            if (rest[..block.Location.Start].Contains(Boundary, StringComparison.Ordinal))
                return UnreadableBlock();
            // What a block of another kind holds may be a key: it is neither kept nor said.
            if (!rest[block.Label].SequenceEqual(Label))
                return InvalidMember(
                    "holds a block that is no CERTIFICATE; name the file of the CA certificates alone"
                );
            try
            {
                using var certificate = X509CertificateLoader.LoadCertificate(
                    Convert.FromBase64String(rest[block.Base64Data].ToString())
                );
                certificates.Append(certificate.ExportCertificatePem()).Append('\n');
            }
            catch (CryptographicException)
            {
                return UnreadableBlock();
            }

            rest = rest[block.Location.End..];
        }

        return rest.Contains(Boundary, StringComparison.Ordinal) ? UnreadableBlock()
            : certificates.Length == 0 ? InvalidMember("holds no PEM certificate ('-----BEGIN CERTIFICATE-----')")
            : certificates.ToString();
    }

    /// <summary>Judges the certificates of an agent's report.</summary>
    /// <param name="reported">What the report says; null where it says none.</param>
    /// <returns>The certificates alone, null where the report has none; or why they aren't taken.</returns>
    public static Outcome<string?> AcceptReport(Outcome<string?> reported, Row agent)
    {
        if (reported.TryGet(out var pem, out var refusal) && pem is null)
            return pem;
        // Whoever has a node has not the cluster: its agent doesn't say whom people are to take for the API server.
        if (Agent.NodeOf(agent) is not null)
            return new Refusal(
                RefusalCode.Conflict,
                $"agent {ResourceKind.IdOf(agent).Name} serves a node, and the certificates of the API server are for "
                    + "the cluster's agent to report",
                MemberName
            );
        return refusal is null && Parse(pem!).TryGet(out var certificates, out refusal) ? certificates : refusal!;
    }

    /// <summary>
    /// The CA certificates of a cluster: those of the newest report, of the agents that serve the cluster as a whole.
    /// </summary>
    /// <returns>PEM, or null while no agent has reported any.</returns>
    public static string? Find(StoreState state, ResourceId cluster) =>
        Agent
            .ListIn(state, cluster)
            .Where(agent => Agent.NodeOf(agent) is null)
            .Select(agent => AgentStatus.Find(state, ResourceKind.IdOf(agent).Key))
            .Where(status => status is { CertificateAuthority: not null })
            .MaxBy(status => status!.ReportedAt, StringComparer.Ordinal)
            ?.CertificateAuthority;

    private static Refusal UnreadableBlock() => InvalidMember("holds a block that can't be read as a certificate");

    private static Refusal InvalidMember(string what) =>
        new(RefusalCode.InvalidMember, $"'{MemberName}' {what}", MemberName);
}
