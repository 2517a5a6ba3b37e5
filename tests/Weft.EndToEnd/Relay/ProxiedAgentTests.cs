using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Weft.EndToEnd.Server;
using Weft.Relay.Client;
using Weft.Relay.Protocol;

namespace Weft.EndToEnd.Relay;

/// <summary>weft-agent as a process where the way out is a proxy, which it is told of by its environment.</summary>
public sealed class ProxiedAgentTests : IAsyncLifetime
{
    private const string Password = "s3cret-of-the-proxy";
    private const string Node = $"{SmallSite.Cloud}/kubernetesClusters/east/providers/Weft.Fleet/nodes/w1";

    private readonly DirectoryInfo _place = Directory.CreateTempSubdirectory("weft-proxied-");
    private readonly Authority _authority = new("localhost", "127.0.0.1");
    private readonly ConcurrentQueue<string> _output = [];
    private Weftd _weftd = null!;
    private HttpClient _http = null!;
    private Process? _agent;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Output => string.Join('\n', _output);

    private string Api => _weftd.Url.Authority;

    public async ValueTask InitializeAsync()
    {
        _weftd = await Weftd.Start(
            "--tls-cert",
            _authority.CertificateFile,
            "--tls-key",
            _authority.KeyFile,
            "--relay-listen",
            "127.0.0.1:0"
        );
        _http = new HttpClient(
            new SocketsHttpHandler
            {
                UseProxy = false,
                SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true },
            }
        );
        foreach (var (id, body) in SmallSite.All)
            await _weftd.Create(_http, id, body);
        await _weftd.Create(
            _http,
            Node,
            new JsonObject
            {
                ["properties"] = new JsonObject
                {
                    ["agentPool"] = "workers",
                    ["uplinks"] = new JsonArray(new JsonObject { ["name"] = "bond0" }),
                },
            }
        );
        var token = await _weftd.EnrolmentToken(_http, $"{SmallSite.Cloud}/kubernetesClusters/east", "w1", "w1");
        await File.WriteAllTextAsync(Path.Join(_place.FullName, "enroll"), token, Cancel);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Goes_ThroughTheProxyOfItsEnvironment(bool withCredentials)
    {
        await using var proxy = new ConnectProxy { Credentials = withCredentials ? $"weft:{Password}" : null };
        using var service = new TcpListener(IPAddress.Loopback, 0);
        service.Start();
        Start(
            $"http://{(withCredentials ? $"weft:{Password}@" : "")}{proxy.Authority}",
            "",
            ((IPEndPoint)service.LocalEndpoint).Port
        );
        await WaitUntil("relay-listens");
        var relay = await Relay();
        Assert.Equal(new HashSet<string> { Api, relay.Authority }, proxy.Served.ToHashSet());
        var before = proxy.Served.Count(place => place == relay.Authority);

        await using var sender = await ConnectSender();
        using var served = await service.AcceptTcpClientAsync(Cancel);

        Assert.Equal(before + 1, proxy.Served.Count(place => place == relay.Authority));
        Assert.DoesNotContain(Password, Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Goes_PastTheProxy_WhereNoProxyNamesThePlace()
    {
        await using var proxy = new ConnectProxy();
        Start($"http://{proxy.Authority}", "weft.example,127.0.0.1", 22);
        await WaitUntil("relay-listens");
        Assert.Empty(proxy.Served);
    }

    [Theory]
    [InlineData("502 Bad Gateway", "(502): have it allow CONNECT")]
    [InlineData("407 Proxy Authentication Required", "doesn't take the name and password")]
    public async Task Reports_WhatToDo_WhereTheProxyRefusesTheRelay(string status, string words)
    {
        await using var proxy = new ConnectProxy { Credentials = $"weft:{Password}" };
        var relay = await Relay();
        proxy.Refuses[relay.Port] = status;
        Start($"http://weft:{Password}@{proxy.Authority}", "", 22);
        var line = await WaitUntil("relay-lost");
        Assert.Contains($"The proxy {proxy.Authority}", line, StringComparison.Ordinal);
        Assert.Contains(relay.Authority, line, StringComparison.Ordinal);
        Assert.Contains(words, line, StringComparison.Ordinal);
        Assert.Contains("NO_PROXY", line, StringComparison.Ordinal);
        Assert.DoesNotContain(Password, Output, StringComparison.Ordinal);

        proxy.Refuses.Clear();
        await WaitUntil("relay-listens");
    }

    [Theory]
    [InlineData("wrong-but-s3cret@", "doesn't take the name and password")]
    [InlineData("", "asks for a name and a password")]
    public async Task Reports_WhatToDo_WhereTheProxyRefusesTheControlPlane(string given, string words)
    {
        await using var proxy = new ConnectProxy { Credentials = $"weft:{Password}" };
        Start($"http://{(given.Length > 0 ? $"weft:{given}" : "")}{proxy.Authority}", "", 22);
        var line = await WaitUntil("control-plane-failed");
        Assert.Contains($"The proxy {proxy.Authority} {words}", line, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong-but-s3cret", Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reports_ThatItIsTheProxyWhichIsntThere()
    {
        string nobody;
        await using (var gone = new ConnectProxy())
            nobody = gone.Authority;
        Start($"http://weft:{Password}@{nobody}", "", 22);
        Assert.Contains(
            $"There is no connection to the proxy {nobody}",
            await WaitUntil("control-plane-failed"),
            StringComparison.Ordinal
        );
        Assert.DoesNotContain(Password, Output, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        if (_agent is { } agent)
        {
            agent.Kill();
            await agent.WaitForExitAsync(CancellationToken.None);
            agent.Dispose();
        }

        _http.Dispose();
        await _weftd.DisposeAsync();
        _authority.Dispose();
        _place.Delete(true);
    }

    private void Start(string httpsProxy, string noProxy, int service)
    {
        var place = _place.FullName;
        var start = new ProcessStartInfo(
            Programs.PathOf("Weft.Agent", "weft-agent"),
            [
                "--server",
                _weftd.Url.ToString(),
                "--ca",
                _authority.CaFile,
                "--state",
                $"{place}/agent",
                "--name",
                "w1",
                "--node",
                "w1",
                "--enrollment-token-file",
                $"{place}/enroll",
                "--socket",
                $"{place}/agent.sock",
                "--cni-bin",
                $"{place}/none",
                "--relay-target",
                $"ssh=127.0.0.1:{service}",
            ]
        )
        {
            RedirectStandardError = true,
        };
        foreach (
            var name in (string[])
                [
                    "HTTPS_PROXY",
                    "HTTP_PROXY",
                    "ALL_PROXY",
                    "NO_PROXY",
                    "https_proxy",
                    "http_proxy",
                    "all_proxy",
                    "no_proxy",
                ]
        )
            start.Environment.Remove(name);
        start.Environment["HTTPS_PROXY"] = httpsProxy;
        if (noProxy.Length > 0)
            start.Environment["NO_PROXY"] = noProxy;
        _agent = Process.Start(start)!;
        _agent.ErrorDataReceived += (_, line) => _output.Enqueue(line.Data ?? "(ended)");
        _agent.BeginErrorReadLine();
    }

    /// <summary>Waits until the agent has said something.</summary>
    private async Task<string> WaitUntil(string happened)
    {
        string? Line() => _output.FirstOrDefault(line => line.Contains($" {happened} ", StringComparison.Ordinal));
        await Eventually.Holds(() => Line() is not null, $"the agent says {happened}", () => Output);
        return Line()!;
    }

    private async Task<JsonNode> Credentials() =>
        (
            await _weftd.SendRequest(
                _http,
                "POST",
                $"{Node}/providers/Weft.Relay/connections/default/listCredentials",
                new JsonObject()
            )
        ).Body!;

    private async Task<Uri> Relay() => new((await Credentials())["relay"]!.ToString());

    private async Task<HybridConnectionStream> ConnectSender()
    {
        var credentials = await Credentials();
        Assert.True(
            HybridConnectionAddress.TryParse(
                $"{credentials["relay"]}/{credentials["hybridConnectionName"]}",
                out var address
            )
        );
        var roots = new System.Security.Cryptography.X509Certificates.X509Certificate2Collection();
        roots.ImportFromPemFile(_authority.CaFile);
        using var sender = new HybridConnectionSender(
            address,
            new RelayClientOptions { TrustedRoots = roots, UsesSystemProxy = false }
        );
        return await sender.ConnectAsync(credentials["token"]!.ToString(), "ssh", cancel: Cancel);
    }
}
