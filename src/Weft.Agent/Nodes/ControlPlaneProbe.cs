using System.Net;
using System.Net.Http.Headers;
using Weft.Agent.ControlPlane;
using Weft.Contracts;
using Weft.Relay.Client;

namespace Weft.Agent.Nodes;

/// <summary>
/// Whether the control plane is within reach now. Each look is a request on a connection of its own: one that stood
/// before a change may outlive what new ones don't.
/// </summary>
/// <param name="plane">Whose credential is shown; null to show none.</param>
internal sealed class ControlPlaneProbe(AgentOptions options, ControlPlaneClient? plane, TimeProvider clock)
{
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(5),
        ProbeInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>The digest of the desired state that is applied: with it the answer is short.</summary>
    public string Digest { get; set; } = "none";

    /// <summary>Looks until the control plane answers.</summary>
    /// <returns>Null once it has answered, whatever it said; else why it hasn't.</returns>
    public async Task<string?> WaitUntilReachable(TimeSpan within, CancellationToken cancel)
    {
        using var deadline = new CancellationTokenSource(within, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, deadline.Token);
        var why = "it did not answer";
        while (true)
        {
            try
            {
                if (await Probe(either.Token) is not { } fault)
                    return null;
                why = fault;
                await Task.Delay(ProbeInterval, clock, either.Token);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                return $"{options.Server.Authority}: {why}";
            }
        }
    }

    private async Task<string?> Probe(CancellationToken cancel)
    {
        using var http = Transport.Open(options);
        using var deadline = new CancellationTokenSource(ProbeTimeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, deadline.Token);
        using var request = new HttpRequestMessage(
            HttpMethod.Get,
            new Uri($"desired?after={Uri.EscapeDataString(Digest)}&wait=0", UriKind.Relative)
        );
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("weft-agent", AgentOptions.Version));
        if (plane?.Identity is { } known)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", known.Credential);
            request.Headers.Add(AgentApi.InstanceHeader, plane.Instance);
        }

        try
        {
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            // A refusal is an answer; a gateway that can't reach the control plane answers for itself.
            return
                answer.StatusCode
                    is HttpStatusCode.BadGateway
                        or HttpStatusCode.ServiceUnavailable
                        or HttpStatusCode.GatewayTimeout
                ? $"a gateway answered {(int)answer.StatusCode}"
                : null;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return $"no answer within {ProbeTimeout.TotalSeconds:0} s";
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return ProxyDiagnostics.DescribeFailure(e, request.RequestUri!);
        }
    }
}
