using System.CommandLine;
using System.Net;
using System.Runtime.InteropServices;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;
using Weft.Cli.Relay;

namespace Weft.Cli.Commands;

/// <summary>
/// <c>weft proxy CLUSTER</c>: a cluster's API server on a port of this machine, for kubectl and all others that read a
/// kubeconfig.
/// </summary>
internal static class ProxyCommand
{
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromHours(1);
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(20);

    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var options = new Options(cli);
        var command = new Command(
            "proxy",
            "Reach a Kubernetes cluster's API server through the relay, with kubectl or whatever reads a kubeconfig"
        );
        foreach (var argument in options.Arguments)
            command.Arguments.Add(argument);
        foreach (var option in options.All)
            command.Options.Add(option);
        cli.GracefulCommands.Add(command);
        cli.SetAction(command, (session, cancel) => RunAsync(session, options.Parse(session), cancel));
        return command;
    }

    private static async Task<int> RunAsync(CommandSession session, ProxyArguments arguments, CancellationToken cancel)
    {
        // A terminal that is closed says so by a signal of its own; the entry is to go then too.
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var hangUp = PosixSignalRegistration.Create(
            PosixSignal.SIGHUP,
            signal => (signal.Cancel, _) = (true, end.CancelAsync())
        );
        var id = session.Scope.ResolveId(KindTable.KubernetesClusters, arguments.Cluster);
        using var connector = new RelayConnector(
            session,
            id,
            TargetService.Kubernetes,
            arguments.RelayCa,
            TokenLifetime
        );
        using var listener = LocalListener.Open(arguments.Address, arguments.Port);
        var proxy = new ClusterProxy(session, connector, listener);
        var file = new KubeconfigFile(
            KubeconfigFile.PathIn(arguments.Kubeconfig, session.Environment.Variables),
            session.Environment.Clock
        );
        var entry = arguments.Credentials.ToEntry(
            arguments.Name ?? $"weft-{id.Name}",
            id.ToString(),
            proxy.Server,
            arguments.ReadsKubeconfig ? file.Read() : KubeconfigText.CreateEmpty(),
            arguments.IsMerged
        );
        if (!IPAddress.IsLoopback(arguments.Address))
            session.Error.WriteLine(
                $"warning: whoever reaches {listener.EndPoint} uses your way through the relay",
                TextStyle.Changed
            );
        try
        {
            entry = await proxy.WaitUntilReadyAsync(
                entry,
                arguments.Credentials.HasNoAuthority,
                arguments.Timeout,
                end.Token
            );
            return await ServeAsync(session, arguments, proxy, entry, file, end.Token);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
    }

    private static async Task<int> ServeAsync(
        CommandSession session,
        ProxyArguments arguments,
        ClusterProxy proxy,
        KubeconfigEntry entry,
        KubeconfigFile file,
        CancellationToken cancel
    )
    {
        if (arguments.Program.Length > 0)
            return await RunProgramAsync(arguments, proxy, entry, cancel);
        if (!arguments.IsMerged)
        {
            session.Out.Writer.Write(entry.AddTo(KubeconfigText.CreateEmpty(), makesCurrent: true).Text);
            session.Out.Writer.Flush();
            session.Error.WriteLine(
                $"ready: {proxy.Server} is the API server of {entry.Target}; Ctrl+C ends it",
                TextStyle.Faint
            );
            await proxy.RunAsync(cancel);
            return ExitCode.Success;
        }

        await using var registration = await KubeconfigRegistration.AddAsync(
            file,
            entry,
            arguments.SetsCurrent,
            session.Environment.Clock,
            () =>
                session.Error.WriteLine(
                    $"put back: context {entry.Name}, which another program had written over",
                    TextStyle.Faint
                ),
            cancel
        );
        session.Error.WriteLine(
            $"ready: kubectl {(arguments.SetsCurrent ? "" : $"--context {entry.Name} ")}get nodes    "
                + $"({proxy.Server}, context {entry.Name} in {file.Path}; Ctrl+C ends it and takes the context out)",
            TextStyle.Faint
        );
        await proxy.RunAsync(cancel);
        return ExitCode.Success;
    }

    /// <summary>Runs a program with a kubeconfig of its own, which nobody else reads and which goes with it.</summary>
    private static async Task<int> RunProgramAsync(
        ProxyArguments arguments,
        ClusterProxy proxy,
        KubeconfigEntry entry,
        CancellationToken cancel
    )
    {
        cancel.ThrowIfCancellationRequested();
        var place = Directory.CreateTempSubdirectory("weft-proxy-").FullName;
        var config = Path.Combine(place, "kubeconfig");
        // What interrupts us interrupts the program too, which may still have to talk to its cluster: the way stays
        // open until it has ended.
        using var ended = new CancellationTokenSource();
        var serving = proxy.RunAsync(ended.Token);
        try
        {
            PrivateFile.Write(config, entry.AddTo(KubeconfigText.CreateEmpty(), makesCurrent: true).Text);
            var environment = new Dictionary<string, string> { ["KUBECONFIG"] = config };
            return await ChildProgram.RunAsync(
                arguments.Program[0],
                arguments.Program[1..],
                environment,
                "write a program that is there: weft proxy CLUSTER -- kubectl get nodes"
            );
        }
        finally
        {
            await ended.CancelAsync();
            await serving;
            Directory.Delete(place, recursive: true);
        }
    }

    /// <summary>What somebody wants of a proxy.</summary>
    /// <param name="Kubeconfig">The file that is named, or null.</param>
    /// <param name="IsPrinted">Whether the kubeconfig goes to stdout.</param>
    private sealed record ProxyArguments(
        string Cluster,
        IPAddress Address,
        int Port,
        string? Kubeconfig,
        bool IsPrinted,
        string? Name,
        bool SetsCurrent,
        TimeSpan Timeout,
        string? RelayCa,
        KubeCredentials Credentials,
        string[] Program
    )
    {
        /// <summary>Whether the entry goes into somebody's kubeconfig.</summary>
        public bool IsMerged => !IsPrinted && Program.Length == 0;

        /// <summary>Whether that kubeconfig matters for the entry.</summary>
        public bool ReadsKubeconfig => IsMerged || Credentials.FromContext is not null;
    }

    /// <summary>The command's options.</summary>
    private sealed class Options
    {
        private const string Stdout = "-";

        private readonly Argument<string> _cluster = new("CLUSTER")
        {
            HelpName = "CLUSTER",
            Description = "The Kubernetes cluster",
        };
        private readonly Argument<string[]> _program = new("COMMAND")
        {
            HelpName = "COMMAND",
            Description = "Behind --: a program that is run with a kubeconfig of its own; its exit code is the proxy's",
            Arity = ArgumentArity.ZeroOrMore,
        };
        private readonly Option<int> _port = new("--port")
        {
            Description = "The local port (0: any that is free)",
            HelpName = "PORT",
        };
        private readonly Option<string> _address = new("--address")
        {
            Description = "The local address",
            HelpName = "ADDRESS",
            DefaultValueFactory = _ => "127.0.0.1",
        };
        private readonly Option<string?> _kubeconfig = TextOption(
            "--kubeconfig",
            "FILE",
            "The kubeconfig to write to, or - for stdout ($KUBECONFIG, or ~/.kube/config)"
        );
        private readonly Option<string?> _name = TextOption(
            "--kube-context",
            "NAME",
            "The context's name (weft-CLUSTER)"
        );
        private readonly Option<bool> _current = new("--set-current")
        {
            Description = "Make it the current context, and give that back at the end (so by default)",
        };
        private readonly Option<bool> _notCurrent = new("--no-set-current")
        {
            Description = "Leave the current context alone",
        };
        private readonly Option<TimeSpan> _timeout = Parameters.Timeout();
        private readonly Option<string?> _ca = RelayParameters.Ca();
        private readonly Option<string?> _from = TextOption(
            "--from-context",
            "NAME",
            "Take user, certificates and namespace from this context of the kubeconfig"
        );
        private readonly Option<string?> _authority = TextOption(
            "--certificate-authority",
            "FILE",
            "The cluster's CA certificates, PEM (those that its agent reports)"
        );
        private readonly Option<string?> _certificate = TextOption(
            "--client-certificate",
            "FILE",
            "Your certificate, PEM"
        );
        private readonly Option<string?> _key = TextOption("--client-key", "FILE", "Its key, PEM");
        private readonly Option<string?> _token = TextOption(
            "--kube-token-file",
            "FILE",
            "The file of your token for the cluster"
        );
        private readonly Option<string?> _serverName = TextOption(
            "--tls-server-name",
            "NAME",
            $"The name in the API server's certificate (that of --from-context, or {KubeCredentials.DefaultServerName})"
        );

        public Options(CommandContext cli)
        {
            _cluster.CompletionSources.Add(context =>
                NameCompletion.Complete(cli, context, KindTable.KubernetesClusters.Plural)
            );
            _timeout.Description = "How long to wait for the cluster to answer: 20s, 2m (20s)";
        }

        public IEnumerable<Argument> Arguments => [_cluster, _program];

        public IEnumerable<Option> All =>
            [
                _port,
                _address,
                _kubeconfig,
                _name,
                _current,
                _notCurrent,
                _from,
                _authority,
                _certificate,
                _key,
                _token,
                _serverName,
                _timeout,
                _ca,
            ];

        public ProxyArguments Parse(CommandSession session)
        {
            var parsed = session.Parsed;
            session.GetFormat(OutputFormat.Table);
            var address = parsed.GetValue(_address)!;
            if (!IPAddress.TryParse(address is "localhost" ? "127.0.0.1" : address, out var at))
                throw CliError.Usage($"--address: '{address}' is no address", "write 127.0.0.1 or ::1");
            var port = parsed.GetValue(_port);
            if (port is < 0 or > 65535)
                throw CliError.Usage($"--port: {port} is no port");
            if (parsed.GetValue(_current) && parsed.GetValue(_notCurrent))
                throw CliError.Usage("--set-current and --no-set-current are opposites");
            var credentials = new KubeCredentials
            {
                CertificateAuthority = parsed.GetValue(_authority),
                ClientCertificate = parsed.GetValue(_certificate),
                ClientKey = parsed.GetValue(_key),
                TokenFile = parsed.GetValue(_token),
                ServerName = parsed.GetValue(_serverName),
                FromContext = parsed.GetValue(_from),
            };
            var file = parsed.GetValue(_kubeconfig);
            return new ProxyArguments(
                parsed.GetValue(_cluster)!,
                at,
                port,
                file is Stdout ? null : file,
                file is Stdout,
                parsed.GetValue(_name),
                !parsed.GetValue(_notCurrent),
                parsed.GetResult(_timeout) is null ? DefaultTimeout : parsed.GetValue(_timeout),
                parsed.GetValue(_ca),
                credentials,
                parsed.GetValue(_program) ?? []
            );
        }

        private static Option<string?> TextOption(string name, string value, string description) =>
            new(name) { Description = description, HelpName = value };
    }
}
