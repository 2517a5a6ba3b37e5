using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Weft.EndToEnd.Relay;

/// <summary>
/// A cluster whose API server is reached by its agent's own listener alone, and is known by what that agent reports.
/// </summary>
public sealed class RelayedCluster : IAsyncLifetime
{
    private readonly TcpListener _echo = new(IPAddress.Loopback, 0);
    private string _token = "";

    /// <summary>Why it can't be, or null.</summary>
    public string? Lacks { get; } =
        Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(place => File.Exists(Path.Combine(place, "kubectl")))
            ? null
            : "there is no kubectl";

    /// <summary>What it is part of.</summary>
    internal RelayLab Lab { get; private set; } = null!;

    /// <summary>The cluster's API server.</summary>
    internal ApiServer Api { get; private set; } = null!;

    /// <summary>The cluster's agent.</summary>
    internal AgentProcess Agent { get; private set; } = null!;

    /// <summary>The file from which the agent takes the cluster's CA certificates.</summary>
    public string AuthorityFile => Path.Join(Lab.Home, "serviceaccount.crt");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        if (Lacks is not null)
            return;
        _echo.Start();
        _ = Echo();
        Api = await ApiServer.Start(((IPEndPoint)_echo.LocalEndpoint).Port);
        Lab = await RelayLab.Start();
        _token = Path.Join(Lab.Home, "kube.token");
        await RelayLab.WriteSecret(_token, ApiServer.Token);
        File.Copy(Api.CaFile, AuthorityFile);
        Agent = await Lab.StartAgent(
            "east",
            [],
            "--relay-target",
            $"kubernetes=127.0.0.1:{Api.Port}",
            "--cluster-ca",
            AuthorityFile
        );
    }

    /// <summary>
    /// Begins a proxy: nothing on its command line says how the API server is known, but what the test adds.
    /// </summary>
    public Process Start(params string[] args) =>
        Lab.Spawn(RelayLab.Weft, ["proxy", .. Lab.AsAdministrator, "east", "--kube-token-file", _token, .. args]);

    /// <summary>Starts a proxy, and waits until it says that it is ready.</summary>
    public async Task<Process> Proxy(params string[] args)
    {
        var proxy = Start(args);
        for (var said = ""; ; )
        {
            var line =
                await proxy.StandardError.ReadLineAsync(Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Cancel)
                ?? throw new InvalidOperationException($"{said}\n{Agent.Output}");
            if (line.StartsWith("ready: ", StringComparison.Ordinal))
                return proxy;
            said += line + "\n";
        }
    }

    /// <summary>Writes the cluster's network rules.</summary>
    public async Task Rules(string properties)
    {
        var answer = await Lab.Weftd.SendRequest(
            Lab.Client,
            "PUT",
            $"{RelayLab.Cluster}/providers/Weft.Relay/networkRuleSets/default?force=true",
            new JsonObject { ["properties"] = JsonNode.Parse(properties) }
        );
        Assert.True(answer.Status is 200 or 201, answer.Body?.ToJsonString());
    }

    /// <summary>
    /// Exchanges the file of the cluster's CA certificates, and waits until the agent has reported it.
    /// </summary>
    public async Task Rotate(string authorityFile)
    {
        var before = Agent.Reports;
        File.Copy(authorityFile, $"{AuthorityFile}.new", overwrite: true);
        File.Move($"{AuthorityFile}.new", AuthorityFile, overwrite: true);
        await Agent.WaitUntil(() => Agent.Reports > before, "the agent reports the file that it was given");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Lab is not null)
            await Lab.DisposeAsync();
        if (Api is not null)
            await Api.DisposeAsync();
        _echo.Dispose();
    }

    /// <summary>What the pod's port does: it says back what it is told.</summary>
    private async Task Echo()
    {
        while (true)
        {
            var client = await _echo.AcceptTcpClientAsync();
            _ = Task.Run(async () =>
            {
                using var owned = client;
                await client.GetStream().CopyToAsync(client.GetStream());
            });
        }
    }
}
