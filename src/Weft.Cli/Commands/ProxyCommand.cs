using System.CommandLine;
using System.Net;
using System.Runtime.InteropServices;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Relaying;

namespace Weft.Cli.Commands;

/// <summary><c>weft proxy CLUSTER</c>: a cluster's API server on a port of this machine, for kubectl and all others that read a kubeconfig.</summary>
internal static class ProxyCommand
{
    private static readonly TimeSpan TokenLife = TimeSpan.FromHours(1);
    private static readonly TimeSpan UsualPatience = TimeSpan.FromSeconds(20);

    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell)
    {
        var options = new Options(shell);
        var command = new Command("proxy", "Reach a Kubernetes cluster's API server through the relay, with kubectl or whatever reads a kubeconfig");
        foreach (var argument in options.Arguments)
            command.Arguments.Add(argument);
        foreach (var option in options.All)
            command.Options.Add(option);
        shell.EndsInOrder.Add(command);
        shell.Does(command, (session, cancel) => RunAsync(session, options.Read(session), cancel));
        return command;
    }

    private static async Task<int> RunAsync(Session session, Wish wish, CancellationToken cancel)
    {
        // A terminal that is closed says so by a signal of its own; the entry is to go then too.
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal => (signal.Cancel, _) = (true, end.CancelAsync()));
        var id = session.Scope.Id(KindTable.KubernetesClusters, wish.Cluster);
        using var line = new RelayLine(session, id, RelayService.Kubernetes, wish.RelayCa, TokenLife);
        using var port = LocalPort.Open(wish.Address, wish.Port);
        var proxy = new ClusterProxy(session, line, port);
        var file = new KubeconfigFile(KubeconfigFile.PathIn(wish.Kubeconfig is "-" ? null : wish.Kubeconfig, session.Surroundings.Environment), session.Surroundings.Clock);
        var isMerged = wish.Kubeconfig is not "-" && wish.Program.Length == 0;
        var own = isMerged || wish.Credentials.FromContext is not null ? file.Read() : KubeconfigText.New();
        var entry = wish.Credentials.ToEntry(wish.Name ?? $"weft-{id.Name}", id.ToString(), proxy.Server, own, isMerged);
        if (!IPAddress.IsLoopback(wish.Address))
            session.Error.Line($"warning: whoever reaches {port.EndPoint} uses your way through the relay", Ink.Changed);
        try
        {
            entry = await proxy.WaitUntilReadyAsync(entry, wish.Credentials.NamesNoAuthority, wish.Patience, end.Token);
            return await ServeAsync(session, wish, proxy, entry, isMerged ? file : null, end.Token);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
    }

    private static async Task<int> ServeAsync(Session session, Wish wish, ClusterProxy proxy, KubeconfigEntry entry, KubeconfigFile? file, CancellationToken cancel)
    {
        if (wish.Program.Length > 0)
            return await WithProgramAsync(wish, proxy, entry, cancel);
        if (file is null)
        {
            session.Out.Raw.Write(entry.AddTo(KubeconfigText.New(), makesCurrent: true).Text);
            session.Out.Raw.Flush();
            session.Error.Line($"ready: {proxy.Server} is the API server of {entry.Target}; Ctrl+C ends it", Ink.Faint);
            await proxy.RunAsync(cancel);
            return ExitCode.Done;
        }

        await file.ChangeAsync(text => entry.AddTo(text, wish.MakesCurrent), cancel);
        try
        {
            session.Error.Line($"ready: kubectl {(wish.MakesCurrent ? "" : $"--context {entry.Name} ")}get nodes    ({proxy.Server}, context {entry.Name} in {file.Path}; Ctrl+C ends it and takes the context out)", Ink.Faint);
            await proxy.RunAsync(cancel);
        }
        finally
        {
            await file.ChangeAsync(text => KubeconfigEntry.TakeFrom(text, entry.Name, entry.Owner), CancellationToken.None);
        }

        return ExitCode.Done;
    }

    /// <summary>Runs a program with a kubeconfig of its own, which nobody else reads and which goes with it.</summary>
    private static async Task<int> WithProgramAsync(Wish wish, ClusterProxy proxy, KubeconfigEntry entry, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var place = Directory.CreateTempSubdirectory("weft-proxy-").FullName;
        var config = Path.Combine(place, "kubeconfig");
        // What interrupts us interrupts the program too, which may still have to talk to its cluster: the way stays open until it has ended.
        using var ended = new CancellationTokenSource();
        var serving = proxy.RunAsync(ended.Token);
        try
        {
            PrivateFile.Write(config, entry.AddTo(KubeconfigText.New(), makesCurrent: true).Text);
            var environment = new Dictionary<string, string> { ["KUBECONFIG"] = config };
            return await ChildProgram.RunAsync(wish.Program[0], wish.Program[1..], environment, "write a program that is there: weft proxy CLUSTER -- kubectl get nodes");
        }
        finally
        {
            await ended.CancelAsync();
            await serving;
            Directory.Delete(place, recursive: true);
        }
    }

    /// <summary>What somebody wants of a proxy.</summary>
    private sealed record Wish(string Cluster, IPAddress Address, int Port, string? Kubeconfig, string? Name, bool MakesCurrent, TimeSpan Patience, string? RelayCa, KubeCredentials Credentials, string[] Program);

    /// <summary>The command's options.</summary>
    private sealed class Options
    {
        private readonly Argument<string> _cluster = new("CLUSTER") { HelpName = "CLUSTER", Description = "The Kubernetes cluster" };
        private readonly Argument<string[]> _program = new("COMMAND") { HelpName = "COMMAND", Description = "Behind --: a program that is run with a kubeconfig of its own; its exit code is the proxy's", Arity = ArgumentArity.ZeroOrMore };
        private readonly Option<int> _port = new("--port") { Description = "The local port (0: any that is free)", HelpName = "PORT" };
        private readonly Option<string> _address = new("--address") { Description = "The local address", HelpName = "ADDRESS", DefaultValueFactory = _ => "127.0.0.1" };
        private readonly Option<string?> _kubeconfig = Text("--kubeconfig", "FILE", "The kubeconfig to write to, or - for stdout ($KUBECONFIG, or ~/.kube/config)");
        private readonly Option<string?> _name = Text("--kube-context", "NAME", "The context's name (weft-CLUSTER)");
        private readonly Option<bool> _current = new("--set-current") { Description = "Make it the current context, and give that back at the end (so by default)" };
        private readonly Option<bool> _notCurrent = new("--no-set-current") { Description = "Leave the current context alone" };
        private readonly Option<TimeSpan> _timeout = Parameters.Timeout();
        private readonly Option<string?> _ca = RelayParameters.Ca();
        private readonly Option<string?> _from = Text("--from-context", "NAME", "Take user, certificates and namespace from this context of the kubeconfig");
        private readonly Option<string?> _authority = Text("--certificate-authority", "FILE", "The cluster's CA certificates, PEM (those that its agent reports)");
        private readonly Option<string?> _certificate = Text("--client-certificate", "FILE", "Your certificate, PEM");
        private readonly Option<string?> _key = Text("--client-key", "FILE", "Its key, PEM");
        private readonly Option<string?> _token = Text("--kube-token-file", "FILE", "The file of your token for the cluster");
        private readonly Option<string?> _serverName = Text("--tls-server-name", "NAME", $"The name in the API server's certificate (that of --from-context, or {KubeCredentials.UsualName})");

        public Options(Shell shell)
        {
            _cluster.CompletionSources.Add(context => NameCompletion.Of(shell, context, KindTable.KubernetesClusters.Plural));
            _timeout.Description = "How long to wait for the cluster to answer: 20s, 2m (20s)";
        }

        public IEnumerable<Argument> Arguments => [_cluster, _program];

        public IEnumerable<Option> All => [_port, _address, _kubeconfig, _name, _current, _notCurrent, _from, _authority, _certificate, _key, _token, _serverName, _timeout, _ca];

        public Wish Read(Session session)
        {
            var parsed = session.Parsed;
            session.Format(OutputFormat.Table);
            var address = parsed.GetValue(_address)!;
            if (!IPAddress.TryParse(address is "localhost" ? "127.0.0.1" : address, out var at))
                throw Complaint.OfUsage($"--address: '{address}' is no address", "write 127.0.0.1 or ::1");
            var port = parsed.GetValue(_port);
            if (port is < 0 or > 65535)
                throw Complaint.OfUsage($"--port: {port} is no port");
            if (parsed.GetValue(_current) && parsed.GetValue(_notCurrent))
                throw Complaint.OfUsage("--set-current and --no-set-current are opposites");
            var credentials = new KubeCredentials
            {
                CertificateAuthority = parsed.GetValue(_authority),
                ClientCertificate = parsed.GetValue(_certificate),
                ClientKey = parsed.GetValue(_key),
                TokenFile = parsed.GetValue(_token),
                ServerName = parsed.GetValue(_serverName),
                FromContext = parsed.GetValue(_from),
            };
            return new Wish(
                parsed.GetValue(_cluster)!, at, port, parsed.GetValue(_kubeconfig), parsed.GetValue(_name), !parsed.GetValue(_notCurrent),
                parsed.GetResult(_timeout) is null ? UsualPatience : parsed.GetValue(_timeout), parsed.GetValue(_ca), credentials, parsed.GetValue(_program) ?? []);
        }

        private static Option<string?> Text(string name, string value, string description) => new(name) { Description = description, HelpName = value };
    }
}
