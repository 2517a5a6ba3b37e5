using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Weft.Cli.Kinds;
using Weft.Relay.Clients;
using Weft.Resources;

namespace Weft.Cli.Relaying;

/// <summary>The way to a service of a target: each connection is a rendezvous of its own. Safe for many threads.</summary>
internal sealed class RelayLine : IDisposable
{
    private readonly RelayCredentialSource _credentials;
    private readonly RelayClientOptions _options;
    private readonly Lock _gate = new();
    private HybridConnectionSender? _sender;
    private Relay.Wire.HybridConnectionAddress? _address;

    /// <summary>A way; nothing is asked yet.</summary>
    /// <param name="ca">CA certificates of the relay, PEM; null for those of weftd, which are the machine's where none are named.</param>
    /// <param name="life">How long a token is to be good.</param>
    public RelayLine(Session session, ResourceId target, string service, string? ca, TimeSpan life)
    {
        (Target, Service) = (target, service);
        _credentials = new RelayCredentialSource(session.Client, target, life);
        _options = OptionsOf(session, ca);
    }

    /// <summary>The target.</summary>
    public ResourceId Target { get; }

    /// <summary>The service.</summary>
    public string Service { get; }

    /// <summary>How this program gets to a relay.</summary>
    /// <param name="ca">CA certificates of the relay, PEM; null for those of weftd, which are the machine's where none are named.</param>
    public static RelayClientOptions OptionsOf(Session session, string? ca) =>
        new() { TrustedRoots = Roots(ca ?? session.Settings.Ca), UserAgent = $"weft/{ProgramVersion.Text}", Clock = session.Surroundings.Clock };

    /// <summary>Connects.</summary>
    /// <returns>The bytes to and from the service.</returns>
    /// <exception cref="RelayRefusedException">The relay or the agent said no, also to fresh credentials; <see cref="Explain"/> says it for people.</exception>
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
            _credentials.Forget(credentials);
            return await ConnectAsync(await _credentials.GetAsync(cancel), cancel);
        }
    }

    /// <summary>Says for people why there was no connection, and what to do. The relay tells about network rules only those whose token is good, so its own words are kept.</summary>
    public Complaint Explain(IOException e) => e switch
    {
        RelayRefusedException refused => new Complaint(Said(refused), next: NextOf(refused)),
        RelayUnreachableException => new Complaint($"the relay can't be reached: {e.Message.TrimEnd('.')}", next: "weftd says where it is (--relay-address); where its certificate has an authority of its own, name it with --relay-ca FILE"),
        _ => new Complaint($"the connection to {Service} of {Label.Of(Target)} was lost: {e.Message}"),
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

    private string Said(RelayRefusedException refused) => (int)refused.Status switch
    {
        401 or 403 => refused.Phrase,
        404 => $"nobody answers for {Service} of {Label.Of(Target)}: {refused.Phrase}",
        _ => $"{Service} of {Label.Of(Target)} was refused with {refused.Message}",
    };

    private string? NextOf(RelayRefusedException refused) => (int)refused.Status switch
    {
        403 when refused.Phrase.Contains("your address", StringComparison.Ordinal) =>
            $"weft relay check --to {TargetNames.Written(Target)} --service {Service} says by which rule; who may write the rules can let your network in",
        404 => $"its agent must run with the relay on and with a target '{Service}'; weft relay ls shows who listens",
        502 or 504 => $"the agent was asked, and {Service} behind it doesn't answer",
        429 or 503 => "the relay is busy, or has just begun; try again",
        _ => null,
    };

    private static X509Certificate2Collection? Roots(string? ca)
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
            throw new Complaint($"the CA file {ca} cannot be read: {e.Message}", next: "name PEM certificates with --relay-ca FILE");
        }

        return roots.Count > 0 ? roots : throw new Complaint($"the CA file {ca} holds no certificate", next: "name PEM certificates with --relay-ca FILE");
    }
}
