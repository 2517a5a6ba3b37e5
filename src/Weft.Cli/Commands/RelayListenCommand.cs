using System.Collections.Immutable;
using System.CommandLine;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Relaying;
using Weft.Relay.Clients;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary>
/// <c>weft relay listen TARGET --service NAME=HOST:PORT</c>: answers for a target that has no agent, such as a virtual machine: run in it, or on
/// its host.
/// </summary>
internal static class RelayListenCommand
{
    private static readonly TimeSpan TokenLife = TimeSpan.FromHours(1);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell)
    {
        var target = RelayParameters.Target(shell, "TARGET", "vm/NAME, CLUSTER/NODE, cluster/NAME or a whole id");
        var services = new Option<string[]>("--service") { Description = "What people reach, by its name; may be repeated (ssh=127.0.0.1:22)", HelpName = "NAME=HOST:PORT" };
        var linkLocal = new Option<bool>("--allow-link-local") { Description = "Let a service be at an address of the link itself, where clouds keep their metadata" };
        var ca = RelayParameters.Ca();
        var command = new Command("listen", "Answer for a target that has no agent, such as a virtual machine; takes the role Contributor") { target, services, linkLocal, ca };
        shell.EndsInOrder.Add(command);
        shell.Does(command, async (session, cancel) =>
        {
            var book = Book(session.Parsed.GetValue(services) ?? [], session.Parsed.GetValue(linkLocal));
            var id = await RelayTarget.HostAsync(session, session.Parsed.GetValue(target)!, cancel);
            return await RunAsync(session, id, book, session.Parsed.GetValue(ca), cancel);
        });
        return command;
    }

    private static TargetBook Book(string[] services, bool allowsLinkLocal)
    {
        ImmutableArray<string[]> pairs = [.. (services.Length > 0 ? services : ["ssh=127.0.0.1:22"]).Select(text => text.Split('=', 2))];
        if (pairs.FirstOrDefault(pair => pair.Length < 2) is [var word])
            throw Complaint.OfUsage($"--service is '{word}'", "write NAME=HOST:PORT, such as ssh=127.0.0.1:22");
        return TargetBook.TryCreate(pairs.Select(pair => KeyValuePair.Create(pair[0], pair[1])), allowsLinkLocal, out var book, out var faults)
            ? book : throw Complaint.OfUsage($"--service: {string.Join("; ", faults)}", "write NAME=HOST:PORT, such as ssh=127.0.0.1:22");
    }

    private static async Task<int> RunAsync(Session session, ResourceId id, TargetBook book, string? ca, CancellationToken cancel)
    {
        using var credentials = new RelayCredentialSource(session.Client, id, TokenLife, "listener");
        // The first is asked for here, so that whoever may not listen, or at nothing, hears of it and isn't left waiting.
        var first = await credentials.GetAsync(cancel);
        await using var listener = new HybridConnectionListener(first.Address, async stop =>
        {
            var now = await credentials.GetAsync(stop);
            return new RelayToken(now.Token, now.ExpiresAt);
        }, new ListenerOptions
        {
            OnSender = book.ServeAsync,
            OnEvent = happened => Tell(session, id, book, happened),
            Client = RelayLine.OptionsOf(session, ca),
        });
        try
        {
            await listener.RunAsync(CancellationToken.None).WaitAsync(cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            await listener.DrainAsync(Grace);
        }

        return ExitCode.Done;
    }

    private static void Tell(Session session, ResourceId id, TargetBook book, ListenerEvent happened)
    {
        var line = happened.Kind switch
        {
            ListenerEventKind.Connected => $"listening for {Label.Of(id)}: {string.Join(", ", book.Targets)}; Ctrl+C ends it",
            ListenerEventKind.Disconnected when happened.NextAttempt is { } wait => $"lost the relay: {happened.Reason} (again in {wait.TotalSeconds:0.#} s)",
            ListenerEventKind.SenderAccepted => $"{happened.RemoteEndpoint} came for {happened.Suffix}",
            ListenerEventKind.SenderRejected => $"{happened.RemoteEndpoint} was turned away from '{happened.Suffix}': {happened.Reason}",
            ListenerEventKind.SenderEnded => $"a session of {happened.Suffix} ended: {Bytes.Of(happened.BytesIn)} in, {Bytes.Of(happened.BytesOut)} out",
            _ => null,
        };
        if (line is null)
            return;
        lock (session)
            session.Error.Line(line, happened.Kind is ListenerEventKind.Disconnected or ListenerEventKind.SenderRejected ? Ink.Changed : Ink.Faint);
    }
}
