using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Agent.Kubernetes.Webhook;

/// <summary>
/// Tells the API server where the webhook is and whom to trust: the replica that leads writes its address to the
/// Service's EndpointSlice and its certificate into the two configurations. Without a pod's address, or with files for
/// a certificate, the part that isn't ours is left to whoever sees to it.
/// </summary>
/// <param name="address">The pod's address; null outside of a pod.</param>
internal sealed class WebhookRegistration(
    KubeApi api,
    ServingCertificate certificate,
    IPAddress? address,
    int port,
    TimeProvider clock,
    ILogger log
)
{
    private const string Service = "weft-agent-webhook";
    private const string Configuration = "weft-agent";
    private const string Group = "apis/admissionregistration.k8s.io/v1";

    private static readonly TimeSpan ResyncPeriod = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(5);

    private bool _isSliced;
    private string? _lastFault;

    /// <summary>Keeps both true until cancelled.</summary>
    public async Task Run(CancellationToken cancel)
    {
        while (true)
        {
            var wait = ResyncPeriod;
            try
            {
                await Register(cancel);
                _lastFault = null;
            }
            catch (KubeException e)
            {
                // The agent's work goes on: the webhook is advice, and pods start without it.
                if (_lastFault != e.Message)
                    log.WebhookNotRegistered(_lastFault = e.Message);
                wait = RetryDelay;
            }

            await Task.Delay(wait, clock, cancel);
        }
    }

    private async Task Register(CancellationToken cancel)
    {
        if (!_isSliced && address is not null)
        {
            await api.Apply(
                $"apis/discovery.k8s.io/v1/namespaces/{ObjectKind.SystemNamespace}/endpointslices/{Service}",
                CreateEndpointSlice(address),
                true,
                cancel
            );
            _isSliced = true;
        }

        if (certificate.Authority is not { } authority)
            return;
        var bundle = Convert.ToBase64String(Encoding.ASCII.GetBytes(authority));
        foreach (var plural in (string[])["validatingwebhookconfigurations", "mutatingwebhookconfigurations"])
            await WriteAuthority($"{Group}/{plural}/{Configuration}", bundle, cancel);
    }

    private async Task WriteAuthority(string path, string bundle, CancellationToken cancel)
    {
        // A configuration that isn't installed isn't wanted.
        if (await api.Get(path, cancel) is not { } there)
            return;
        var operations = new JsonArray();
        foreach (var (webhook, i) in (there["webhooks"] as JsonArray ?? []).Select((w, i) => (w, i)))
        {
            if (
                (string?)webhook?["clientConfig"]?["service"]?["name"] == Service
                && (string?)webhook["clientConfig"]?["caBundle"] != bundle
            )
                operations.Add(
                    (JsonNode)
                        new JsonObject
                        {
                            ["op"] = "add",
                            ["path"] = $"/webhooks/{i}/clientConfig/caBundle",
                            ["value"] = bundle,
                        }
                );
        }

        if (operations.Count == 0)
            return;
        // An index names the right webhook only if the list hasn't changed since it was read.
        operations.Insert(
            0,
            new JsonObject
            {
                ["op"] = "test",
                ["path"] = "/metadata/resourceVersion",
                ["value"] = (string?)there["metadata"]?["resourceVersion"],
            }
        );
        await api.Patch(path, operations, cancel);
        log.WebhookTrusted(path[(Group.Length + 1)..]);
    }

    private byte[] CreateEndpointSlice(IPAddress of) =>
        Json.ToUtf8(
            new JsonObject
            {
                ["apiVersion"] = "discovery.k8s.io/v1",
                ["kind"] = "EndpointSlice",
                ["metadata"] = new JsonObject
                {
                    ["name"] = Service,
                    ["namespace"] = ObjectKind.SystemNamespace,
                    ["labels"] = new JsonObject
                    {
                        ["kubernetes.io/service-name"] = Service,
                        ["endpointslice.kubernetes.io/managed-by"] = "weft-agent",
                    },
                },
                ["addressType"] = of.AddressFamily == AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4",
                ["endpoints"] = new JsonArray(
                    new JsonObject
                    {
                        ["addresses"] = new JsonArray(of.ToString()),
                        ["conditions"] = new JsonObject { ["ready"] = true },
                    }
                ),
                ["ports"] = new JsonArray(
                    new JsonObject
                    {
                        ["name"] = "webhook",
                        ["port"] = port,
                        ["protocol"] = "TCP",
                    }
                ),
            }
        );
}
