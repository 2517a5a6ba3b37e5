using System.CommandLine;
using Weft.Attachments.Formats;
using Weft.Cli.Documents;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Planning;
using Weft.Cli.Primitives;
using Weft.Contracts;

namespace Weft.Cli.Commands;

/// <summary><c>weft plan -f PATH</c>: what apply would do, and everything that follows from it.</summary>
internal static class PlanCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var files = Parameters.Files();
        var detailed = new Option<bool>("--detailed")
        {
            Description = "Unchanged resources, members of new ones and whole manifests too",
        };
        var force = new Option<bool>("--force")
        {
            Description =
                "As apply with --force: network rules may shut out your own address, and interfaces be taken away under running pods",
        };
        var command = new Command("plan", "Print what apply would do; exit 0 nothing, 2 changes, 1 refused")
        {
            files,
            detailed,
            force,
        };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml);
                var documents = DocumentReader.Read(
                    session.Parsed.GetValue(files)!,
                    session.Environment.In,
                    session.Settings
                );
                var plan = await Plan.RequestAsync(session.Client, documents, session.Parsed.GetValue(force), cancel);
                return Write(session, plan, documents, format, session.Parsed.GetValue(detailed));
            }
        );
        return command;
    }

    /// <summary>Prints a plan.</summary>
    /// <returns>The exit code of <c>plan</c>.</returns>
    /// <exception cref="CliError">The plan is refused.</exception>
    public static int Write(
        CommandSession session,
        Plan plan,
        IReadOnlyList<Document> documents,
        OutputFormat format,
        bool detailed
    )
    {
        // Data first: who asked for JSON reads the refusals from it.
        if (format == OutputFormat.Json)
            session.Out.Writer.WriteLine(JsonFormatter.Indented(plan.Body));
        else if (format == OutputFormat.Yaml)
            session.Out.Writer.Write(Yaml.Write(plan.Body));
        if (plan.Refusals.Any())
            throw PlanRefusal.ToCliError(plan, documents);
        if (format == OutputFormat.Table)
            new PlanText(session.Out, detailed).Write(plan);
        if (format == OutputFormat.Name)
        {
            foreach (
                var id in plan
                    .Changes.Where(change => change.Action != PlanAction.Unchanged)
                    .Select(change => change.Id)
                    .Distinct()
            )
                session.Out.WriteLine(Label.For(id));
        }

        return plan.HasChanges ? ExitCode.Changes : ExitCode.Success;
    }
}
