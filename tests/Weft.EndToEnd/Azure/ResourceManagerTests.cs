using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.ResourceManager;
using Azure.ResourceManager.Resources;
using Azure.ResourceManager.Resources.Models;
using Weft.EndToEnd.Server;

namespace Weft.EndToEnd.Azure;

/// <summary>The official client over TLS: it knows nothing of Weft but the address.</summary>
public sealed class ResourceManagerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Creates_AndReads_ANetwork()
    {
        await using var site = await Site.Start();
        var wanted = Documents.Layer3("n6", 606);

        var made = await site.Put(wanted.Id, Data(wanted.Body));

        Assert.Equal(wanted.Id, made.Id.ToString());
        var properties = JsonNode.Parse(made.Data.Properties.ToString())!;
        Assert.Equal(
            ("Succeeded", "Available", "10.30.0.0/20"),
            (
                properties["provisioningState"]!.ToString(),
                properties["detailedStatus"]!.ToString(),
                properties["ipv4ConnectedPrefix"]!.ToString()
            )
        );
        var read = (await site.Client.GetGenericResource(made.Id).GetAsync(Cancel)).Value;
        Assert.Equal("n6", read.Data.Name);
        Assert.Equal("Microsoft.NetworkCloud/l3Networks", read.Data.ResourceType.ToString());
    }

    [Fact]
    public async Task Lists_AGroup_WhollyAndByType()
    {
        await using var site = await Site.Start();
        var wanted = Documents.Layer3("n6", 606);
        await site.Put(wanted.Id, Data(wanted.Body));

        var all = await Names(site.Group.GetGenericResourcesAsync(cancellationToken: Cancel));
        var networks = await Names(
            site.Group.GetGenericResourcesAsync(
                filter: "resourceType eq 'Microsoft.NetworkCloud/l3Networks'",
                cancellationToken: Cancel
            )
        );

        Assert.Equal(["cl1", "fabric1", "n6", "n6-subnets", "oam-subnets", "vrf1"], all.Order(StringComparer.Ordinal));
        Assert.Equal(["n6"], networks);
    }

    [Fact]
    public async Task Tags_AndDeletes_ANetwork()
    {
        await using var site = await Site.Start();
        var wanted = Documents.Layer3("n6", 606);
        var made = await site.Put(wanted.Id, Data(wanted.Body));
        var read = (await site.Client.GetGenericResource(made.Id).GetAsync(Cancel)).Value;

        read.Data.Tags["owner"] = "ran";
        var tagged = await site.Put(wanted.Id, read.Data);
        Assert.Equal("ran", tagged.Data.Tags["owner"]);
        _ = await tagged.DeleteAsync(WaitUntil.Completed, Cancel);

        Assert.Equal(404, (await Assert.ThrowsAsync<RequestFailedException>(() => read.GetAsync(Cancel))).Status);
        await site.DeleteAll();
        Assert.Empty(await Names(site.Group.GetGenericResourcesAsync(cancellationToken: Cancel)));
        _ = await site.Group.DeleteAsync(WaitUntil.Completed, cancellationToken: Cancel);
    }

    [Fact]
    public async Task Reports_Refusal_AsTheClientsException()
    {
        await using var site = await Site.Start();
        var wanted = Documents.Layer3("n6", 999);

        var refused = await Assert.ThrowsAsync<RequestFailedException>(() => site.Put(wanted.Id, Data(wanted.Body)));

        Assert.Equal((400, "Mismatch"), (refused.Status, refused.ErrorCode));
        Assert.Contains("999", refused.Message, StringComparison.Ordinal);
    }

    private static GenericResourceData Data(JsonObject body)
    {
        var data = new GenericResourceData(new AzureLocation("eastus"))
        {
            Properties = BinaryData.FromString(body["properties"]!.ToJsonString()),
        };
        if (body["extendedLocation"] is { } location)
            data.ExtendedLocation = new ExtendedLocation
            {
                Name = location["name"]!.ToString(),
                ExtendedLocationType = new ExtendedLocationType("CustomLocation"),
            };
        return data;
    }

    private static async Task<List<string>> Names(AsyncPageable<GenericResource> pages)
    {
        var names = new List<string>();
        await foreach (var resource in pages)
            names.Add(resource.Data.Name);
        return names;
    }

    /// <summary>A server that speaks TLS, with all that a network stands on, and the client.</summary>
    private sealed class Site(Authority authority, Weftd weftd) : IAsyncDisposable
    {
        public ArmClient Client { get; } = Of(weftd, authority);

        public ResourceGroupResource Group => Client.GetResourceGroupResource(new ResourceIdentifier(SmallSite.Group));

        public static async Task<Site> Start()
        {
            var authority = new Authority();
            var weftd = await Weftd.Start("--tls-cert", authority.CertificateFile, "--tls-key", authority.KeyFile);
            Assert.Equal("https", weftd.Url.Scheme);
            var site = new Site(authority, weftd);
            foreach (var (id, body) in SmallSite.BaseResources)
                await site.Create(id, body);
            return site;
        }

        /// <summary>Puts a resource and waits until it is provisioned.</summary>
        public async Task<GenericResource> Put(string id, GenericResourceData data) =>
            (
                await Client
                    .GetGenericResources()
                    .CreateOrUpdateAsync(WaitUntil.Completed, new ResourceIdentifier(id), data, Cancel)
            ).Value;

        /// <summary>
        /// Deletes what a network stands on, but for the group, in the order in which nothing is in use any more.
        /// </summary>
        public async Task DeleteAll()
        {
            foreach (
                var id in SmallSite
                    .BaseResources.Where(d => !d.Body.ContainsKey("state"))
                    .Select(d => d.Id)
                    .Skip(1)
                    .Reverse()
            )
                _ = await Client
                    .GetGenericResource(new ResourceIdentifier(id))
                    .DeleteAsync(WaitUntil.Completed, Cancel);
        }

        public async ValueTask DisposeAsync()
        {
            await weftd.DisposeAsync();
            authority.Dispose();
        }

        private async Task Create(string id, JsonObject body)
        {
            // The client's generic form is that of tracked resources: it has no actions, and no resources without a
            // location.
            if (id == SmallSite.Group || !body.ContainsKey("location"))
            {
                using var http = new HttpClient(authority.Handler());
                await weftd.Create(http, id, body);
                return;
            }

            await Put(id, Data(body));
        }

        private static ArmClient Of(Weftd weftd, Authority authority)
        {
            var options = new ArmClientOptions
            {
                Environment = new ArmEnvironment(weftd.Url, "https://weft.example"),
                Transport = new HttpClientTransport(authority.Handler()),
                Retry = { MaxRetries = 0 },
            };
            return new ArmClient(new AdministratorsToken(weftd.Token), "11111111-2222-3333-4444-555555555555", options);
        }
    }

    private sealed class AdministratorsToken(string token) : TokenCredential
    {
        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            new(token, TimeProvider.System.GetUtcNow().AddHours(1));

        public override ValueTask<AccessToken> GetTokenAsync(
            TokenRequestContext requestContext,
            CancellationToken cancellationToken
        ) => new(GetToken(requestContext, cancellationToken));
    }

    /// <summary>An authority that lives as long as the test, and the one certificate it gave out.</summary>
    private sealed class Authority : IDisposable
    {
        private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("weft-tls-");
        private readonly X509Certificate2 _root;

        public Authority()
        {
            var now = TimeProvider.System.GetUtcNow();
            using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var rootRequest = new CertificateRequest("CN=weft test authority", rootKey, HashAlgorithmName.SHA256);
            rootRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            _root = rootRequest.CreateSelfSigned(now.AddHours(-1), now.AddDays(1));
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddIpAddress(IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
            using var certificate = request.Create(
                _root,
                now.AddHours(-1),
                now.AddHours(12),
                RandomNumberGenerator.GetBytes(8)
            );
            File.WriteAllText(CertificateFile, certificate.ExportCertificatePem());
            File.WriteAllText(KeyFile, key.ExportPkcs8PrivateKeyPem());
        }

        public string CertificateFile => Path.Join(_directory.FullName, "server.crt");

        public string KeyFile => Path.Join(_directory.FullName, "server.key");

        /// <summary>A transport that trusts this authority and nobody else.</summary>
        public SocketsHttpHandler Handler() =>
            new()
            {
                SslOptions = new SslClientAuthenticationOptions
                {
                    CertificateChainPolicy = new X509ChainPolicy
                    {
                        TrustMode = X509ChainTrustMode.CustomRootTrust,
                        CustomTrustStore = { _root },
                        RevocationMode = X509RevocationMode.NoCheck,
                    },
                },
            };

        public void Dispose()
        {
            _root.Dispose();
            _directory.Delete(true);
        }
    }
}
