using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Agent.Kubernetes;
using Weft.Agent.Kubernetes.Webhook;
using Weft.Attachments.Admission;
using Weft.Tests.Agent;

namespace Weft.Tests.Kubernetes;

/// <summary>The admission webhook as the API server meets it: over TLS, by AdmissionReview.</summary>
public sealed class WebhookTests
{
    private const string Networks = "k8s.v1.cni.cncf.io/networks";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Denies_APodWhoseNetworkIsNotThere_AndLetsAnotherPass()
    {
        await using var hook = await Hook.Start(() => LintContext.FromManifests([Manifest("n6")]));

        var denied = await hook.Ask("/validate", Pod("n7"));
        var allowed = await hook.Ask("/validate", Pod("default/n6"));

        Assert.False((bool)denied["response"]!["allowed"]!);
        Assert.Equal("u-1", (string?)denied["response"]!["uid"]);
        Assert.Contains("W201", (string?)denied["response"]!["status"]!["message"], StringComparison.Ordinal);
        Assert.True((bool)allowed["response"]!["allowed"]!);
    }

    [Fact]
    public async Task Warns_AndAllows_WhereNothingIsSure()
    {
        await using var hook = await Hook.Start(() => LintContext.Unknown);
        var answer = await hook.Ask("/validate", Pod("n7"));
        Assert.True((bool)answer["response"]!["allowed"]!);
        Assert.Contains(
            "n7",
            Assert.Single(answer["response"]!["warnings"]!.AsArray())!.ToString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Adds_TheDeviceRequestsThatAreMissing()
    {
        var manifest = Manifest(
            "n6",
            annotations: new JsonObject { ["k8s.v1.cni.cncf.io/resourceName"] = "weft.dev/n6" }
        );
        await using var hook = await Hook.Start(() => LintContext.FromManifests([manifest]));

        var answer = await hook.Ask("/mutate", Pod("default/n6"));

        Assert.Equal("JSONPatch", (string?)answer["response"]!["patchType"]);
        var patch = Encoding.UTF8.GetString(Convert.FromBase64String((string)answer["response"]!["patch"]!));
        Assert.Contains("weft.dev~1n6", patch, StringComparison.Ordinal);
        Assert.NotEmpty(answer["response"]!["warnings"]!.AsArray());
    }

    [Fact]
    public async Task Allows_ThePodWhenItFailsItself()
    {
        await using var hook = await Hook.Start(() => throw new InvalidOperationException("boom"));
        var answer = await hook.Ask("/validate", Pod("n6"));
        Assert.True((bool)answer["response"]!["allowed"]!);
        Assert.Contains("could not look", answer["response"]!["warnings"]![0]!.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET", "/validate", "", 405)]
    [InlineData("POST", "/", "{}", 404)]
    [InlineData("POST", "/validate", "{}", 400)]
    [InlineData("POST", "/validate", "not json", 400)]
    [InlineData(
        "POST",
        "/mutate",
        """{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{"uid":"1"}}""",
        400
    )]
    public async Task Refuses_WhatIsNoReview(string method, string path, string body, int status)
    {
        await using var hook = await Hook.Start(() => LintContext.Unknown);
        using var message = new HttpRequestMessage(new HttpMethod(method), new Uri(hook.Url, path));
        if (body.Length > 0)
            message.Content = new StringContent(body, Encoding.UTF8, "application/json");
        Assert.Equal(status, (int)(await hook.Client.SendAsync(message, Cancel)).StatusCode);
    }

    [Fact]
    public async Task Refuses_ABodyThatIsTooLarge_AndOldTls()
    {
        await using var hook = await Hook.Start(() => LintContext.Unknown);
        // It asks before it sends: else the answer may be lost to the connection's end.
        using var large = new HttpRequestMessage(HttpMethod.Post, new Uri(hook.Url, "/validate"))
        {
            Content = new ByteArrayContent(new byte[(3 << 20) + 1]),
            Headers = { ExpectContinue = true },
        };
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await hook.Client.SendAsync(large, Cancel)).StatusCode);
        using var socket = new System.Net.Sockets.TcpClient();
        await socket.ConnectAsync(hook.Url.Host, hook.Url.Port, Cancel);
        await using var tls = new SslStream(socket.GetStream(), false, (_, _, _, _) => true);
#pragma warning disable CA5397, SYSLIB0039 // The point is that it is refused.
        var old = new SslClientAuthenticationOptions { TargetHost = "x", EnabledSslProtocols = SslProtocols.Tls11 };
#pragma warning restore CA5397, SYSLIB0039
        _ = await Assert.ThrowsAnyAsync<Exception>(() => tls.AuthenticateAsClientAsync(old, Cancel));
    }

    [Fact]
    public async Task Serves_ASelfSignedCertificate_ForTheServicesName()
    {
        using var certificate = new ServingCertificate(null, null, TimeProvider.System, NoLog());
        await using var hook = await Hook.Start(() => LintContext.Unknown, certificate);
        var roots = X509Certificate2.CreateFromPem(certificate.Authority!);
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            CustomTrustStore = { roots },
            RevocationMode = X509RevocationMode.NoCheck,
        };
        using var client = new HttpClient(handler);
        using var message = new HttpRequestMessage(HttpMethod.Post, new Uri(hook.Url, "/validate"))
        {
            Content = new StringContent(Review(Pod("n6")).ToJsonString()),
            Headers = { Host = ServingCertificate.ServiceName },
        };
        Assert.Equal(HttpStatusCode.OK, (await client.SendAsync(message, Cancel)).StatusCode);
    }

    [Fact]
    public async Task Serves_TheNewCertificate_OnceTheFilesHaveChanged()
    {
        var folder = Directory.CreateTempSubdirectory("weft-hook-");
        var (certificatePath, keyPath) = (Path.Join(folder.FullName, "tls.crt"), Path.Join(folder.FullName, "tls.key"));
        Write(certificatePath, keyPath, "first");
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow);
        using var certificate = new ServingCertificate(certificatePath, keyPath, clock, NoLog());
        await using var hook = await Hook.Start(() => LintContext.Unknown, certificate);
        Assert.Equal("CN=first", await hook.Shown());
        Assert.Null(certificate.Authority);

        // Half of the pair: the old one goes on.
        await File.WriteAllTextAsync(keyPath, "half", Cancel);
        clock.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal("CN=first", await hook.Shown());

        Write(certificatePath, keyPath, "second");
        clock.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal("CN=second", await hook.Shown());
        folder.Delete(true);
    }

    [Fact]
    public async Task Creates_ANewCertificate_BeforeTheOldExpires()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow);
        using var certificate = new ServingCertificate(null, null, clock, NoLog());
        var first = certificate.Authority;
        clock.Advance(TimeSpan.FromDays(19));
        Assert.Equal(first, certificate.Authority);
        clock.Advance(TimeSpan.FromDays(2));
        Assert.NotEqual(first, certificate.Authority);
        await Task.CompletedTask;
    }

    [Fact]
    public async Task Registers_WhereItIsAndWhomToTrust()
    {
        await using var kube = await FakeKube.Start();
        var folder = Directory.CreateTempSubdirectory("weft-hook-");
        var plurals = (string[])["validatingwebhookconfigurations", "mutatingwebhookconfigurations"];
        foreach (var plural in plurals)
            AddConfiguration(kube, plural);
        using var client = KubeConnection.Open(new KubeOptions { KubeConfig = kube.Config(folder.FullName) });
        using var certificate = new ServingCertificate(null, null, TimeProvider.System, NoLog());
        var registration = new WebhookRegistration(
            new KubeApi(client, KubeHarness.FastTimings, TimeProvider.System),
            certificate,
            IPAddress.Parse("10.1.2.3"),
            8443,
            TimeProvider.System,
            NoLog()
        );
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var running = registration.Run(stop.Token);

        await AgentHarness.Eventually(
            () => plurals.All(p => Webhook(kube, p, 1)["caBundle"] is not null),
            "both trust it"
        );
        Assert.Equal(
            certificate.Authority,
            Encoding.ASCII.GetString(Convert.FromBase64String((string)Webhook(kube, plurals[0], 1)["caBundle"]!))
        );
        Assert.All(plurals, plural => Assert.Null(Webhook(kube, plural, 0)["caBundle"]));
        var slice = kube.Store.Get(
            kube.Store.Find("discovery.k8s.io", "v1", "endpointslices"),
            "weft-system",
            "weft-agent-webhook"
        );
        Assert.Equal(
            ("10.1.2.3", 8443),
            ((string?)slice["endpoints"]![0]!["addresses"]![0], (int)slice["ports"]![0]!["port"]!)
        );
        await stop.CancelAsync();
        await running.ContinueWith(_ => { }, TaskScheduler.Default);
        folder.Delete(true);
    }

    /// <summary>A configuration of two webhooks, somebody else's and the agent's.</summary>
    private static void AddConfiguration(FakeKube kube, string plural) =>
        kube.Store.Create(
            kube.Store.Find("admissionregistration.k8s.io", "v1", plural),
            new JsonObject
            {
                ["apiVersion"] = "admissionregistration.k8s.io/v1",
                ["kind"] =
                    char.ToUpperInvariant(plural[0])
                    + plural[1..^1].Replace("webhookc", "WebhookC", StringComparison.Ordinal),
                ["metadata"] = new JsonObject { ["name"] = "weft-agent" },
                ["webhooks"] = new JsonArray(
                    new JsonObject
                    {
                        ["name"] = "theirs",
                        ["clientConfig"] = new JsonObject { ["service"] = new JsonObject { ["name"] = "another" } },
                    },
                    new JsonObject
                    {
                        ["name"] = "ours",
                        ["clientConfig"] = new JsonObject
                        {
                            ["service"] = new JsonObject { ["name"] = "weft-agent-webhook" },
                        },
                    }
                ),
            },
            null,
            "kubectl"
        );

    private static JsonNode Webhook(FakeKube kube, string plural, int i) =>
        kube.Store.Get(kube.Store.Find("admissionregistration.k8s.io", "v1", plural), null, "weft-agent")["webhooks"]![
            i
        ]!["clientConfig"]!;

    private static System.Text.Json.JsonElement Manifest(string name, JsonObject? annotations = null)
    {
        var manifest = KubeHarness.Definition(name, """{"cniVersion":"1.0.0","name":"n6","type":"sriov"}""");
        manifest["metadata"]!["annotations"] = annotations;
        return System.Text.Json.JsonElement.Parse(manifest.ToJsonString());
    }

    private static JsonObject Pod(string networks) =>
        new()
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Pod",
            ["metadata"] = new JsonObject
            {
                ["name"] = "p",
                ["annotations"] = new JsonObject { [Networks] = networks },
            },
            ["spec"] = new JsonObject
            {
                ["containers"] = new JsonArray(new JsonObject { ["name"] = "c", ["image"] = "i" }),
            },
        };

    private static JsonObject Review(JsonObject pod) =>
        new()
        {
            ["apiVersion"] = "admission.k8s.io/v1",
            ["kind"] = "AdmissionReview",
            ["request"] = new JsonObject
            {
                ["uid"] = "u-1",
                ["operation"] = "CREATE",
                ["namespace"] = "core",
                ["kind"] = new JsonObject
                {
                    ["group"] = "",
                    ["version"] = "v1",
                    ["kind"] = "Pod",
                },
                ["object"] = pod,
            },
        };

    private static void Write(string certificatePath, string keyPath, string name)
    {
        using var key = RSA.Create(2048);
        using var made = new CertificateRequest(
            $"CN={name}",
            key,
            HashAlgorithmName.SHA256,
            RSASignaturePadding.Pkcs1
        ).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(certificatePath, made.ExportCertificatePem());
        File.WriteAllText(keyPath, key.ExportPkcs8PrivateKeyPem());
    }

    private static NullLogger NoLog() => NullLogger.Instance;

    private sealed class Hook : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        private readonly Task _running;

        private Hook(IPEndPoint at, ServingCertificate certificate, Func<LintContext> surroundings)
        {
            Url = new Uri($"https://{at}");
            Client = new HttpClient(
                new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } }
            );
            _running = new WebhookServer(at, certificate, surroundings, NoLog()).Run(_stop.Token);
        }

        public Uri Url { get; }

        public HttpClient Client { get; }

        public static async Task<Hook> Start(Func<LintContext> surroundings, ServingCertificate? certificate = null)
        {
            using var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
            probe.Start();
            var at = (IPEndPoint)probe.LocalEndpoint;
            probe.Stop();
            var hook = new Hook(
                at,
                certificate ?? new ServingCertificate(null, null, TimeProvider.System, NoLog()),
                surroundings
            );
            for (var i = 0; ; i++)
            {
                if (hook._running.IsCompleted)
                    await hook._running;
                try
                {
                    _ = await hook.Shown();
                    return hook;
                }
                catch (Exception e) when (i < 200 && e is System.Net.Sockets.SocketException or IOException)
                {
                    await Task.Delay(20, Cancel);
                }
            }
        }

        public async Task<JsonObject> Ask(string path, JsonObject pod)
        {
            using var content = new StringContent(Review(pod).ToJsonString(), Encoding.UTF8, "application/json");
            var answer = await Client.PostAsync(new Uri(Url, path), content, Cancel);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            return JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancel))!.AsObject();
        }

        /// <summary>Whose certificate a new connection is shown.</summary>
        public async Task<string> Shown()
        {
            using var socket = new System.Net.Sockets.TcpClient();
            await socket.ConnectAsync(Url.Host, Url.Port, Cancel);
            await using var tls = new SslStream(socket.GetStream(), false, (_, _, _, _) => true);
            await tls.AuthenticateAsClientAsync("x");
            return tls.RemoteCertificate!.Subject;
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running.ContinueWith(_ => { }, TaskScheduler.Default);
            Client.Dispose();
            _stop.Dispose();
        }
    }
}
