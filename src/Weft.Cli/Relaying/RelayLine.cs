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
    /// <param name="session">The session.</param>
    /// <param name="target">The target.</param>
    /// <param name="service">The service.</param>
    /// <param name="ca">CA certificates of the relay, PEM; null for those of weftd, which are the machine's where none are named.</param>
    /// <param name="life">How long a token is to be good.</param>
    public RelayLine(Session session, ResourceId target, string service, string? ca, TimeSpan life)
    {
        (Target, Service) = (target, service);
        _credentials = new RelayCredentialSource(session.Client, target, life);
        _options = new RelayClientOptions { TrustedRoots = Roots(ca ?? session.Settings.Ca), UserAgent = $"weft/{ProgramVersion.Text}", Clock = session.Surroundings.Clock };
    }

    /// <summary>The target.</summary>
    public ResourceId Target { get; }

    /// <summary>The service.</summary>
    public string Service { get; }

    /// <summary>Connects.</summary>
    /// <param name="cancel">Ends it.</param>
    /// <returns>The bytes to and from the service.</returns>
    /// <exception cref="Complaint">It can't be reached; it says why.</exception>
    public async Task<HybridConnectionStream> ConnectAsync(CancellationToken cancel)
    {
        var credentials = await _credentials.GetAsync(cancel);
        try
        {
            return await ConnectAsync(credentials, cancel);
        }
        catch (RelayRefusedException refused) when (refused.Status == HttpStatusCode.Unauthorized)
        {
            _credentials.Forget(credentials);
            var fresh = await _credentials.GetAsync(cancel);
            try
            {
                return await ConnectAsync(fresh, cancel);
            }
            catch (RelayRefusedException again)
            {
                throw Saying(again);
            }
        }
        catch (RelayRefusedException refused)
        {
            throw Saying(refused);
        }
        catch (RelayUnreachableException unreachable)
        {
            throw new Complaint($"the relay can't be reached: {unreachable.Message.TrimEnd('.')}", next: $"it is at {credentials.Address.Host}:{credentials.Address.Port}; where its certificate has an authority of its own, name it with --relay-ca FILE");
        }
    }

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

    /// <summary>A refusal in words that say what to do. The relay tells about network rules only those whose token is good, so its own words are kept.</summary>
    private Complaint Saying(RelayRefusedException refused)
    {
        var words = refused.Phrase;
        var named = RelayTarget.Written(Target);
        var next = (int)refused.Status switch
        {
            403 when words.Contains("your address", StringComparison.Ordinal) => $"an administrator may let your network in: weft relay check --to {named} --service {Service} says by which rule it isn't",
            404 => $"its agent must be running with the relay on and with a service '{Service}': weft relay ls shows who listens",
            502 or 504 => $"the agent of {named} was asked, and the service behind it doesn't answer",
            503 or 429 => "the relay is busy or has just begun; try again",
            _ => null,
        };
        return new Complaint((int)refused.Status switch
        {
            403 or 401 => words,
            404 => $"nobody answers for {Service} of {Label.Of(Target)}: {words}",
            _ => $"{Service} of {Label.Of(Target)} was refused with {refused.Message}",
        }, next: next);
    }

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
