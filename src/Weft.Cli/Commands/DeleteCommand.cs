using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Cli.Applying;
using Weft.Cli.Documents;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Contracts;

namespace Weft.Cli.Commands;

/// <summary>
/// <c>weft delete KIND NAME…</c> and <c>weft delete -f PATH</c>: dependants first, and waits until they are gone.
/// </summary>
internal static class DeleteCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var kindName = Parameters.Kind(optional: true);
        var names = Parameters.Names(cli, kindName, ArgumentArity.ZeroOrMore);
        var (files, yes, timeout) = (Parameters.Files(required: false), Parameters.Yes(), Parameters.Timeout());
        var force = new Option<bool>("--force")
        {
            Description =
                "Also what running pods use: the addresses of a cluster's pods are given to others at once, "
                + "and a node's interfaces are taken away under its pods",
        };
        var command = new Command("delete", "Delete resources, dependants first")
        {
            kindName,
            names,
            files,
            yes,
            force,
            timeout,
        };
        var parents = new ParentOptions(cli, command);
        cli.SetAction(
            command,
            (session, cancel) =>
            {
                var kind = session.Parsed.GetValue(kindName);
                var paths = session.Parsed.GetValue(files) ?? [];
                if (kind is null == (paths.Length == 0))
                    throw CliError.Usage("name a KIND and NAMEs, or files with -f, and not both", "weft delete --help");
                var steps = kind is null
                    ? StepGraph.ForDeletion(DocumentReader.Read(paths, session.Environment.In, session.Settings))
                    : StepsForNames(
                        session,
                        KindTable.Require(kind),
                        session.Parsed.GetValue(names)!,
                        found => parents.ParentOf(session.Parsed, found)
                    );
                return RunAsync(
                    session,
                    steps,
                    session.Parsed.GetValue(yes),
                    Parameters.TimeoutOf(session.Parsed, timeout),
                    cancel,
                    session.Parsed.GetValue(force)
                );
            }
        );
        return command;
    }

    /// <summary>The steps that delete resources by name.</summary>
    /// <param name="parent">The parent of that kind, or null.</param>
    /// <returns>Steps that do not depend on each other.</returns>
    public static ImmutableArray<Step> StepsForNames(
        CommandSession session,
        Kind kind,
        string[] names,
        Func<Kind, string?> parent
    )
    {
        if (names.Length == 0)
            throw CliError.Usage($"which {kind.Plural} are to be deleted?", $"weft delete {kind.Plural} NAME…");
        var ids = names.Select(name => session.Scope.ResolveId(kind, name, parent(kind))).Distinct();
        return
        [
            .. ids.Select(
                (id, i) =>
                    new Step(
                        i,
                        new Document(id, kind.ApiVersion, new JsonObject(), new SourceMap("the command line"), ""),
                        PlanAction.Create,
                        []
                    )
            ),
        ];
    }

    /// <summary>Deletes, after asking.</summary>
    /// <param name="insists">Whether what running pods use is deleted, too. Default: no.</param>
    public static async Task<int> RunAsync(
        CommandSession session,
        ImmutableArray<Step> steps,
        bool yes,
        TimeSpan timeout,
        CancellationToken cancel,
        bool insists = false
    )
    {
        var format = session.GetFormat(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml, OutputFormat.Name);
        session.Confirm($"delete {string.Join(", ", steps.Select(step => Label.For(step.Id)))}?", yes);
        var work = new ResourceExecutor(session.Client, insists, new WaitingNotice(session.Error));
        var results = await ApplyCommand.RunAsync(
            session,
            steps,
            (step, _, token) => work.DeleteAsync(step.Id, step.Document.ApiVersion, token),
            timeout,
            cancel
        );
        return StepSummary.Write(session, results, format);
    }
}
