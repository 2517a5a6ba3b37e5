using System.Diagnostics;

namespace Weft.Benchmarks;

/// <summary>What carries bytes from a sender to a receiver: the relay, and those it is measured beside.</summary>
/// <param name="SenderAddress">Where the senders connect to.</param>
/// <param name="ReceiverAddress">Where the receivers connect to, or what they listen on.</param>
/// <param name="IsWebSocket">Whether both are WebSockets.</param>
/// <param name="IsTls">Whether both are TLS.</param>
internal sealed record RelayPath(string SenderAddress, string ReceiverAddress, bool IsWebSocket, bool IsTls)
{
    /// <summary>Whether TLS is the receivers' alone: one hop of it, as ssh has.</summary>
    public bool IsTlsDownAlone { get; init; }

    /// <summary>Where senders may connect to without TLS.</summary>
    public string PlainAddress { get; init; } = "";

    /// <summary>Whose processor time is what carrying costs.</summary>
    public Process? Carrier { get; init; }

    /// <summary>No one in between.</summary>
    public static RelayPath Direct(bool isTls)
    {
        var port = RelayFolder.FreePort();
        return new($"127.0.0.1:{port}", $"listen:{port}", false, isTls);
    }
}

/// <summary>Starts them, each in its own processes, on ports that are free.</summary>
internal static class RelayPeers
{
    private const string StreamModule = "/usr/lib/nginx/modules/ngx_stream_module.so";

    /// <summary>The relay's transport and pump, compiled ahead of time as weftd is.</summary>
    public static (RelayPath Path, Process Process) Relay(RelayFolder folder, bool isTls)
    {
        string listen = $"127.0.0.1:{RelayFolder.FreePort()}",
            open = $"127.0.0.1:{RelayFolder.FreePort()}";
        var stand = Path.GetFullPath("artifacts/weft/relay-stand/Weft.RelayStand");
        var process = folder.Start(stand, isTls ? [listen, folder.Certificate, folder.Key, open] : [listen]);
        if (process.StandardOutput.ReadLine()?.StartsWith("listening on ", StringComparison.Ordinal) != true)
            throw new InvalidOperationException($"{stand} didn't start");
        return (new RelayPath(listen, listen, true, isTls) { PlainAddress = open, Carrier = process }, process);
    }

    /// <summary>
    /// nginx stream with two workers and buffers of 64 KiB, with and without TLS on both of its hops; null where it
    /// isn't installed.
    /// </summary>
    public static (RelayPath Plain, RelayPath Tls)? Nginx(RelayFolder folder)
    {
        if (!File.Exists("/usr/sbin/nginx") || !File.Exists(StreamModule))
            return null;
        int plain = RelayFolder.FreePort(),
            plainTo = RelayFolder.FreePort(),
            tls = RelayFolder.FreePort(),
            tlsTo = RelayFolder.FreePort();
        var configuration = Path.Combine(folder.Root, "nginx.conf");
        File.WriteAllText(
            configuration,
            $$"""
            daemon off;
            worker_processes 2;
            pid {{folder.Root}}/nginx.pid;
            error_log {{folder.Root}}/nginx.log;
            load_module {{StreamModule}};
            events { worker_connections 4096; }
            stream {
                proxy_buffer_size 64k;
                server { listen 127.0.0.1:{{plain}}; proxy_pass 127.0.0.1:{{plainTo}}; }
                server {
                    listen 127.0.0.1:{{tls}} ssl;
                    ssl_certificate {{folder.Certificate}};
                    ssl_certificate_key {{folder.Key}};
                    proxy_pass 127.0.0.1:{{tlsTo}};
                    proxy_ssl on;
                }
            }
            """
        );
        var process = folder.Start(
            "/usr/sbin/nginx",
            "-c",
            configuration,
            "-p",
            folder.Root,
            "-e",
            Path.Combine(folder.Root, "nginx.log")
        );
        RelayFolder.WaitForPort(plain);
        RelayFolder.WaitForPort(tls);
        return (
            new($"127.0.0.1:{plain}", $"listen:{plainTo}", false, false) { Carrier = process },
            new($"127.0.0.1:{tls}", $"listen:{tlsTo}", false, true) { Carrier = process }
        );
    }

    /// <summary><c>ssh -R</c> to an sshd of our own with throwaway keys; null where it isn't installed.</summary>
    public static RelayPath? Ssh(RelayFolder folder)
    {
        if (!File.Exists("/usr/sbin/sshd") || !File.Exists("/usr/bin/ssh"))
            return null;
        int port = RelayFolder.FreePort(),
            up = RelayFolder.FreePort(),
            down = RelayFolder.FreePort();
        string host = Path.Combine(folder.Root, "host"),
            user = Path.Combine(folder.Root, "user"),
            configuration = Path.Combine(folder.Root, "sshd_config");
        RelayFolder.Run("/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host);
        RelayFolder.Run("/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", user);
        File.WriteAllText(
            configuration,
            $"""
            ListenAddress 127.0.0.1:{port}
            HostKey {host}
            AuthorizedKeysFile {user}.pub
            PidFile none
            StrictModes no
            UsePAM no
            PasswordAuthentication no
            PermitRootLogin yes
            """
        );
        // Its own directory for privilege separation, which Debian makes when the service starts.
        Directory.CreateDirectory("/run/sshd");
        folder.Start("/usr/sbin/sshd", "-D", "-f", configuration, "-E", Path.Combine(folder.Root, "sshd.log"));
        RelayFolder.WaitForPort(port);
        folder.Start(
            "/usr/bin/ssh",
            "-N",
            "-F",
            "none",
            "-i",
            user,
            "-p",
            $"{port}",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
            "-o",
            "ExitOnForwardFailure=yes",
            "-R",
            $"127.0.0.1:{up}:127.0.0.1:{down}",
            "127.0.0.1"
        );
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(5) && !IsListening(up); )
            Task.Delay(50).Wait();
        return new($"127.0.0.1:{up}", $"listen:{down}", false, false);
    }

    /// <summary>Looked up, not tried: a connection of ours would wait at the other end of the tunnel.</summary>
    private static bool IsListening(int port) =>
        File.ReadLines("/proc/net/tcp")
            .Any(line => line.Contains($":{port:X4} 00000000:0000 0A", StringComparison.Ordinal));
}
