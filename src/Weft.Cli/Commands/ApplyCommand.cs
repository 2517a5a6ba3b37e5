using System.Collections.Immutable;
using System.CommandLine;
using Weft.Cli.Applying;
using Weft.Cli.Arm;
using Weft.Cli.Documents;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Planning;

namespace Weft.Cli.Commands;

/// <summary><c>weft apply -f PATH</c>: makes what is declared true. Safe to repeat.</summary>
internal static class ApplyCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var files = Parameters.Files();
        var timeout = Parameters.Timeout();
        var dry = new Option<bool>("--dry-run") { Description = "Print the plan, and write nothing" };
        var force = new Option<bool>("--force")
        {
            Description =
                "Write network rules that shut out your own address, and take interfaces away under running pods",
        };
        var command = new Command("apply", "Create and change resources until they are as declared")
        {
            files,
            timeout,
            dry,
            force,
        };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(
                    OutputFormat.Table,
                    OutputFormat.Json,
                    OutputFormat.Yaml,
                    OutputFormat.Name
                );
                var documents = DocumentReader.Read(
                    session.Parsed.GetValue(files)!,
                    session.Environment.In,
                    session.Settings
                );
                var plan = await Plan.RequestAsync(session.Client, documents, session.Parsed.GetValue(force), cancel);
                if (session.Parsed.GetValue(dry))
                {
                    PlanCommand.Write(session, plan, documents, format, detailed: false);
                    return ExitCode.Success;
                }

                if (plan.Refusals.Any())
                    throw PlanRefusal.ToCliError(plan, documents);
                WriteDisruptions(session, plan);
                var executor = new ResourceExecutor(
                    session.Client,
                    session.Parsed.GetValue(force),
                    new WaitingNotice(session.Error)
                );
                var results = await RunAsync(
                    session,
                    StepGraph.FromPlan(plan, documents),
                    executor.ApplyAsync,
                    Parameters.TimeoutOf(session.Parsed, timeout),
                    cancel
                );
                return StepSummary.Write(session, results, format);
            }
        );
        return command;
    }

    private static void WriteDisruptions(CommandSession session, Plan plan)
    {
        foreach (var disruption in plan.Response.Disruptions)
            session.Error.WriteLine($"! {Label.For(disruption.Id)}: {disruption.What}", TextStyle.Error);
    }

    /// <summary>Runs steps and reports how they go.</summary>
    public static async Task<ImmutableArray<StepResult>> RunAsync(
        CommandSession session,
        ImmutableArray<Step> steps,
        Func<Step, Action, CancellationToken, Task<(StepOutcome Outcome, ArmError? Error)>> work,
        TimeSpan timeout,
        CancellationToken cancel
    )
    {
        var progress = new StepProgress(session.Error, StepProgress.WidthOf(steps));
        var runner = new StepRunner(work, progress, session.Environment.Clock);
        ImmutableArray<StepResult> results = [];
        await session.Error.WhileSpinning(async say =>
        {
            progress.Spinner = say;
            results = await runner.RunAsync(steps, timeout, cancel);
        });
        return results;
    }
}
