using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Weft.EndToEnd.Server;

namespace Weft.EndToEnd.Relay;

/// <summary>
/// A node in a network namespace of its own, whose SSH server listens on its loopback alone; its agent dials out to weftd, which is the only thing
/// that both sides can reach.
/// </summary>
public sealed class RelayedNode : IAsyncLifetime
{
    /// <summary>weftd's address, and that from which this side's clients come to it.</summary>
    public const string Here = "10.111.7.1";

    /// <summary>The node's address.</summary>
    public const string There = "10.111.7.2";

    private const string East = $"{SmallSite.Cloud}/kubernetesClusters/east";

    /// <summary>The node's id.</summary>
    public const string Node = $"{East}/providers/Weft.Fleet/nodes/w1";

    private static readonly string Build = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
    private readonly string _namespace = $"weft-ssh-{Environment.ProcessId}";
    private readonly List<Process> _processes = [];
    private readonly System.Collections.Concurrent.ConcurrentQueue<string> _said = [];
    private Process? _agent;

    /// <summary>Why it can't be, or null.</summary>
    public string? Lacks { get; private set; }

    /// <summary>A directory of its own.</summary>
    public string Place { get; } = Directory.CreateTempSubdirectory("weft-ssh-").FullName;

    /// <summary>The control plane, with its relay.</summary>
    internal Weftd Weftd { get; private set; } = null!;

    /// <summary>A client that trusts it.</summary>
    internal HttpClient Client { get; private set; } = null!;

    /// <summary>What the agent has said last, for messages of failed tests.</summary>
    public string Said => string.Join('\n', _said.TakeLast(20));

    /// <summary>What weft is told of it.</summary>
    public string Flags => $"--server {Weftd.Url} --ca {Place}/ca.pem --token-file {Place}/user.token -s {SmallSite.Subscription.Split('/')[^1]} -g rg1";

    /// <summary>The same for the administrator.</summary>
    public string AdminFlags => Flags.Replace($"{Place}/user.token", $"{Weftd.Data}/admin.token", StringComparison.Ordinal);

    /// <summary>What ssh is told of the node.</summary>
    public string SshFlags => $"-i {Place}/key -o UserKnownHostsFile={Place}/known -o StrictHostKeyChecking=accept-new -o BatchMode=yes -o ConnectTimeout=30 -l root";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        Lacks = Environment.UserName != "root" ? "root makes network namespaces; this is another user"
            : !File.Exists("/usr/sbin/sshd") ? "sshd isn't installed (openssh-server)" : !File.Exists("/usr/bin/scp") ? "scp isn't installed (openssh-client)" : null;
        if (Lacks is not null)
            return;
        await MakeNamespace();
        await StartSshd();
        MakeCertificate();
        Weftd = await Weftd.Start("--listen", $"{Here}:0", "--tls-cert", $"{Place}/ca.pem", "--tls-key", $"{Place}/ca.key", "--relay-listen", $"{Here}:0");
        Client = Trusting();
        foreach (var (id, body) in SmallSite.All)
            await Weftd.Make(Client, id, body);
        await Weftd.Make(Client, Node, new JsonObject { ["properties"] = new JsonObject { ["agentPool"] = "workers", ["uplinks"] = new JsonArray(new JsonObject { ["name"] = "eth0", ["macAddress"] = "52:54:00:00:00:01" }) } });
        await MakeUser();
        var token = await Weftd.Ask(Client, "POST", $"{East}/listEnrollmentToken");
        await File.WriteAllTextAsync($"{Place}/enroll", token.Body!["token"]!.ToString(), Cancel);
        await StartAgent();
    }

    /// <summary>Runs a command line of this side's shell, with weft in its path.</summary>
    /// <param name="command">The command line.</param>
    /// <returns>How it ended.</returns>
    public async Task<(int Code, string Output, string Errors)> Shell(string command)
    {
        var start = new ProcessStartInfo("bash", ["-c", command]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["PATH"] = $"{Path.GetDirectoryName(Program("Weft.Cli", "weft"))}:{start.Environment["PATH"]}";
        start.Environment["HOME"] = Place;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(Cancel), process.StandardError.ReadToEndAsync(Cancel));
        await process.WaitForExitAsync(Cancel).WaitAsync(TimeSpan.FromMinutes(4), Cancel);
        return (process.ExitCode, await output, await errors);
    }

    /// <summary>The same, where it must end well.</summary>
    /// <param name="command">The command line.</param>
    /// <returns>What it printed.</returns>
    public async Task<string> Must(string command)
    {
        var (code, output, errors) = await Shell(command);
        Assert.True(code == 0, $"{command}\nended with {code}\n{output}\n{errors}\n{Said}");
        return output;
    }

    /// <summary>Starts the agent on the node, and waits until the relay has it.</summary>
    /// <returns>When senders can come.</returns>
    public async Task StartAgent()
    {
        _agent = Spawn("ip", ["netns", "exec", _namespace, Program("Weft.Agent", "weft-agent"),
            "--server", Weftd.Url.ToString(), "--ca", $"{Place}/ca.pem", "--state", $"{Place}/agent", "--name", "w1", "--node", "w1",
            "--enrollment-token-file", $"{Place}/enroll", "--socket", $"{Place}/agent.sock", "--cni-bin", $"{Place}/none"]);
        var listens = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _agent.ErrorDataReceived += (_, line) =>
        {
            _said.Enqueue(line.Data ?? "(ended)");
            if (line.Data?.Contains("relay-listens", StringComparison.Ordinal) == true)
                _ = listens.TrySetResult();
        };
        _agent.BeginErrorReadLine();
        await listens.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancel);
    }

    /// <summary>Answers for another target from where the node is.</summary>
    /// <param name="target">The target, as weft takes it.</param>
    /// <returns>When senders can come.</returns>
    public async Task StartListening(string target)
    {
        var listener = Spawn("ip", ["netns", "exec", _namespace, Program("Weft.Cli", "weft"), "relay", "listen", target, "--service", "ssh=127.0.0.1:22", .. AdminFlags.Split(' ')]);
        var said = await listener.StandardError.ReadLineAsync(Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(60), Cancel);
        Assert.StartsWith("listening for", said, StringComparison.Ordinal);
        _ = listener.StandardError.ReadToEndAsync(CancellationToken.None);
    }

    /// <summary>Kills the agent in the middle of whatever it does.</summary>
    /// <returns>When it is gone.</returns>
    public async Task KillAgent()
    {
        _agent!.Kill();
        await _agent.WaitForExitAsync(Cancel);
    }

    /// <summary>Asks the agent to stop.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> StopAgent()
    {
        Assert.Equal(0, Signal(_agent!.Id, 15));
        await _agent.WaitForExitAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        return _agent.ExitCode;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes.Where(p => !p.HasExited))
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
        }

        Client?.Dispose();
        if (Weftd is not null)
            await Weftd.DisposeAsync();
        if (Lacks is null)
            await Run("ip", "netns", "del", _namespace);
        Directory.Delete(Place, true);
    }

    private async Task MakeNamespace()
    {
        var link = $"wssh{Environment.ProcessId}"[..Math.Min(15, 4 + Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture).Length)];
        await Run("ip", "netns", "add", _namespace);
        await Run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", _namespace);
        await Run("ip", "address", "add", $"{Here}/30", "dev", link);
        await Run("ip", "link", "set", link, "up");
        await Run("ip", "-n", _namespace, "address", "add", $"{There}/30", "dev", "eth0");
        await Run("ip", "-n", _namespace, "link", "set", "eth0", "up");
        await Run("ip", "-n", _namespace, "link", "set", "lo", "up");
    }

    private async Task StartSshd()
    {
        Directory.CreateDirectory("/run/sshd");
        await Run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", $"{Place}/host");
        await Run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", $"{Place}/key");
        await File.WriteAllTextAsync($"{Place}/sshd_config", $"""
            ListenAddress 127.0.0.1:22
            HostKey {Place}/host
            AuthorizedKeysFile {Place}/key.pub
            PidFile none
            StrictModes no
            UsePAM no
            PasswordAuthentication no
            PermitRootLogin prohibit-password
            MaxSessions 20
            Subsystem sftp internal-sftp

            """, Cancel);
        _ = Spawn("ip", ["netns", "exec", _namespace, "/usr/sbin/sshd", "-D", "-e", "-f", $"{Place}/sshd_config"]).StandardError.ReadToEndAsync(CancellationToken.None);
    }

    private void MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=weftd", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(System.Net.IPAddress.Parse(Here));
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText($"{Place}/ca.pem", certificate.ExportCertificatePem());
        File.WriteAllText($"{Place}/ca.key", key.ExportPkcs8PrivateKeyPem());
    }

    private HttpClient Trusting()
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile($"{Place}/ca.pem");
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(roots);
        return new HttpClient(new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = policy } });
    }

    /// <summary>Somebody who may connect to the node, and nothing else.</summary>
    private async Task MakeUser()
    {
        const string User = "/providers/Weft.Identity/principals/ops";
        var made = await Weftd.Ask(Client, "PUT", User, new JsonObject { ["properties"] = new JsonObject { ["assignments"] = new JsonArray(new JsonObject { ["role"] = "RelayUser", ["scope"] = East }) } });
        Assert.Equal(201, made.Status);
        var token = await Weftd.Ask(Client, "POST", $"{User}/rotateToken");
        await File.WriteAllTextAsync($"{Place}/user.token", token.Body!["token"]!.ToString(), Cancel);
        File.SetUnixFileMode($"{Place}/user.token", UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private Process Spawn(string program, string[] arguments)
    {
        var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardInput = true })!;
        _processes.Add(process);
        return process;
    }

    private static async Task Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var errors = await process.StandardError.ReadToEndAsync(CancellationToken.None);
        await process.WaitForExitAsync(CancellationToken.None);
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {errors}");
    }

    private static string Program(string project, string name) => Path.GetFullPath(Path.Join(Build, "..", "..", project, Path.GetFileName(Build), name));

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Signal(int process, int signal);
}
