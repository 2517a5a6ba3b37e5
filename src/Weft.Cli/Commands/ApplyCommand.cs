using System.Collections.Immutable;
using System.CommandLine;
using Weft.Cli.Applying;
using Weft.Cli.Documents;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Planning;
using Weft.Cli.Wire;

namespace Weft.Cli.Commands;

/// <summary><c>weft apply -f PATH</c>: makes what is declared true. Safe to repeat.</summary>
internal static class ApplyCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell)
    {
        var files = Parameters.Files();
        var timeout = Parameters.Timeout();
        var dry = new Option<bool>("--dry-run") { Description = "Print the plan, and write nothing" };
        var force = new Option<bool>("--force") { Description = "Write network rules even where they shut out your own address" };
        var command = new Command("apply", "Create and change resources until they are as declared") { files, timeout, dry, force };
        shell.Does(command, async (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml, OutputFormat.Name);
            var documents = DocumentReader.Read(session.Parsed.GetValue(files)!, session.Surroundings.In, session.Settings);
            var plan = await Plan.AskAsync(session.Client, documents, session.Parsed.GetValue(force), cancel);
            if (session.Parsed.GetValue(dry))
            {
                PlanCommand.Write(session, plan, documents, format, detailed: false);
                return ExitCode.Done;
            }

            if (plan.Refusals.Any())
                throw PlanRefusal.Of(plan, documents);
            foreach (var disruption in plan.List("disruptions"))
                session.Error.Line($"! {Label.Of(disruption["id"]?.ToString() ?? "")}: {disruption["what"]}", Ink.Bad);
            var steps = StepGraph.Of(plan, documents);
            var results = await RunAsync(session, steps, new ResourceWork(session.Client, session.Parsed.GetValue(force)).ApplyAsync, Parameters.Wait(session.Parsed, timeout), cancel);
            return StepSummary.Write(session, results, format);
        });
        return command;
    }

    /// <summary>Does steps and says how they go.</summary>
    public static async Task<ImmutableArray<StepResult>> RunAsync(
        Session session,
        ImmutableArray<Step> steps,
        Func<Step, Action, CancellationToken, Task<(StepOutcome Outcome, ArmError? Error)>> work,
        TimeSpan timeout,
        CancellationToken cancel)
    {
        var progress = new StepProgress(session.Error, StepProgress.WidthOf(steps));
        var runner = new StepRunner(work, progress, session.Surroundings.Clock);
        ImmutableArray<StepResult> results = [];
        await session.Error.WhileSpinning(async say =>
        {
            progress.Spinner = say;
            results = await runner.RunAsync(steps, timeout, cancel);
        });
        return results;
    }
}
