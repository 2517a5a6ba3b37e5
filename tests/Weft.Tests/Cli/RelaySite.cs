using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Weft.Relay.Client;
using Weft.Relay.Protocol;

namespace Weft.Tests.Cli;

/// <summary>
/// A real weftd with a relay, agents that listen there, and the program in this process that speaks to both.
/// </summary>
internal sealed class RelaySite : IAsyncDisposable
{
    public const string Node = $"{Documents.East}/providers/Weft.Fleet/nodes/w1";

    private readonly List<HybridConnectionListener> _agents = [];
    private readonly List<Task> _running = [];
    private readonly CancellationTokenSource _end = new();
    private readonly List<Socket> _services = [];

    private RelaySite(InProcessServer server)
    {
        Plane = server;
        Weft.UsesNetwork = true;
        Weft.Environment["WEFT_SERVER"] = server.Client.BaseAddress!.ToString();
        Weft.Environment["WEFT_TOKEN_FILE"] = Path.Combine(server.Data, "admin.token");
        Weft.Environment["HOME"] = Weft.Folder;
    }

    public InProcessServer Plane { get; }

    public CommandLine Weft { get; } = new();

    public string Kubeconfig => Weft.PathOf(".kube/config");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A site with node w1 in cluster east, and no agents yet.</summary>
    public static async Task<RelaySite> Start()
    {
        var server = await InProcessServer.WithSite(
            new(new IPEndPoint(IPAddress.Loopback, 0), "127.0.0.1", null, null, null, [], false),
            TimeProvider.System.GetUtcNow()
        );
        var site = new RelaySite(server);
        await server.Create(Documents.Node("east", "w1"));
        return site;
    }

    public Task<CommandLine.ProgramRun> Run(params string[] args) =>
        Weft.RunBare(["-s", Documents.Subscription.Split('/')[2], "-g", "rg1", .. args]);

    /// <summary>Starts an agent that leads to services, and waits until it listens.</summary>
    public async Task Listen(string target, params (string Name, int Port)[] services)
    {
        Assert.True(
            TargetRegistry.TryCreate(
                services.Select(s => KeyValuePair.Create(s.Name, $"127.0.0.1:{s.Port}")),
                false,
                out var registry,
                out _
            )
        );
        var credentials = await Credentials(target);
        Assert.True(
            HybridConnectionAddress.TryParse(
                $"{credentials["relay"]}/{credentials["hybridConnectionName"]}",
                out var address
            )
        );
        var connected = new TaskCompletionSource();
        var agent = new HybridConnectionListener(
            address,
            async _ =>
            {
                var fresh = await Credentials(target);
                return new RelayToken(
                    fresh["token"]!.ToString(),
                    DateTimeOffset.FromUnixTimeSeconds((long)fresh["expiresOn"]!)
                );
            },
            new ListenerOptions
            {
                OnSender = registry.ServeAsync,
                OnEvent = e => _ = e.Kind == ListenerEventKind.Connected && connected.TrySetResult(),
            }
        );
        _agents.Add(agent);
        _running.Add(agent.RunAsync(_end.Token));
        await connected.Task.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
    }

    /// <summary>Has the cluster's own agent tell by which CA certificates its API server is known.</summary>
    public async Task Report(string cluster, string authorityFile)
    {
        var agent = await Plane.Enrol(cluster, "cluster", replace: true);
        var status = new JsonObject
        {
            ["digest"] = "sha256-1",
            ["revision"] = 1,
            ["state"] = "Applied",
            ["certificateAuthority"] = await File.ReadAllTextAsync(authorityFile, Cancel),
        };
        _ = (await Plane.SendAsAgent(agent, "PUT", "status", status)).Expect(204);
    }

    /// <summary>Starts a service on a port of this machine.</summary>
    public int Serve(Func<NetworkStream, Socket, Task> serve)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        _services.Add(socket);
        _ = Task.Run(
            async () =>
            {
                while (true)
                {
                    var client = await socket.AcceptAsync();
                    _ = Task.Run(async () =>
                    {
                        await using var stream = new NetworkStream(client, ownsSocket: true);
                        await serve(stream, client);
                    });
                }
            },
            Cancel
        );
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>
    /// A service that answers, once all has been said, how much it was and its digest, and what it was.
    /// </summary>
    public int ServeEcho() =>
        Serve(
            async (stream, socket) =>
            {
                var all = new MemoryStream();
                await stream.CopyToAsync(all);
                all.Position = 0;
                await all.CopyToAsync(stream);
                socket.Shutdown(SocketShutdown.Send);
            }
        );

    /// <summary>An API server as far as TLS and one GET go.</summary>
    public int ServeTls(X509Certificate2 certificate) =>
        Serve(
            async (stream, _) =>
            {
                await using var tls = new SslStream(stream);
                await tls.AuthenticateAsServerAsync(certificate);
                var buffer = new byte[4096];
                if (await tls.ReadAsync(buffer) > 0)
                    await tls.WriteAsync(
                        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"u8.ToArray()
                    );
                await tls.ShutdownAsync();
            }
        );

    /// <summary>A certificate of its own for a name, and the file of it as CA.</summary>
    public (X509Certificate2 Certificate, string File) Certificate(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        var certificate = X509CertificateLoader.LoadPkcs12(
            request.CreateSelfSigned(now.AddMinutes(-5), now.AddHours(1)).Export(X509ContentType.Pkcs12),
            null
        );
        return (certificate, Weft.WriteFile($"{name}.pem", certificate.ExportCertificatePem()));
    }

    public Task<ServerResponse> Rules(string target, string properties) =>
        Plane.Put(
            new Document(
                $"{target}/providers/Weft.Relay/networkRuleSets/default?force=true",
                new JsonObject { ["properties"] = JsonNode.Parse(properties) }
            )
        );

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        foreach (var agent in _agents)
            await agent.DisposeAsync();
        await Task.WhenAll(_running).ContinueWith(_ => { }, TaskScheduler.Default);
        foreach (var service in _services)
            service.Dispose();
        await Plane.DisposeAsync();
        Weft.Dispose();
        _end.Dispose();
    }

    private async Task<JsonNode> Credentials(string target) =>
        (
            await Plane.Post(
                $"{target}/providers/Weft.Relay/connections/default/listCredentials",
                """{"role":"listener"}"""
            )
        )
            .Expect(200)
            .Json;
}
