using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Weft.EndToEnd.Relay;

/// <summary>
/// The real kubectl through <c>weft proxy</c>, the relay and an agent's own listener, to an API server that speaks TLS
/// to kubectl itself and is known by the CA that the agent reports.
/// </summary>
public sealed class KubectlTests(RelayedCluster cluster) : IClassFixture<RelayedCluster>
{
    private const int Term = 15,
        Interrupt = 2,
        HangUp = 1,
        KillNow = 9;
    private const string ByWebSocket = "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=true",
        BySpdy = "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false";
    private const string ForwardByWebSocket = "KUBECTL_PORT_FORWARD_WEBSOCKETS=true",
        ForwardBySpdy = "KUBECTL_PORT_FORWARD_WEBSOCKETS=false";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Gets_Watches_AndFollows()
    {
        Assert.SkipWhen(cluster.Lacks is not null, cluster.Lacks ?? "");
        var proxy = await cluster.Proxy();

        Assert.Matches(@"^NAME +AGE\nupf-0 +[0-9]+", await Kubectl("get", "pods"));
        Assert.Equal("line 0\nline 1\nline 2\n", await Kubectl("logs", "upf-0"));
        await Follow(Start("logs", "-f", "upf-0"), i => $"line {i}", 30);
        await Follow(Start("get", "pods", "-w", "-o", "name"), i => $"pod/upf-{i}", 30);

        Assert.Equal(0, await RelayLab.Signal(proxy, Term));
        Assert.Equal(1, (await Run("get", "pods")).Code);
        Assert.DoesNotContain(
            "weft-east",
            await File.ReadAllTextAsync(cluster.Lab.Kubeconfig, Cancel),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(ByWebSocket, "websocket")]
    [InlineData(BySpdy, "SPDY/3.1")]
    public async Task Executes_AndAttaches(string by, string protocol)
    {
        Assert.SkipWhen(cluster.Lacks is not null, cluster.Lacks ?? "");
        cluster.Api.Upgrades.Clear();
        var proxy = await cluster.Proxy();

        await Execute(by, 100_000);
        var silent = await RelayLab.End(Start(by, "exec", "upf-0", "--", "true"));
        Assert.Equal((3, "true\n"), (silent.Code, silent.Output));
        var attached = await RelayLab.End(Start(by, "attach", "-i", "upf-0"), "hello\n");
        Assert.Equal((0, "attached\nHELLO\n"), (attached.Code, attached.Output));
        Assert.Contains("on stderr\n", attached.Error, StringComparison.Ordinal);
        Assert.Equal([$"exec {protocol}", $"exec {protocol}", $"attach {protocol}"], cluster.Api.Upgrades);

        Assert.Equal(0, await RelayLab.Signal(proxy, Term));
    }

    [Theory]
    [InlineData(ForwardByWebSocket, "websocket")]
    [InlineData(ForwardBySpdy, "SPDY/3.1")]
    public async Task Forwards_APort(string by, string protocol)
    {
        Assert.SkipWhen(cluster.Lacks is not null, cluster.Lacks ?? "");
        cluster.Api.Upgrades.Clear();
        var proxy = await cluster.Proxy();
        await Forward(by, 3);
        Assert.Equal([$"portforward {protocol}"], cluster.Api.Upgrades);
        Assert.Equal(0, await RelayLab.Signal(proxy, Term));
    }

    [Fact]
    public async Task Serves_SeveralAtOnce()
    {
        Assert.SkipWhen(cluster.Lacks is not null, cluster.Lacks ?? "");
        var proxy = await cluster.Proxy();
        await Task.WhenAll(
            Follow(Start("logs", "-f", "upf-0"), i => $"line {i}", 60),
            Follow(Start("get", "pods", "-w", "-o", "name"), i => $"pod/upf-{i}", 60),
            Execute(ByWebSocket, 1_000_000),
            Execute(BySpdy, 1_000_000),
            Forward(ForwardByWebSocket, 3),
            Forward(ForwardBySpdy, 3),
            Task.WhenAll(
                Enumerable
                    .Range(0, 4)
                    .Select(async _ => Assert.Equal("pod/upf-0\n", await Kubectl("get", "pods", "-o", "name")))
            )
        );
        Assert.Equal(0, await RelayLab.Signal(proxy, Term));
    }

    [Fact]
    public async Task Knows_TheApiServer_ByTheNewestReport()
    {
        Assert.SkipWhen(cluster.Lacks is not null, cluster.Lacks ?? "");
        string[] get = ["--", "kubectl", "get", "pods", "-o", "name"];
        using var other = new Authority("kubernetes");

        var good = await RelayLab.End(cluster.Start(get));
        Assert.Equal((0, "pod/upf-0\n", ""), (good.Code, good.Output, good.Error));

        await cluster.Rotate(other.CaFile);
        var bad = await RelayLab.End(cluster.Start(get));
        Assert.Equal((1, ""), (bad.Code, bad.Output));
        Assert.StartsWith(
            "warning: the API server of kubernetesclusters/east answers, but kubectl won't talk to it: its certificate isn't trusted",
            bad.Error,
            StringComparison.Ordinal
        );
        Assert.Contains("certificate signed by unknown authority", bad.Error, StringComparison.Ordinal);
        var named = await RelayLab.End(cluster.Start(["--certificate-authority", cluster.Api.CaFile, .. get]));
        Assert.Equal((0, "pod/upf-0\n", ""), (named.Code, named.Output, named.Error));

        await cluster.Rotate(cluster.Api.CaFile);
        var again = await RelayLab.End(cluster.Start(get));
        Assert.Equal((0, "pod/upf-0\n", ""), (again.Code, again.Output, again.Error));
    }

    [Fact]
    public async Task Shares_OneKubeconfig_AmongManyProxies_AndKubectl()
    {
        Assert.SkipWhen(cluster.Lacks is not null, cluster.Lacks ?? "");
        await Kubectl("config", "set-cluster", "prod", "--server=https://192.0.2.1:6443");
        await Kubectl("config", "set-context", "prod", "--cluster=prod");
        await Kubectl("config", "use-context", "prod");
        var before = await Kubectl("config", "view", "--raw", "-o", "json");

        var proxies = await StartFive();
        foreach (var i in Enumerable.Range(0, 5))
        {
            await ReadPod($"east-{i}");
            await Run("config", "delete-context", $"mine-{i}");
        }

        int[] codes =
        [
            await RelayLab.Signal(proxies[3], Interrupt),
            await RelayLab.Signal(proxies[4], HangUp),
            await RelayLab.Signal(proxies[0], Term),
        ];
        Assert.Equal([0, 0, 0], codes);
        // One dies without a word; what takes its name puts it right.
        Assert.Equal(128 + KillNow, await RelayLab.Signal(proxies[1], KillNow));
        var again = await cluster.Proxy("--kube-context", "east-1");
        await ReadPod("east-1");
        await RelayLab.Signal(proxies[2], Term);
        await RelayLab.Signal(again, Term);
        Assert.Equal(before, await Kubectl("config", "view", "--raw", "-o", "json"));
    }

    [Fact]
    public async Task Restores_Contexts_AfterKubectlWroteBack_WhatItReadBefore()
    {
        Assert.SkipWhen(cluster.Lacks is not null, cluster.Lacks ?? "");
        await Kubectl("config", "set-context", "prod", "--cluster=prod");
        await Kubectl("config", "use-context", "prod");
        var before = await Kubectl("config", "view", "--raw", "-o", "json");
        var proxies = await StartFour();
        await WaitForContexts(Enumerable.Range(0, proxies.Length).Select(i => $"late-{i}"));

        var restored = 0;
        foreach (var proxy in proxies)
        {
            Assert.Equal(0, await RelayLab.Signal(proxy, Term));
            var said = await proxy.StandardError.ReadToEndAsync(Cancel);
            restored += said.Contains("put back: context late-", StringComparison.Ordinal) ? 1 : 0;
        }

        Assert.NotEqual(0, restored);
        // Whether proxies could give the current context back depends on who came first: kubectl has deleted it.
        await Kubectl("config", "set-context", "prod", "--cluster=prod");
        await Kubectl("config", "use-context", "prod");
        Assert.Equal(before, await Kubectl("config", "view", "--raw", "-o", "json"));
    }

    [Fact]
    public async Task Prints_Kubeconfig_OnStdout_AndRunsACommand()
    {
        Assert.SkipWhen(cluster.Lacks is not null, cluster.Lacks ?? "");
        // Other tests of the lab may have been before, or none.
        if (File.Exists(cluster.Lab.Kubeconfig))
            File.Delete(cluster.Lab.Kubeconfig);
        var ran = await RelayLab.End(cluster.Start("--", "kubectl", "get", "pods", "-o", "name"));
        Assert.Equal((0, "pod/upf-0\n"), (ran.Code, ran.Output));
        var missed = await RelayLab.End(cluster.Start("--", "kubectl", "get", "pod", "none"));
        Assert.Equal((1, ""), (missed.Code, missed.Output));

        var proxy = await cluster.Proxy("--kubeconfig", "-");
        var file = Path.Combine(cluster.Lab.Home, "own");
        var lines = new List<string>();
        while (lines is [] || !lines[^1].StartsWith("current-context", StringComparison.Ordinal))
            lines.Add(
                (await proxy.StandardOutput.ReadLineAsync(Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(10), Cancel))!
            );
        await File.WriteAllLinesAsync(file, lines, Cancel);
        Assert.Equal("pod/upf-0\n", await Kubectl("--kubeconfig", file, "get", "pods", "-o", "name"));
        Assert.Equal(0, await RelayLab.Signal(proxy, Term));
        Assert.False(File.Exists(cluster.Lab.Kubeconfig));
    }

    [Fact]
    public async Task Shuts_Kubectl_Out_OnceARuleDoes()
    {
        Assert.SkipWhen(cluster.Lacks is not null, cluster.Lacks ?? "");
        var proxy = await cluster.Proxy();
        var follow = Start("logs", "-f", "upf-0");
        Assert.Equal("line 0", await Line(follow));
        try
        {
            await cluster.Rules(
                """{"ipRules":[{"ipMask":"127.0.0.0/8","appliesTo":"listeners"},{"ipMask":"192.0.2.0/24"}]}"""
            );
            Assert.NotEqual(0, (await RelayLab.End(follow)).Code);
            Assert.Equal(1, (await Run("get", "pods")).Code);
            var said = await proxy
                .StandardError.ReadLineAsync(Cancel)
                .AsTask()
                .WaitAsync(TimeSpan.FromSeconds(10), Cancel);
            Assert.StartsWith(
                "connection refused: your address 127.0.0.1 is not in the networks that east lets in to kubernetes",
                said,
                StringComparison.Ordinal
            );
        }
        finally
        {
            await cluster.Rules("""{"defaultAction":"Allow"}""");
        }

        Assert.Equal("pod/upf-0\n", await Kubectl("get", "pods", "-o", "name"));
        Assert.Equal(0, await RelayLab.Signal(proxy, Term));
    }

    /// <summary>Five proxies, each with a context of its own, in a kubeconfig that kubectl changes meanwhile.</summary>
    private async Task<Process[]> StartFive()
    {
        var starting = Enumerable.Range(0, 5).Select(i => cluster.Proxy("--kube-context", $"east-{i}")).ToList();
        var writing = Task.Run(
            async () =>
            {
                for (var i = 0; i < 5; i++)
                    await Run("config", "set-context", $"mine-{i}", "--cluster=prod");
            },
            Cancel
        );
        var proxies = await Task.WhenAll(starting);
        await writing;
        // What a kubectl wrote over is back within a second or two.
        await WaitForContexts(Enumerable.Range(0, 5).Select(i => $"east-{i}"));
        return proxies;
    }

    private async Task ReadPod(string context) =>
        Assert.Contains(
            "upf-0",
            await Kubectl("--context", context, "get", "pods", "-o", "name"),
            StringComparison.Ordinal
        );

    /// <summary>
    /// Four proxies at most, while a kubectl deletes a context. It reads the files of KUBECONFIG one after the other,
    /// before it takes its lock and again under it. Where one of them is a pipe it stands there, with what it has read
    /// of the file before it.
    /// </summary>
    private async Task<Process[]> StartFour()
    {
        var pipe = Path.Join(cluster.Lab.Home, "pipe");
        Assert.Equal(0, (await cluster.Lab.Run("mkfifo", pipe)).Code);
        var kubectl = RelayLab.End(
            cluster.Lab.Spawn(
                "env",
                $"KUBECONFIG={cluster.Lab.Kubeconfig}:{pipe}",
                "kubectl",
                "config",
                "delete-context",
                "prod"
            )
        );
        var starting = new List<Task<Process>>();
        while (!kubectl.IsCompleted)
        {
            if (starting.Count < 4)
                starting.Add(cluster.Proxy("--kube-context", $"late-{starting.Count}"));
            // A proxy that waits for the lock gets it when kubectl goes on.
            await Task.WhenAny(kubectl, Task.WhenAny(starting[^1], Task.Delay(TimeSpan.FromSeconds(3), Cancel)));
            // Opened for both directions a pipe makes nobody wait for its other end.
            await using var writer = new FileStream(pipe, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            await writer.WriteAsync("apiVersion: v1\nkind: Config\n"u8.ToArray(), Cancel);
        }

        Assert.Equal(0, (await kubectl).Code);
        return await Task.WhenAll(starting);
    }

    private Task<ProcessResult> Run(params string[] args) => RelayLab.End(Start(args));

    /// <summary>Starts kubectl; settings of its environment may stand in front.</summary>
    private Process Start(params string[] args) =>
        cluster.Lab.Spawn(
            "env",
            [
                .. args.TakeWhile(arg => arg.Contains('=', StringComparison.Ordinal)),
                "kubectl",
                .. args.SkipWhile(arg => arg.Contains('=', StringComparison.Ordinal)),
            ]
        );

    /// <summary>Runs kubectl, which must end well; returns what it printed.</summary>
    private async Task<string> Kubectl(params string[] args)
    {
        var run = await Run(args);
        Assert.True(
            run.Code == 0,
            $"kubectl {string.Join(' ', args)} ended with {run.Code}: {run.Error}\n{cluster.Agent.Output}"
        );
        return run.Output;
    }

    /// <summary>Waits until the kubeconfig has contexts.</summary>
    private async Task WaitForContexts(IEnumerable<string> names)
    {
        var missing = names.ToHashSet(StringComparer.Ordinal);
        for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(20); )
        {
            missing.ExceptWith((await Kubectl("config", "get-contexts", "-o", "name")).Split('\n'));
            if (missing.Count == 0)
                return;
            await Task.Delay(TimeSpan.FromMilliseconds(200), Cancel);
        }

        Assert.Fail($"the kubeconfig still lacks {string.Join(", ", missing)}");
    }

    private static Task<string?> Line(Process process) =>
        process.StandardOutput.ReadLineAsync(Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(20), Cancel);

    /// <summary>Reads lines of what goes on for ever, and interrupts it.</summary>
    private static async Task Follow(Process process, Func<int, string> line, int lines)
    {
        for (var i = 0; i < lines; i++)
            Assert.Equal(line(i), await Line(process));
        await RelayLab.Signal(process, Interrupt);
    }

    /// <summary>Both directions, both outputs, the end of the input, and the exit code.</summary>
    private async Task Execute(string by, int characters)
    {
        var exec = await RelayLab.End(
            Start(by, "exec", "-i", "upf-0", "--", "cat", "-"),
            new string('x', characters) + "end\n"
        );
        Assert.Equal((3, $"cat -\n{new string('X', characters)}END\n"), (exec.Code, exec.Output));
        Assert.StartsWith("on stderr\n", exec.Error, StringComparison.Ordinal);
    }

    /// <summary>Connections of a megabyte each way, one after the other.</summary>
    private async Task Forward(string by, int connections)
    {
        const string Saying = "Forwarding from 127.0.0.1:";
        var forward = Start(by, "port-forward", "pod/upf-0", ":8080");
        var said = await Line(forward);
        Assert.StartsWith(Saying, said, StringComparison.Ordinal);
        for (var i = 0; i < connections; i++)
        {
            using var client = new TcpClient();
            await client.ConnectAsync(
                IPAddress.Loopback,
                int.Parse(said![Saying.Length..].Split(' ')[0], CultureInfo.InvariantCulture),
                Cancel
            );
            var sent = RandomNumberGenerator.GetBytes(1_000_000);
            var heard = new byte[sent.Length];
            var reading = client.GetStream().ReadExactlyAsync(heard, Cancel).AsTask();
            await client.GetStream().WriteAsync(sent, Cancel);
            await reading.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
            Assert.Equal(sent, heard);
        }

        await RelayLab.Signal(forward, Interrupt);
    }
}
