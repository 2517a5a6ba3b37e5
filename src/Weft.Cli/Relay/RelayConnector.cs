using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Weft.Cli.Kinds;
using Weft.Relay.Client;
using Weft.Relay.Protocol;
using Weft.Resources;

namespace Weft.Cli.Relay;

/// <summary>
/// The way to a service of a target: each connection is a rendezvous of its own. Safe for many threads.
/// </summary>
internal sealed class RelayConnector : IDisposable
{
    private readonly RelayCredentialSource _credentials;
    private readonly RelayClientOptions _options;
    private readonly Lock _gate = new();
    private HybridConnectionSender? _sender;
    private HybridConnectionAddress? _address;

    /// <summary>A connector; nothing is requested yet.</summary>
    /// <param name="ca">CA certificates of the relay, PEM; null for those of weftd, which are the machine's where none
    /// are named.</param>
    /// <param name="life">How long a token is to be good.</param>
    public RelayConnector(CommandSession session, ResourceId target, string service, string? ca, TimeSpan life)
    {
        (Target, Service) = (target, service);
        _credentials = new RelayCredentialSource(session.Client, target, life);
        _options = CreateOptions(session, ca);
    }

    /// <summary>The target.</summary>
    public ResourceId Target { get; }

    /// <summary>The service.</summary>
    public string Service { get; }

    /// <summary>How this program gets to a relay.</summary>
    /// <param name="ca">CA certificates of the relay, PEM; null for those of weftd, which are the machine's where none
    /// are named.</param>
    public static RelayClientOptions CreateOptions(CommandSession session, string? ca) =>
        new()
        {
            TrustedRoots = LoadRoots(ca ?? session.Settings.Ca),
            UserAgent = $"weft/{ProgramVersion.Text}",
            Clock = session.Environment.Clock,
        };

    /// <summary>Connects.</summary>
    /// <returns>The bytes to and from the service.</returns>
    /// <exception cref="RelayRefusedException">The relay or the agent said no, also to fresh credentials;
    /// <see cref="ToCliError"/> says it for people.</exception>
    /// <exception cref="RelayUnreachableException">There was no answer.</exception>
    public async Task<HybridConnectionStream> ConnectAsync(CancellationToken cancel)
    {
        var credentials = await _credentials.GetAsync(cancel);
        try
        {
            return await ConnectAsync(credentials, cancel);
        }
        catch (RelayRefusedException refused) when (refused.Status == HttpStatusCode.Unauthorized)
        {
            // The key may have changed, or the clocks are apart: what weftd signs now is good if anything is.
            _credentials.Invalidate(credentials);
            return await ConnectAsync(await _credentials.GetAsync(cancel), cancel);
        }
    }

    /// <summary>
    /// Tells people why there was no connection, and what to do. The relay tells about network rules only those whose
    /// token is good, so its own words are kept.
    /// </summary>
    public CliError ToCliError(IOException e) =>
        e switch
        {
            RelayRefusedException refused => new CliError(MessageOf(refused), next: NextStepFor(refused)),
            RelayUnreachableException => new CliError(
                $"the relay can't be reached: {e.Message.TrimEnd('.')}",
                next: "weftd says where it is (--relay-address); "
                    + "where its certificate has an authority of its own, name it with --relay-ca FILE"
            ),
            _ => new CliError($"the connection to {Service} of {Label.For(Target)} was lost: {e.Message}"),
        };

    /// <inheritdoc/>
    public void Dispose()
    {
        _sender?.Dispose();
        _credentials.Dispose();
    }

    private Task<HybridConnectionStream> ConnectAsync(RelayCredentials credentials, CancellationToken cancel)
    {
        HybridConnectionSender sender;
        lock (_gate)
        {
            if (_sender is null || _address != credentials.Address)
            {
                _sender?.Dispose();
                (_sender, _address) = (new HybridConnectionSender(credentials.Address, _options), credentials.Address);
            }

            sender = _sender;
        }

        return sender.ConnectAsync(credentials.Token, Service, cancel: cancel);
    }

    private string MessageOf(RelayRefusedException refused) =>
        (int)refused.Status switch
        {
            401 or 403 => refused.Phrase,
            404 => $"nobody answers for {Service} of {Label.For(Target)}: {refused.Phrase}",
            _ => $"{Service} of {Label.For(Target)} was refused with {refused.Message}",
        };

    private string? NextStepFor(RelayRefusedException refused) =>
        (int)refused.Status switch
        {
            403 when refused.Phrase.Contains("your address", StringComparison.Ordinal) =>
                $"weft relay check --to {TargetNames.Format(Target)} --service {Service} says by which rule; "
                    + "who may write the rules can let your network in",
            404 =>
                $"its agent must run with the relay on and with a target '{Service}'; weft relay ls shows who listens",
            502 or 504 => $"the agent was asked, and {Service} behind it doesn't answer",
            429 or 503 => "the relay is busy, or has just begun; try again",
            _ => null,
        };

    private static X509Certificate2Collection? LoadRoots(string? ca)
    {
        if (ca is null)
            return null;
        var roots = new X509Certificate2Collection();
        try
        {
            roots.ImportFromPemFile(ca);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new CliError(
                $"the CA file {ca} cannot be read: {e.Message}",
                next: "name PEM certificates with --relay-ca FILE"
            );
        }

        return roots.Count > 0
            ? roots
            : throw new CliError(
                $"the CA file {ca} holds no certificate",
                next: "name PEM certificates with --relay-ca FILE"
            );
    }
}
