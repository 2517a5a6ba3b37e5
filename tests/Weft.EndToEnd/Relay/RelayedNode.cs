using System.Globalization;

namespace Weft.EndToEnd.Relay;

/// <summary>
/// A node in a network namespace of its own, whose SSH server listens on its loopback alone; its agent dials out to
/// weftd, which is the only thing that both sides can reach.
/// </summary>
public sealed class RelayedNode : IAsyncLifetime
{
    /// <summary>weftd's address, and that from which this side's clients come to it.</summary>
    public static readonly string Here = $"{Subnet}.1";

    /// <summary>The node's address.</summary>
    public static readonly string There = $"{Subnet}.2";

    private readonly string _namespace = $"weft-ssh-{Environment.ProcessId}";

    /// <summary>Why it can't be, or null.</summary>
    public string? Lacks { get; private set; }

    /// <summary>A directory of its own.</summary>
    public string Folder => Lab.Home;

    /// <summary>What it is part of.</summary>
    internal RelayLab Lab { get; private set; } = null!;

    /// <summary>The node's agent.</summary>
    internal AgentProcess Agent { get; private set; } = null!;

    /// <summary>What weft is told of it.</summary>
    public string Flags { get; private set; } = "";

    /// <summary>What ssh is told of the node.</summary>
    public string SshFlags =>
        $"-i {Folder}/key -o UserKnownHostsFile={Folder}/known -o StrictHostKeyChecking=accept-new "
        + "-o BatchMode=yes -o ConnectTimeout=30 -l root";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string[] Inside => ["ip", "netns", "exec", _namespace];

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        Lacks =
            Environment.UserName != "root" ? "root makes network namespaces; this is another user"
            : !File.Exists("/usr/sbin/sshd") ? "sshd isn't installed (openssh-server)"
            : !File.Exists("/usr/bin/scp") ? "scp isn't installed (openssh-client)"
            : null;
        if (Lacks is not null)
            return;
        var link = $"wssh{Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}";
        foreach (
            var command in (string[])
                [
                    $"netns add {_namespace}",
                    $"link add {link} type veth peer name eth0 netns {_namespace}",
                    $"address add {Here}/30 dev {link}",
                    $"link set {link} up",
                    $"-n {_namespace} address add {There}/30 dev eth0",
                    $"-n {_namespace} link set eth0 up",
                    $"-n {_namespace} link set lo up",
                ]
        )
        {
            await Ip(command);
        }

        Lab = await RelayLab.Start(Here);
        await StartSshd();
        Flags = string.Join(' ', await Lab.AsUser());
        await StartAgent();
    }

    /// <summary>Runs a command line of this side's shell, with weft in its path.</summary>
    internal Task<ProcessResult> Shell(string command) => Lab.Run("bash", "-c", command);

    /// <summary>The same, where it must end well; returns what it printed.</summary>
    public async Task<string> RunSuccessfully(string command)
    {
        var (code, output, errors) = await Shell(command);
        Assert.True(code == 0, $"{command}\nended with {code}\n{output}\n{errors}\n{Agent?.Output}");
        return output;
    }

    /// <summary>Starts the agent on the node, and waits until the relay has it.</summary>
    public async Task StartAgent() => Agent = await Lab.StartAgent("w1", Inside, "--node", "w1");

    /// <summary>Answers for another target from where the node is.</summary>
    /// <param name="target">The target, as weft takes it.</param>
    public async Task StartListening(string target)
    {
        var listener = Lab.Spawn(
            "ip",
            [
                .. Inside[1..],
                RelayLab.Weft,
                "relay",
                "listen",
                target,
                "--service",
                "ssh=127.0.0.1:22",
                .. Lab.AsAdministrator,
            ]
        );
        var said = await listener
            .StandardError.ReadLineAsync(Cancel)
            .AsTask()
            .WaitAsync(TimeSpan.FromSeconds(60), Cancel);
        Assert.StartsWith("listening for", said, StringComparison.Ordinal);
        _ = listener.StandardError.ReadToEndAsync(CancellationToken.None);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Lab is not null)
            await Lab.DisposeAsync();
        if (Lacks is null)
            await Ip($"netns del {_namespace}");
    }

    private async Task StartSshd()
    {
        Directory.CreateDirectory("/run/sshd");
        await RunSuccessfully(
            $"ssh-keygen -q -t ed25519 -N '' -f {Folder}/host && ssh-keygen -q -t ed25519 -N '' -f {Folder}/key"
        );
        await File.WriteAllTextAsync(
            $"{Folder}/sshd_config",
            $"""
            ListenAddress 127.0.0.1:22
            HostKey {Folder}/host
            AuthorizedKeysFile {Folder}/key.pub
            PidFile none
            StrictModes no
            UsePAM no
            PasswordAuthentication no
            PermitRootLogin prohibit-password
            MaxSessions 20
            Subsystem sftp internal-sftp

            """,
            Cancel
        );
        _ = Lab.Spawn("ip", [.. Inside[1..], "/usr/sbin/sshd", "-D", "-e", "-f", $"{Folder}/sshd_config"])
            .StandardError.ReadToEndAsync(CancellationToken.None);
    }

    private static async Task Ip(string command)
    {
        using var process = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo("ip", command) { RedirectStandardError = true }
        )!;
        var errors = await process.StandardError.ReadToEndAsync(CancellationToken.None);
        await process.WaitForExitAsync(CancellationToken.None);
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"ip {command}: {errors}");
    }

    /// <summary>Of this run alone: what a killed one has left on the machine has another.</summary>
    private static string Subnet =>
        string.Create(CultureInfo.InvariantCulture, $"10.111.{Environment.ProcessId % 256}");
}
