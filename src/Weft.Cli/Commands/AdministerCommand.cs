using System.CommandLine;
using Weft.Cli.Applying;
using Weft.Cli.Arm;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary><c>weft enable|disable l3isolationdomain NAME</c>.</summary>
internal static class AdministerCommand
{
    private static readonly Kind[] DomainKinds = [KindTable.L2Domains, KindTable.L3Domains];

    /// <summary>Builds <c>enable</c>.</summary>
    public static Command Enable(CommandContext cli) =>
        Build(cli, "enable", "Enable an isolation domain", "Enable", "enabled");

    /// <summary>Builds <c>disable</c>.</summary>
    public static Command Disable(CommandContext cli) =>
        Build(cli, "disable", "Disable an isolation domain", "Disable", "disabled");

    private static Command Build(CommandContext cli, string verb, string description, string state, string done)
    {
        var kindName = Parameters.Kind(DomainKinds);
        var name = Parameters.Name(cli, kindName);
        var timeout = Parameters.Timeout();
        var command = new Command(verb, description) { kindName, name, timeout };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                session.GetFormat(OutputFormat.Table);
                var kind = KindTable.Require(session.Parsed.GetValue(kindName)!);
                if (!DomainKinds.Contains(kind))
                    throw CliError.Usage(
                        $"a {kind.Singular} cannot be {done}",
                        $"kinds: {string.Join(", ", DomainKinds.Select(domain => domain.Plural))}"
                    );
                var id = session.Scope.ResolveId(kind, session.Parsed.GetValue(name)!);
                using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                deadline.CancelAfter(Parameters.TimeoutOf(session.Parsed, timeout));
                try
                {
                    await AdministerAsync(session, kind, id, (state, done), deadline.Token);
                }
                catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
                {
                    throw new CliError(
                        $"{Label.For(id)} is not {done} yet; the operation goes on at the server",
                        next: $"weft {verb} {kind.Singular} {id.Name} again waits for it"
                    );
                }

                session.Out.WriteLine($"{Label.For(id)} {done}");
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static async Task AdministerAsync(
        CommandSession session,
        Kind kind,
        ResourceId id,
        (string Name, string Participle) state,
        CancellationToken cancel
    )
    {
        var executor = new ResourceExecutor(session.Client, notice: new WaitingNotice(session.Error));
        var (outcome, error) = await executor.AdministerAsync(id, kind.ApiVersion, state.Name, cancel);
        if (outcome == StepOutcome.Enabled)
            return;
        error ??= ArmError.Create(outcome.ToString(), "the operation did not succeed");
        throw new CliError($"{Label.For(id)} was not {state.Participle}", ErrorText.FormatLines(error));
    }
}
