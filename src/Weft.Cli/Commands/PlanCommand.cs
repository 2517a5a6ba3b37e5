using Weft.Attachments.Renderers;
using System.CommandLine;
using Weft.Cli.Documents;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Planning;

namespace Weft.Cli.Commands;

/// <summary><c>weft plan -f PATH</c>: what apply would do, and everything that follows from it.</summary>
internal static class PlanCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell)
    {
        var files = Parameters.Files();
        var detailed = new Option<bool>("--detailed") { Description = "Unchanged resources, members of new ones and whole manifests too" };
        var force = new Option<bool>("--force") { Description = "As apply with --force: network rules may shut out your own address" };
        var command = new Command("plan", "Print what apply would do; exit 0 nothing, 2 changes, 1 refused") { files, detailed, force };
        shell.Does(command, async (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml);
            var documents = DocumentReader.Read(session.Parsed.GetValue(files)!, session.Surroundings.In, session.Settings);
            var plan = await Plan.AskAsync(session.Client, documents, session.Parsed.GetValue(force), cancel);
            return Write(session, plan, documents, format, session.Parsed.GetValue(detailed));
        });
        return command;
    }

    /// <summary>Prints a plan.</summary>
    /// <returns>The exit code of <c>plan</c>.</returns>
    /// <exception cref="Complaint">The plan is refused.</exception>
    public static int Write(Session session, Plan plan, IReadOnlyList<Document> documents, OutputFormat format, bool detailed)
    {
        // Data first: who asked for JSON reads the refusals from it.
        if (format == OutputFormat.Json)
            session.Out.Raw.WriteLine(JsonText.Of(plan.Answer));
        else if (format == OutputFormat.Yaml)
            session.Out.Raw.Write(Yaml.Write(plan.Answer));
        if (plan.Refusals.Any())
            throw PlanRefusal.Of(plan, documents);
        if (format == OutputFormat.Table)
            new PlanText(session.Out, detailed).Write(plan);
        if (format == OutputFormat.Name)
        {
            foreach (var id in plan.Changes.Where(change => change.Action != PlanAction.Unchanged).Select(change => change.Id).Distinct())
                session.Out.Line(Label.Of(id));
        }

        return plan.HasChanges ? ExitCode.Changes : ExitCode.Done;
    }
}
