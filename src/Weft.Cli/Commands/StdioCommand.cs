using System.CommandLine;
using Weft.Cli.Kinds;
using Weft.Cli.Relay;
using Weft.Relay.Client;

namespace Weft.Cli.Commands;

/// <summary>
/// <c>weft stdio TARGET[:SERVICE]</c>: stdin and stdout to a service, for OpenSSH's ProxyCommand and whatever else
/// speaks over a pipe.
/// </summary>
internal static class StdioCommand
{
    // One connection is made, at once; the token need not live longer than the way there.
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromSeconds(60);

    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var target = RelayParameters.Target(
            cli,
            "TARGET",
            "NODE, CLUSTER/NODE, cluster/NAME, vm/NAME or a whole id, and perhaps :SERVICE or :22"
        );
        var ca = RelayParameters.Ca();
        var command = new Command("stdio", "Connect stdin and stdout to a service of a node, machine or cluster")
        {
            target,
            ca,
        };
        cli.GracefulCommands.Add(command);
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var targetService = TargetService.Parse(session.Parsed.GetValue(target)!);
                var id = await RelayTarget.ResolveAsync(session, targetService.Target, cancel);
                var service =
                    targetService.Service
                    ?? (id.Type == KindTable.KubernetesClusters.Type ? TargetService.Kubernetes : TargetService.Ssh);
                using var connector = new RelayConnector(
                    session,
                    id,
                    service,
                    session.Parsed.GetValue(ca),
                    TokenLifetime
                );
                return await BridgeAsync(session, connector, cancel);
            }
        );
        return command;
    }

    private static async Task<int> BridgeAsync(
        CommandSession session,
        RelayConnector connector,
        CancellationToken cancel
    )
    {
        HybridConnectionStream stream;
        try
        {
            stream = await connector.ConnectAsync(cancel);
        }
        catch (IOException e)
        {
            throw connector.ToCliError(e);
        }

        var input = new StandardInput(session.Environment.OpenIn());
        await using var output = session.Environment.OpenOut();
        // Once the service has ended there is nobody to read what may still come from stdin.
        var result = await StreamBridge.RunAsync(stream, input, output, input.Complete, input.Abort, cancel);
        cancel.ThrowIfCancellationRequested();
        return result.Fault is null
            ? ExitCode.Success
            : throw new CliError($"the connection to {Label.For(connector.Target)} was cut: {result.Fault.Message}");
    }
}
