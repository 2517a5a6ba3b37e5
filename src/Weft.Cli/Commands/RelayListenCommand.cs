using System.Collections.Immutable;
using System.CommandLine;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Relay;
using Weft.Relay.Client;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary>
/// <c>weft relay listen TARGET --service NAME=HOST:PORT</c>: answers for a target that has no agent, such as a virtual
/// machine: run in it, or on its host.
/// </summary>
internal static class RelayListenCommand
{
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromHours(1);
    private static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var target = RelayParameters.Target(cli, "TARGET", "vm/NAME, CLUSTER/NODE, cluster/NAME or a whole id");
        var services = new Option<string[]>("--service")
        {
            Description = "What people reach, by its name; may be repeated (ssh=127.0.0.1:22)",
            HelpName = "NAME=HOST:PORT",
        };
        var linkLocal = new Option<bool>("--allow-link-local")
        {
            Description = "Let a service be at an address of the link itself, where clouds keep their metadata",
        };
        var ca = RelayParameters.Ca();
        var command = new Command(
            "listen",
            "Answer for a target that has no agent, such as a virtual machine; takes the role Contributor"
        )
        {
            target,
            services,
            linkLocal,
            ca,
        };
        cli.GracefulCommands.Add(command);
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var registry = ParseTargets(
                    session.Parsed.GetValue(services) ?? [],
                    session.Parsed.GetValue(linkLocal)
                );
                var id = await RelayTarget.ResolveAsync(session, session.Parsed.GetValue(target)!, cancel);
                return await RunAsync(session, id, registry, session.Parsed.GetValue(ca), cancel);
            }
        );
        return command;
    }

    private static TargetRegistry ParseTargets(string[] services, bool allowsLinkLocal)
    {
        ImmutableArray<string[]> pairs =
        [
            .. (services.Length > 0 ? services : ["ssh=127.0.0.1:22"]).Select(text => text.Split('=', 2)),
        ];
        if (pairs.FirstOrDefault(pair => pair.Length < 2) is [var word])
            throw CliError.Usage($"--service is '{word}'", "write NAME=HOST:PORT, such as ssh=127.0.0.1:22");
        return TargetRegistry.TryCreate(
            pairs.Select(pair => KeyValuePair.Create(pair[0], pair[1])),
            allowsLinkLocal,
            out var registry,
            out var faults
        )
            ? registry
            : throw CliError.Usage(
                $"--service: {string.Join("; ", faults)}",
                "write NAME=HOST:PORT, such as ssh=127.0.0.1:22"
            );
    }

    private static async Task<int> RunAsync(
        CommandSession session,
        ResourceId id,
        TargetRegistry registry,
        string? ca,
        CancellationToken cancel
    )
    {
        using var credentials = new RelayCredentialSource(session.Client, id, TokenLifetime, "listener");
        // The first is asked for here, so that whoever may not listen, or at nothing, hears of it and isn't left
        // waiting.
        var first = await credentials.GetAsync(cancel);
        await using var listener = new HybridConnectionListener(
            first.Address,
            async stop =>
            {
                var now = await credentials.GetAsync(stop);
                return new RelayToken(now.Token, now.ExpiresAt);
            },
            new ListenerOptions
            {
                OnSender = registry.ServeAsync,
                OnEvent = listenerEvent => Report(session, id, registry, listenerEvent),
                Client = RelayConnector.CreateOptions(session, ca),
            }
        );
        try
        {
            await listener.RunAsync(CancellationToken.None).WaitAsync(cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            await listener.DrainAsync(DrainTimeout);
        }

        return ExitCode.Success;
    }

    private static void Report(
        CommandSession session,
        ResourceId id,
        TargetRegistry registry,
        ListenerEvent listenerEvent
    )
    {
        var line = listenerEvent.Kind switch
        {
            ListenerEventKind.Connected =>
                $"listening for {Label.For(id)}: {string.Join(", ", registry.Targets)}; Ctrl+C ends it",
            ListenerEventKind.Disconnected when listenerEvent.NextAttempt is { } wait =>
                $"lost the relay: {listenerEvent.Reason} (again in {wait.TotalSeconds:0.#} s)",
            ListenerEventKind.SenderAccepted => $"{listenerEvent.RemoteEndpoint} came for {listenerEvent.Suffix}",
            ListenerEventKind.SenderRejected =>
                $"{listenerEvent.RemoteEndpoint} was turned away from '{listenerEvent.Suffix}': {listenerEvent.Reason}",
            ListenerEventKind.SenderEnded =>
                $"a session of {listenerEvent.Suffix} ended: {ByteSize.Format(listenerEvent.BytesIn)} in, "
                    + $"{ByteSize.Format(listenerEvent.BytesOut)} out",
            _ => null,
        };
        if (line is null)
            return;
        lock (session)
            session.Error.WriteLine(
                line,
                listenerEvent.Kind is ListenerEventKind.Disconnected or ListenerEventKind.SenderRejected
                    ? TextStyle.Changed
                    : TextStyle.Faint
            );
    }
}
