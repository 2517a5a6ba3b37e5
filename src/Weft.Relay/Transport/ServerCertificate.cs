using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace Weft.Relay.Transport;

/// <summary>
/// A server's certificate with its chain, read again when its files change. New files that can't be used change
/// nothing, so a renewal that is half written shuts nobody out.
/// </summary>
internal sealed partial class ServerCertificate : IDisposable
{
    private readonly string _certificateFile;
    private readonly string _keyFile;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ITimer _timer;
    private string _lastText;

    /// <summary>Reads the files.</summary>
    /// <param name="certificateFile">PEM: the certificate, and behind it those of its chain.</param>
    /// <param name="keyFile">PEM: its key; null where <paramref name="certificateFile"/> holds it too.</param>
    /// <param name="interval">How often the files are looked at.</param>
    /// <param name="log">Is told of renewals, of those that can't be used, and of what is wrong with what is used.</param>
    /// <exception cref="CryptographicException">They can't be used: no server starts without a certificate.</exception>
    /// <exception cref="IOException">They can't be read.</exception>
    public ServerCertificate(string certificateFile, string? keyFile, TimeSpan interval, TimeProvider time, ILogger log)
    {
        (_certificateFile, _keyFile, _time, _log) = (certificateFile, keyFile ?? certificateFile, time, log);
        _lastText = ReadFiles();
        Options = LoadOptions();
        _timer = time.CreateTimer(static s => ((ServerCertificate)s!).ReloadIfChanged(), this, interval, interval);
    }

    /// <summary>
    /// What the next handshake is done with. One object for all handshakes by the same certificate, so that sessions
    /// can be resumed.
    /// </summary>
    public SslStreamCertificateContext Context => Options.ServerCertificateContext!;

    /// <summary>The same with all that the relay asks of a handshake.</summary>
    internal SslServerAuthenticationOptions Options { get; private set; }

    /// <summary>Reads the files again if they have changed.</summary>
    internal void ReloadIfChanged()
    {
        try
        {
            var text = ReadFiles();
            if (text == _lastText)
                return;
            // Remembered whether it is good or not, so that a bad file is reported once.
            _lastText = text;
            Options = LoadOptions();
            Renewed(_log, _certificateFile);
        }
        catch (Exception e)
            when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            Kept(_log, _certificateFile, e.Message);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private string ReadFiles() =>
        File.ReadAllText(_certificateFile) + (_keyFile == _certificateFile ? "" : File.ReadAllText(_keyFile));

    private SslServerAuthenticationOptions LoadOptions()
    {
        var leaf = X509Certificate2.CreateFromPemFile(_certificateFile, _keyFile);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(_certificateFile);
        Warn(leaf);
        return new SslServerAuthenticationOptions
        {
            // Offline, so that no handshake waits for an OCSP server.
            ServerCertificateContext = SslStreamCertificateContext.Create(leaf, chain, offline: true),
            ApplicationProtocols = [SslApplicationProtocol.Http11],
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        };
    }

    /// <summary>
    /// Says what callers are going to say, or nobody would: a certificate out of its time, a key that others can read.
    /// </summary>
    private void Warn(X509Certificate2 leaf)
    {
        var now = _time.GetUtcNow().UtcDateTime;
        if (now > leaf.NotAfter.ToUniversalTime())
            CertificateExpired(_log, _certificateFile, Format(leaf.NotAfter));
        else if (now < leaf.NotBefore.ToUniversalTime())
            CertificateNotYetValid(_log, _certificateFile, Format(leaf.NotBefore));
        const UnixFileMode Others =
            UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.GroupWrite | UnixFileMode.GroupRead;
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(_keyFile) & Others) is not 0 and var open)
            KeyOpenToOthers(_log, _keyFile, open);
    }

    private static string Format(DateTime time) =>
        time.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "the certificate {File} has expired at {At}: callers will refuse it; renew it in place"
    )]
    private static partial void CertificateExpired(ILogger log, string file, string at);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "the certificate {File} is good from {At} on: callers will refuse it until then"
    )]
    private static partial void CertificateNotYetValid(ILogger log, string file, string at);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "the key {File} is open to others than its owner ({Mode}): chmod 0600 it, and renew it if they may have read it"
    )]
    private static partial void KeyOpenToOthers(ILogger log, string file, UnixFileMode mode);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "the certificate {File} has changed and is used from now on"
    )]
    private static partial void Renewed(ILogger log, string file);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "the certificate {File} has changed and can't be used, so the one before is kept: {Reason}"
    )]
    private static partial void Kept(ILogger log, string file, string reason);
}
