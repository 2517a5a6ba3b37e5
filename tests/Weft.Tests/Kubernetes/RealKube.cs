using System.Diagnostics;

namespace Weft.Tests.Kubernetes;

/// <summary>
/// A real kube-apiserver over a real etcd. No package carries the former: WEFT_KUBE_APISERVER names one. etcd
/// (etcd-server) and kubectl (kubernetes-client) are Debian's.
/// </summary>
internal sealed class RealKube : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-real-kube-").FullName;
    private readonly string _binary;
    private readonly HeldPort _etcdPort = new();
    private readonly HeldPort _peerPort = new();
    private readonly HeldPort _port = new();
    private Process? _etcd;
    private Process? _server;

    private RealKube(string binary) => _binary = binary;

    public int Port => _port.Number;

    public string Url => $"https://127.0.0.1:{Port}";

    /// <summary>Why there is none here, or null.</summary>
    public static string? Missing =>
        Environment.GetEnvironmentVariable("WEFT_KUBE_APISERVER") is not { Length: > 0 } path
            ? "WEFT_KUBE_APISERVER names no kube-apiserver"
        : !File.Exists(path) ? $"WEFT_KUBE_APISERVER is '{path}', which isn't there"
        : !File.Exists("/usr/bin/etcd") ? "etcd isn't installed (etcd-server)"
        : !File.Exists("/usr/bin/kubectl") ? "kubectl isn't installed (kubernetes-client)"
        : null;

    public static async Task<RealKube> Start()
    {
        var kube = new RealKube(Environment.GetEnvironmentVariable("WEFT_KUBE_APISERVER")!);
        File.WriteAllText(
            Path.Join(kube._folder, "tokens.csv"),
            """
            admin-token,admin,1,"system:masters"
            agent-token,system:serviceaccount:weft-system:weft-agent,2,"system:serviceaccounts"

            """
        );
        using var key = System.Security.Cryptography.RSA.Create(2048);
        File.WriteAllText(Path.Join(kube._folder, "sa.key"), key.ExportRSAPrivateKeyPem());
        var (client, peer) = ($"http://127.0.0.1:{kube._etcdPort.Number}", $"http://127.0.0.1:{kube._peerPort.Number}");
        kube._etcd = Run(
            "/usr/bin/etcd",
            "--data-dir",
            Path.Join(kube._folder, "etcd"),
            "--listen-client-urls",
            client,
            "--advertise-client-urls",
            client,
            "--listen-peer-urls",
            peer,
            "--initial-advertise-peer-urls",
            peer,
            "--initial-cluster",
            $"default={peer}",
            "--log-level",
            "error"
        );
        await kube.ComeBack();
        return kube;
    }

    public async Task ComeBack()
    {
        _server = Run(
            _binary,
            $"--etcd-servers=http://127.0.0.1:{_etcdPort}",
            $"--cert-dir={Path.Join(_folder, "certs")}",
            $"--secure-port={Port}",
            "--bind-address=127.0.0.1",
            "--authorization-mode=RBAC",
            $"--token-auth-file={Path.Join(_folder, "tokens.csv")}",
            $"--service-account-key-file={Path.Join(_folder, "sa.key")}",
            $"--service-account-signing-key-file={Path.Join(_folder, "sa.key")}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--disable-admission-plugins=ServiceAccount"
        );
        using var client = Client("admin-token");
        for (var i = 0; i < 600; i++)
        {
            try
            {
                if (
                    (
                        await client.GetAsync(new Uri($"{Url}/readyz"), TestContext.Current.CancellationToken)
                    ).IsSuccessStatusCode
                )
                    return;
            }
            catch (HttpRequestException)
            {
                // It is on its way.
            }

            Assert.False(_server.HasExited, "kube-apiserver ended");
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        Assert.Fail("kube-apiserver never got ready");
    }

    public async Task GoAway()
    {
        _server!.Kill();
        await _server.WaitForExitAsync();
        _server.Dispose();
    }

    public static HttpClient Client(string token)
    {
        var client = new HttpClient(
            new SocketsHttpHandler { SslOptions = new() { RemoteCertificateValidationCallback = (_, _, _, _) => true } }
        );
        client.DefaultRequestHeaders.Authorization = new("Bearer", token);
        return client;
    }

    public string Config(string token)
    {
        var path = Path.Join(_folder, $"kubeconfig-{token}");
        File.WriteAllText(
            path,
            $$"""
            apiVersion: v1
            kind: Config
            clusters:
            - name: real
              cluster: {server: "{{Url}}", insecure-skip-tls-verify: true}
            users:
            - name: user
              user: {token: {{token}}}
            contexts:
            - name: real
              context: {cluster: real, user: user}
            current-context: real
            """
        );
        return path;
    }

    /// <summary>Runs kubectl; a blank parts two arguments, and nothing else has a meaning.</summary>
    public async Task<string> Kubectl(string arguments, string? input = null)
    {
        var start = new ProcessStartInfo(
            "/usr/bin/kubectl",
            ["--kubeconfig", Config("admin-token"), .. arguments.Split(' ')]
        )
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment["HOME"] = _folder;
        using var process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, $"kubectl {arguments}: {await error}");
        return await output;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in (Process?[])[_server, _etcd])
        {
            if (process is null)
                continue;
            try
            {
                process.Kill();
                await process.WaitForExitAsync();
            }
            catch (InvalidOperationException)
            {
                // It has gone.
            }

            process.Dispose();
        }

        foreach (var port in (HeldPort[])[_etcdPort, _peerPort, _port])
            port.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static Process Run(string binary, params string[] arguments)
    {
        var start = new ProcessStartInfo(binary) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
