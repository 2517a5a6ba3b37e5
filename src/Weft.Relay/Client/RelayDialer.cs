using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Weft.Relay.Protocol;

namespace Weft.Relay.Client;

/// <summary>
/// Opens WebSockets. The handshake is an ordinary HTTP request, so that proxies, TLS and the reason phrase of a refusal
/// are the HTTP stack's; what comes after the 101 is <see cref="WebSocketConnection"/>'s.
/// </summary>
internal sealed class RelayDialer : IDisposable
{
    private const string HandshakeGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455 §1.3

    private readonly HybridConnectionAddress _baseAddress;
    private readonly RelayClientOptions _options;
    private readonly HttpMessageInvoker _http;

    /// <summary>Makes one.</summary>
    /// <param name="baseAddress">The address that the client was given.</param>
    public RelayDialer(HybridConnectionAddress baseAddress, RelayClientOptions options)
    {
        (_baseAddress, _options) = (baseAddress, options);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = options.Proxy is not null || options.UsesSystemProxy,
            Proxy = options.Proxy,
            // A connection is used for one handshake; those that were refused aren't worth keeping.
            PooledConnectionLifetime = TimeSpan.Zero,
            ConnectTimeout = options.ConnectTimeout,
            ActivityHeadersPropagator = null,
            ConnectCallback = ConnectSocket,
        };
        handler.SslOptions.EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
        if (options.TrustedRoots is { } roots)
            handler.SslOptions.CertificateChainPolicy = CreateChainPolicy(roots);
        _http = new(handler);
    }

    /// <summary>Opens a WebSocket.</summary>
    /// <param name="address">Where: <c>wss</c>, or <c>ws</c> where the client's own address is plain too.</param>
    /// <param name="token">The token; null for none.</param>
    /// <param name="bufferSize">The size of the connection's reading buffer.</param>
    /// <returns>The connection, and the sub-protocol that the relay chose.</returns>
    /// <exception cref="RelayRefusedException">The relay said no.</exception>
    /// <exception cref="RelayUnreachableException">The relay said nothing.</exception>
    public async Task<(WebSocketConnection Connection, string? SubProtocol)> OpenWebSocket(
        Uri address,
        string? token,
        IEnumerable<HeaderField> headers,
        int bufferSize,
        CancellationToken cancel
    )
    {
        ThrowIfDowngraded(address);
        using var request = CreateRequest(address, token, headers, out var key);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(_options.ConnectTimeout);
        HttpResponseMessage? response = null;
        try
        {
            response = await _http.SendAsync(request, deadline.Token).ConfigureAwait(false);
            ThrowUnlessUpgraded(response, address, key);
            var stream = await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
            var connection = new WebSocketConnection(stream, response, _options, bufferSize);
            var protocol = FindHeader(response, "Sec-WebSocket-Protocol");
            response = null;
            return (connection, protocol);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new RelayUnreachableException(
                $"{address.Authority} didn't answer within {_options.ConnectTimeout.TotalSeconds:0} s.",
                e
            );
        }
        catch (HttpRequestException e)
        {
            throw new RelayUnreachableException(DescribeError(address, e), e);
        }
        finally
        {
            response?.Dispose();
        }
    }

    /// <summary>Disposes of the HTTP client; connections that are open stay.</summary>
    public void Dispose() => _http.Dispose();

    private void ThrowIfDowngraded(Uri address)
    {
        if (address.Scheme != "wss" && !(address.Scheme == "ws" && _baseAddress.IsPlaintext))
            throw new RelayUnreachableException(
                $"'{address.Scheme}' isn't spoken to {_baseAddress.Host}: what comes by TLS goes on by TLS."
            );
    }

    private static void ThrowUnlessUpgraded(HttpResponseMessage response, Uri address, string key)
    {
        if (response.StatusCode != HttpStatusCode.SwitchingProtocols)
            throw ReadRefusal(response);
        if (FindHeader(response, "Sec-WebSocket-Accept") != ComputeAccept(key))
            throw new RelayUnreachableException($"What answered at {address.Authority} speaks no WebSocket.");
    }

    private HttpRequestMessage CreateRequest(
        Uri address,
        string? token,
        IEnumerable<HeaderField> headers,
        out string key
    )
    {
        key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        var request = new HttpRequestMessage(HttpMethod.Get, address)
        {
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        // The name belongs to the place that it was given for. Where the relay sends us elsewhere, that place has its
        // own.
        if (_options.HostName is { } name && address.Host == _baseAddress.Host)
            request.Headers.Host = address.IsDefaultPort ? name : $"{name}:{address.Port}";
        AddHandshake(request.Headers, key);
        if (token is not null)
            request.Headers.TryAddWithoutValidation("ServiceBusAuthorization", token);
        if (_options.UserAgent is not null)
            request.Headers.TryAddWithoutValidation("Relay-User-Agent", _options.UserAgent);
        foreach (var header in headers)
        {
            if (!request.Headers.TryAddWithoutValidation(header.Name, header.Value))
                throw new ArgumentException($"'{header.Name}' can't be sent as a header.", nameof(headers));
        }

        return request;
    }

    private static void AddHandshake(HttpRequestHeaders headers, string key)
    {
        headers.TryAddWithoutValidation("Connection", "Upgrade");
        headers.TryAddWithoutValidation("Upgrade", "websocket");
        headers.TryAddWithoutValidation("Sec-WebSocket-Version", "13");
        headers.TryAddWithoutValidation("Sec-WebSocket-Key", key);
    }

    private static RelayRefusedException ReadRefusal(HttpResponseMessage response)
    {
        var after = response.Headers.RetryAfter;
        var wait = after?.Delta ?? (after?.Date is { } date && response.Headers.Date is { } now ? date - now : null);
        var phrase = string.IsNullOrWhiteSpace(response.ReasonPhrase)
            ? response.StatusCode.ToString()
            : response.ReasonPhrase.Trim();
        return new(response.StatusCode, phrase, wait > TimeSpan.Zero ? wait : null);
    }

    private string DescribeError(Uri address, HttpRequestException e) =>
        DescribeProxyError(address, e)
        ?? e.HttpRequestError switch
        {
            HttpRequestError.NameResolutionError => $"{address.Host} has no address: {e.Message}",
            HttpRequestError.SecureConnectionError when _options.TrustedRoots is not null =>
                $"{address.Authority} showed no certificate of the trusted authorities for this name: {InnermostMessage(e)}",
            HttpRequestError.SecureConnectionError =>
                $"There was no TLS with {address.Authority}: {InnermostMessage(e)}",
            HttpRequestError.ConnectionError => $"There is no connection to {address.Authority}: {InnermostMessage(e)}",
            _ => $"{address.Authority} didn't answer as a relay does: {InnermostMessage(e)}",
        };

    private string? DescribeProxyError(Uri address, HttpRequestException e) =>
        _options.Proxy is not null || _options.UsesSystemProxy
            ? ProxyDiagnostics.Describe(e, address, _options.Proxy)
            : null;

    private static string InnermostMessage(Exception e) =>
        e.InnerException is { } inner ? InnermostMessage(inner) : e.Message;

    private static string? FindHeader(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : null;

    [System.Diagnostics.CodeAnalysis.SuppressMessage(
        "Security",
        "CA5350",
        Justification = "RFC 6455 §1.3 names SHA-1; nothing rests on it but that the answerer speaks WebSocket."
    )]
    private static string ComputeAccept(string key) =>
        Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + HandshakeGuid)));

    private static X509ChainPolicy CreateChainPolicy(X509Certificate2Collection roots)
    {
        // A private authority seldom says where its revocation list is.
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.AddRange(roots);
        return policy;
    }

    /// <summary>
    /// Connects as the HTTP stack does, and with TCP's own probes: after a half-close nobody pings, and the other end
    /// may have lost its power.
    /// </summary>
    private static async ValueTask<Stream> ConnectSocket(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 60);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 10);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 6);
            await socket.ConnectAsync(context.DnsEndPoint, cancel).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
