using System.CommandLine;
using Weft.Cli.Applying;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Wire;

namespace Weft.Cli.Commands;

/// <summary><c>weft enable|disable l3isolationdomain NAME</c>.</summary>
internal static class AdministerCommand
{
    private static readonly Kind[] Domains = [KindTable.L2Domains, KindTable.L3Domains];

    /// <summary>Builds <c>enable</c>.</summary>
    public static Command Enable(Shell shell) => Build(shell, "enable", "Enable an isolation domain", "Enable", "enabled");

    /// <summary>Builds <c>disable</c>.</summary>
    public static Command Disable(Shell shell) => Build(shell, "disable", "Disable an isolation domain", "Disable", "disabled");

    private static Command Build(Shell shell, string verb, string description, string state, string done)
    {
        var kindName = Parameters.Kind(Domains);
        var name = Parameters.Name(shell, kindName);
        var timeout = Parameters.Timeout();
        var command = new Command(verb, description) { kindName, name, timeout };
        shell.Does(command, async (session, cancel) =>
        {
            session.Format(OutputFormat.Table);
            var kind = KindTable.Need(session.Parsed.GetValue(kindName)!);
            if (!Domains.Contains(kind))
                throw Complaint.OfUsage($"a {kind.Singular} cannot be {done}", $"kinds: {string.Join(", ", Domains.Select(domain => domain.Plural))}");
            var id = session.Scope.Id(kind, session.Parsed.GetValue(name)!);
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            deadline.CancelAfter(Parameters.Wait(session.Parsed, timeout));
            try
            {
                var (outcome, error) = await new ResourceWork(session.Client).AdministerAsync(id, kind.ApiVersion, state, deadline.Token);
                if (outcome != StepOutcome.Enabled)
                    throw new Complaint($"{Label.Of(id)} was not {done}", [.. ErrorText.Lines(error ?? ArmError.Of(outcome.ToString(), "the operation did not succeed"))]);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                throw new Complaint($"{Label.Of(id)} is not {done} yet; the operation goes on at the server", next: $"weft {verb} {kind.Singular} {id.Name} again waits for it");
            }

            session.Out.Line($"{Label.Of(id)} {done}");
            return ExitCode.Done;
        });
        return command;
    }
}
