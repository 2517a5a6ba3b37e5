using System.Net;
using System.Net.Sockets;

namespace Weft.EndToEnd.Relay;

/// <summary>The real kubectl through <c>weft proxy</c>, the relay and an agent, to an API server that speaks TLS to kubectl itself.</summary>
public sealed class KubectlTests
{
    private const int Term = 15, Interrupt = 2, HangUp = 1, KillNow = 9;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Gets_Follows_Executes_AndForwards()
    {
        Assert.SkipUnless(HasKubectl(), "there is no kubectl");
        await using var lab = await RelayLab.Start();
        using var echo = Echo(out var port);
        await using var api = await ApiServer.Start(port);
        await lab.Listen(RelayLab.Cluster, "kubernetes", api.Port);
        var proxy = await lab.Proxy("east", "--certificate-authority", api.CaFile, "--kube-token-file", api.TokenFile);

        var get = await lab.Run("kubectl", "get", "pods");
        Assert.True(get.Code == 0, get.Error);
        Assert.Matches(@"^NAME +AGE\nupf-0 +[0-9]+", get.Output);
        Assert.Equal("line 0\nline 1\nline 2\n", (await lab.Run("kubectl", "logs", "upf-0")).Output);

        var follow = lab.Spawn("kubectl", "logs", "-f", "upf-0");
        for (var i = 0; i < 30; i++)
            Assert.Equal($"line {i}", await follow.StandardOutput.ReadLineAsync(Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(10), Cancel));
        await RelayLab.Signal(follow, Interrupt);

        var exec = await RelayLab.End(lab.Spawn("kubectl", "exec", "-i", "upf-0", "--", "cat", "-"), new string('x', 100_000) + "end\n");
        Assert.Equal((3, $"cat -\n{new string('X', 100_000)}END\n"), (exec.Code, exec.Output));
        Assert.StartsWith("on stderr\n", exec.Error, StringComparison.Ordinal);

        var forward = lab.Spawn("kubectl", "port-forward", "pod/upf-0", ":8080");
        var said = await forward.StandardOutput.ReadLineAsync(Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        Assert.StartsWith("Forwarding from 127.0.0.1:", said, StringComparison.Ordinal);
        for (var i = 0; i < 3; i++)
            await Talk(int.Parse(said!["Forwarding from 127.0.0.1:".Length..].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture));
        await RelayLab.Signal(forward, Interrupt);

        Assert.Equal(0, await RelayLab.Signal(proxy, Term));
        Assert.Equal(1, (await lab.Run("kubectl", "get", "pods")).Code);
        Assert.DoesNotContain("weft-east", await File.ReadAllTextAsync(lab.Kubeconfig, Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Shares_OneKubeconfig_AmongManyProxies_AndKubectl()
    {
        Assert.SkipUnless(HasKubectl(), "there is no kubectl");
        await using var lab = await RelayLab.Start();
        await using var api = await ApiServer.Start(1);
        await lab.Listen(RelayLab.Cluster, "kubernetes", api.Port);
        await Kubectl(lab, "config", "set-cluster", "prod", "--server=https://192.0.2.1:6443");
        await Kubectl(lab, "config", "set-context", "prod", "--cluster=prod");
        await Kubectl(lab, "config", "use-context", "prod");
        var before = (await lab.Run("kubectl", "config", "view", "--raw", "-o", "json")).Output;

        string[] signed = ["--certificate-authority", api.CaFile, "--kube-token-file", api.TokenFile];
        var starting = Enumerable.Range(0, 5).Select(i => lab.Proxy(["east", "--kube-context", $"east-{i}", .. signed])).ToList();
        var writing = Task.Run(async () =>
        {
            for (var i = 0; i < 5; i++)
                await lab.Run("kubectl", "config", "set-context", $"mine-{i}", "--cluster=prod");
        }, Cancel);
        var proxies = await Task.WhenAll(starting);
        await writing;
        foreach (var i in Enumerable.Range(0, 5))
        {
            Assert.Contains("upf-0", (await lab.Run("kubectl", "--context", $"east-{i}", "get", "pods", "-o", "name")).Output, StringComparison.Ordinal);
            await lab.Run("kubectl", "config", "delete-context", $"mine-{i}");
        }

        int[] codes = [await RelayLab.Signal(proxies[3], Interrupt), await RelayLab.Signal(proxies[4], HangUp), await RelayLab.Signal(proxies[0], Term)];
        Assert.Equal([0, 0, 0], codes);
        // One dies without a word; what takes its name puts it right.
        Assert.Equal(128 + KillNow, await RelayLab.Signal(proxies[1], KillNow));
        var again = await lab.Proxy(["east", "--kube-context", "east-1", .. signed]);
        Assert.Contains("upf-0", (await lab.Run("kubectl", "--context", "east-1", "get", "pods", "-o", "name")).Output, StringComparison.Ordinal);
        await RelayLab.Signal(proxies[2], Term);
        await RelayLab.Signal(again, Term);
        Assert.Equal(before, (await lab.Run("kubectl", "config", "view", "--raw", "-o", "json")).Output);
    }

    [Fact]
    public async Task Prints_Kubeconfig_OnStdout_AndRunsACommand()
    {
        Assert.SkipUnless(HasKubectl(), "there is no kubectl");
        await using var lab = await RelayLab.Start();
        await using var api = await ApiServer.Start(1);
        await lab.Listen(RelayLab.Cluster, "kubernetes", api.Port);
        string[] signed = ["--certificate-authority", api.CaFile, "--kube-token-file", api.TokenFile];
        var ran = await lab.RunWeft(["proxy", "east", .. signed, "--", "kubectl", "get", "pods", "-o", "name"]);
        Assert.Equal((0, "pod/upf-0\n"), (ran.Code, ran.Output));
        var missed = await lab.RunWeft(["proxy", "east", .. signed, "--", "kubectl", "get", "pod", "none"]);
        Assert.Equal((1, ""), (missed.Code, missed.Output));

        var proxy = await lab.Proxy(["east", .. signed, "--kubeconfig", "-"]);
        var file = Path.Combine(lab.Home.FullName, "own");
        var lines = new List<string>();
        while (lines is [] || !lines[^1].StartsWith("current-context", StringComparison.Ordinal))
            lines.Add((await proxy.StandardOutput.ReadLineAsync(Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(10), Cancel))!);
        await File.WriteAllLinesAsync(file, lines, Cancel);
        Assert.Equal("pod/upf-0\n", (await lab.Run("kubectl", "--kubeconfig", file, "get", "pods", "-o", "name")).Output);
        Assert.Equal(0, await RelayLab.Signal(proxy, Term));
        Assert.False(File.Exists(lab.Kubeconfig));
    }

    [Fact]
    public async Task Shuts_Kubectl_Out_OnceARuleDoes()
    {
        Assert.SkipUnless(HasKubectl(), "there is no kubectl");
        await using var lab = await RelayLab.Start();
        await using var api = await ApiServer.Start(1);
        await lab.Listen(RelayLab.Cluster, "kubernetes", api.Port);
        var proxy = await lab.Proxy("east", "--certificate-authority", api.CaFile, "--kube-token-file", api.TokenFile);
        var follow = lab.Spawn("kubectl", "logs", "-f", "upf-0");
        Assert.Equal("line 0", await follow.StandardOutput.ReadLineAsync(Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(10), Cancel));
        await lab.Rules(RelayLab.Cluster, """{"ipRules":[{"ipMask":"127.0.0.0/8","appliesTo":"listeners"},{"ipMask":"192.0.2.0/24"}]}""");
        var cut = await RelayLab.End(follow);
        Assert.NotEqual(0, cut.Code);
        Assert.Equal(1, (await lab.Run("kubectl", "get", "pods")).Code);
        var said = await proxy.StandardError.ReadLineAsync(Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        Assert.StartsWith("connection refused: your address 127.0.0.1 is not in the networks that east lets in to kubernetes", said, StringComparison.Ordinal);
        Assert.Equal(0, await RelayLab.Signal(proxy, Term));
    }

    private static bool HasKubectl() => Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(place => File.Exists(Path.Combine(place, "kubectl")));

    private static async Task Kubectl(RelayLab lab, params string[] args)
    {
        var run = await lab.Run("kubectl", args);
        Assert.True(run.Code == 0, run.Error);
    }

    /// <summary>Says a megabyte, ends, and reads it all back.</summary>
    private static async Task Talk(int port)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port, Cancel);
        var said = System.Security.Cryptography.RandomNumberGenerator.GetBytes(1_000_000);
        var heard = new byte[said.Length];
        var reading = client.GetStream().ReadExactlyAsync(heard, Cancel).AsTask();
        await client.GetStream().WriteAsync(said, Cancel);
        await reading.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        Assert.Equal(said, heard);
    }

    private static TcpListener Echo(out int port)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        port = ((IPEndPoint)listener.LocalEndpoint).Port;
        _ = Task.Run(async () =>
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync();
                _ = Task.Run(async () =>
                {
                    using var owned = client;
                    await client.GetStream().CopyToAsync(client.GetStream());
                });
            }
        }, Cancel);
        return listener;
    }
}
