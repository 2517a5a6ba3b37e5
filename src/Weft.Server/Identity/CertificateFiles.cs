using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Server.Identity;

/// <summary>
/// A certificate with its chain and key, from files that others renew. They are looked at once a second at most, when somebody connects; what can't be
/// read leaves the certificate as it was, so that a renewal that is half written shuts nobody out.
/// </summary>
internal sealed partial class CertificateFiles
{
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);
    private readonly string _certificate;
    private readonly string _key;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private SslStreamCertificateContext _context;
    private string _stamp;
    private long _looked;

    private CertificateFiles(string certificate, string key, TimeProvider time)
    {
        (_certificate, _key, _time) = (certificate, key, time);
        (_stamp, _looked) = (Stamp(), time.GetTimestamp());
        _context = Read();
    }

    /// <summary>Hears when a renewal can't be read.</summary>
    public ILogger? Logger { get; set; }

    /// <summary>Reads the files for the first time.</summary>
    /// <param name="certificate">PEM: the certificate, and behind it those of its chain.</param>
    /// <param name="key">PEM: the certificate's key.</param>
    /// <param name="time">The clock.</param>
    /// <returns>The certificate.</returns>
    /// <exception cref="CryptographicException">They are no certificate and its key.</exception>
    public static CertificateFiles Open(string certificate, string key, TimeProvider time) => new(certificate, key, time);

    /// <summary>The certificate of today.</summary>
    public SslStreamCertificateContext Current
    {
        get
        {
            lock (_gate)
            {
                if (_time.GetElapsedTime(_looked) < Rest)
                    return _context;
                _looked = _time.GetTimestamp();
                Renew();
                return _context;
            }
        }
    }

    private void Renew()
    {
        try
        {
            var stamp = Stamp();
            if (stamp == _stamp)
                return;
            // The old one is not disposed: handshakes may be under way with it.
            _context = Read();
            _stamp = stamp;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            if (Logger is { } logger)
                Log.CannotRead(logger, _certificate, e);
        }
    }

    private SslStreamCertificateContext Read()
    {
        var leaf = X509Certificate2.CreateFromPemFile(_certificate, _key);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(_certificate);
        return SslStreamCertificateContext.Create(leaf, chain, offline: true);
    }

    private string Stamp() => string.Join(' ', new[] { _certificate, _key }.Select(path => new FileInfo(path)).Select(file => $"{(file.ResolveLinkTarget(true) ?? file).LastWriteTimeUtc.Ticks}/{file.Length}/{file.ResolveLinkTarget(true)?.FullName}"));

    private static partial class Log
    {
        [LoggerMessage(1301, LogLevel.Error, "{Path}: the renewed certificate can't be read; serving the one before")]
        public static partial void CannotRead(ILogger logger, string path, Exception error);
    }
}
