using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Weft.EndToEnd.Relay;

/// <summary>The real OpenSSH, both ends, through the relay and an agent.</summary>
public sealed class SshTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task LogsIn_Copies_AndEndsEachWay()
    {
        Assert.SkipUnless(File.Exists("/usr/sbin/sshd") && Environment.IsPrivilegedProcess, "there is no sshd, or nobody to run it");
        await using var lab = await RelayLab.Start();
        using var sshd = await Sshd.Start(lab);
        await lab.Listen(RelayLab.Node, "ssh", sshd.Port);
        string[] login = ["-i", sshd.UserKey, "-o", $"UserKnownHostsFile={sshd.KnownHosts}", "-o", "HashKnownHosts=no", "-o", "StrictHostKeyChecking=accept-new", "-o", "BatchMode=yes", "-l", Environment.UserName];

        var code = await lab.RunWeft(["ssh", "w1", .. login, "echo out; echo err >&2; exit 7"]);
        Assert.True(code.Code == 7, code.Error);
        Assert.Equal("out\n", code.Output);
        Assert.Contains("err\n", code.Error, StringComparison.Ordinal);
        Assert.StartsWith("w1.east.rg1.11111111-2222-3333-4444-555555555555.weft ", await File.ReadAllTextAsync(sshd.KnownHosts, Cancel), StringComparison.Ordinal);

        // What ends is the input; the command goes on and says what it got.
        var there = Path.Combine(lab.Home.FullName, "there");
        var half = await RelayLab.End(lab.Weft(["ssh", "w1", .. login, $"cat > {there}; sleep 0.3; wc -c < {there}"]), new string('x', 5_000_000));
        Assert.Equal((0, "5000000\n"), (half.Code, half.Output));

        var config = Path.Combine(lab.Home.FullName, "weft.conf");
        Assert.Equal(0, (await lab.RunWeft("ssh-config", "w1", "--file", config, "-l", Environment.UserName)).Code);
        var big = Path.Combine(lab.Home.FullName, "big");
        await File.WriteAllBytesAsync(big, RandomNumberGenerator.GetBytes(64_000_000), Cancel);
        var scp = await lab.Run("scp", ["-q", "-F", config, .. login[..^2], big, $"w1.east.weft:{big}.copy"]);
        Assert.True(scp.Code == 0, scp.Error);
        Assert.Equal(await Digest(big), await Digest($"{big}.copy"));
        var back = await lab.Run("scp", ["-q", "-F", config, .. login[..^2], $"w1.east.weft:{big}", $"{big}.back"]);
        Assert.True(back.Code == 0, back.Error);
        Assert.Equal(await Digest(big), await Digest($"{big}.back"));

        await lab.Rules(RelayLab.Node, """{"ipRules":[{"ipMask":"192.0.2.0/24"}]}""");
        var shut = await lab.RunWeft(["ssh", "w1", .. login, "true"]);
        Assert.Equal(255, shut.Code);
        Assert.Contains("error: your address 127.0.0.1 is not in the networks that w1 lets in to ssh (node w1 of east: deny by default)", shut.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Shares_OneConnection_AmongManySessions()
    {
        Assert.SkipUnless(File.Exists("/usr/sbin/sshd") && Environment.IsPrivilegedProcess, "there is no sshd, or nobody to run it");
        await using var lab = await RelayLab.Start();
        using var sshd = await Sshd.Start(lab);
        await lab.Listen(RelayLab.Node, "ssh", sshd.Port);
        string[] login =
        [
            "-i", sshd.UserKey, "-o", $"UserKnownHostsFile={sshd.KnownHosts}", "-o", "HashKnownHosts=no", "-o", "StrictHostKeyChecking=accept-new", "-o", "BatchMode=yes", "-l", Environment.UserName,
            "-o", $"ControlPath={lab.Home.FullName}/%C",
        ];
        var master = lab.Weft(["ssh", "w1", .. login, "-M", "-N"]);
        for (var i = 0; (await lab.RunWeft(["ssh", "w1", .. login, "-O", "check"])).Code != 0; i++)
            Assert.True(i < 20, "there is no master");
        await Task.WhenAll(Enumerable.Range(0, 5).Select(async i => Assert.Equal($"{i}\n", (await lab.RunWeft(["ssh", "w1", .. login, $"echo {i}"])).Output)));
        Assert.Equal(1, (await lab.RunWeft("relay", "ls", "--sessions")).Output.Split('\n').Count(line => line.StartsWith("node/east/w1", StringComparison.Ordinal)));
        Assert.Equal(0, (await lab.RunWeft(["ssh", "w1", .. login, "-O", "exit"])).Code);
        await RelayLab.End(master);
    }

    private static async Task<string> Digest(string file)
    {
        await using var stream = File.OpenRead(file);
        return Convert.ToHexString(await SHA256.HashDataAsync(stream, Cancel));
    }

    /// <summary>A server with keys of its own, for whoever runs the test.</summary>
    private sealed class Sshd(Process process, int port, string place) : IDisposable
    {
        public int Port => port;

        public string UserKey => Path.Combine(place, "user");

        public string KnownHosts => Path.Combine(place, "known_hosts");

        public static async Task<Sshd> Start(RelayLab lab)
        {
            var place = Directory.CreateDirectory(Path.Combine(lab.Home.FullName, "sshd")).FullName;
            foreach (var key in new[] { "host", "user" })
                Assert.Equal(0, (await lab.Run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", Path.Combine(place, key))).Code);
            using var free = new TcpListener(IPAddress.Loopback, 0);
            free.Start();
            var port = ((IPEndPoint)free.LocalEndpoint).Port;
            free.Stop();
            Directory.CreateDirectory("/run/sshd");
            var config = Path.Combine(place, "sshd_config");
            await File.WriteAllTextAsync(config, $"Port {port}\nListenAddress 127.0.0.1\nHostKey {place}/host\nAuthorizedKeysFile {place}/user.pub\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nSubsystem sftp internal-sftp\n", Cancel);
            var process = lab.Spawn("/usr/sbin/sshd", "-D", "-e", "-f", config);
            for (var i = 0; ; i++)
            {
                Assert.True(i < 100 && !process.HasExited, "sshd doesn't start");
                using var probe = new TcpClient();
                try
                {
                    await probe.ConnectAsync(IPAddress.Loopback, port, Cancel);
                    return new Sshd(process, port, place);
                }
                catch (SocketException)
                {
                    await Task.Delay(50, Cancel);
                }
            }
        }

        public void Dispose()
        {
            process.Kill();
            process.Dispose();
        }
    }
}
