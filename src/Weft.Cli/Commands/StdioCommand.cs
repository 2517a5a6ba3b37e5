using System.CommandLine;
using Weft.Cli.Kinds;
using Weft.Cli.Relaying;
using Weft.Relay.Clients;

namespace Weft.Cli.Commands;

/// <summary><c>weft stdio TARGET[:SERVICE]</c>: stdin and stdout to a service, for OpenSSH's ProxyCommand and whatever else speaks over a pipe.</summary>
internal static class StdioCommand
{
    // One connection is made, at once; the token need not live longer than the way there.
    private static readonly TimeSpan TokenLife = TimeSpan.FromSeconds(60);

    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell)
    {
        var target = RelayParameters.Target(shell, "TARGET", "NODE, CLUSTER/NODE, cluster/NAME, vm/NAME or a whole id, and perhaps :SERVICE or :22");
        var ca = RelayParameters.Ca();
        var command = new Command("stdio", "Connect stdin and stdout to a service of a node, machine or cluster") { target, ca };
        shell.EndsInOrder.Add(command);
        shell.Does(command, async (session, cancel) =>
        {
            var wanted = RelayService.Read(session.Parsed.GetValue(target)!);
            var id = await RelayTarget.HostAsync(session, wanted.Target, cancel);
            var service = wanted.Service ?? (id.Type == KindTable.KubernetesClusters.Type ? RelayService.Kubernetes : RelayService.Ssh);
            using var line = new RelayLine(session, id, service, session.Parsed.GetValue(ca), TokenLife);
            return await BridgeAsync(session, line, cancel);
        });
        return command;
    }

    private static async Task<int> BridgeAsync(Session session, RelayLine line, CancellationToken cancel)
    {
        HybridConnectionStream stream;
        try
        {
            stream = await line.ConnectAsync(cancel);
        }
        catch (IOException e)
        {
            throw line.Explain(e);
        }

        var input = new StandardInput(session.Surroundings.OpenIn());
        await using var output = session.Surroundings.OpenOut();
        // Once the service has ended there is nobody to read what may still come from stdin.
        var outcome = await StreamBridge.RunAsync(stream, input, output, input.End, input.Break, cancel);
        cancel.ThrowIfCancellationRequested();
        return outcome.Fault is null ? ExitCode.Done : throw new Complaint($"the connection to {Label.Of(line.Target)} was cut: {outcome.Fault.Message}");
    }
}
