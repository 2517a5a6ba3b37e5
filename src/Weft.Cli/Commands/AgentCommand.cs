using System.CommandLine;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;

namespace Weft.Cli.Commands;

/// <summary><c>weft agent token|list|forget</c>: who may speak for a cluster.</summary>
internal static class AgentCommand
{
    private static readonly Kind AgentKind = KindTable.Agents;

    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli) =>
        new("agent", "Agents of clusters") { BuildToken(cli), BuildList(cli), BuildForget(cli) };

    private static Command BuildToken(CommandContext cli)
    {
        var cluster = ClusterOption(cli, required: true);
        var file = new Option<string?>("--out")
        {
            Description = "Write it to a file, mode 0600, and not to stdout",
            HelpName = "FILE",
        };
        var command = new Command("token", "Make an enrolment token for the agents of a cluster") { cluster, file };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(OutputFormat.Table, OutputFormat.Json);
                var id = session.Scope.ResolveId(KindTable.KubernetesClusters, session.Parsed.GetValue(cluster)!);
                var path = $"{id}/listEnrollmentToken?api-version={KindTable.KubernetesClusters.ApiVersion}";
                var answer = (await session.Client.SendAsync(HttpMethod.Post, path, null, null, cancel)).Object;
                var token = answer["token"]?.ToString() ?? throw new CliError("the server's answer holds no token");
                WriteToken(
                    session,
                    format == OutputFormat.Json ? JsonFormatter.Indented(answer) : token,
                    session.Parsed.GetValue(file)
                );
                session.Error.WriteLine(
                    $"enrols agents of {Label.For(id)} until {answer["expiresAt"]}",
                    TextStyle.Faint
                );
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static void WriteToken(CommandSession session, string text, string? file)
    {
        if (file is null)
            session.Out.Writer.WriteLine(text);
        else
            PrivateFile.Write(file, text + "\n");
    }

    private static Command BuildList(CommandContext cli)
    {
        var cluster = ClusterOption(cli, required: false);
        var command = new Command("list", "List agents: weft get agents") { cluster };
        cli.SetAction(
            command,
            (session, cancel) =>
            {
                var format = session.GetFormat(
                    OutputFormat.Table,
                    OutputFormat.Wide,
                    OutputFormat.Json,
                    OutputFormat.Yaml,
                    OutputFormat.Name
                );
                return GetCommand.RunAsync(
                    session,
                    new GetCommand.Query(AgentKind, [], session.Parsed.GetValue(cluster), AllGroups: false),
                    format,
                    cancel
                );
            }
        );
        return command;
    }

    private static Command BuildForget(CommandContext cli)
    {
        var names = new Argument<string[]>("NAME")
        {
            HelpName = "NAME",
            Description = "The agents",
            Arity = ArgumentArity.OneOrMore,
        };
        names.CompletionSources.Add(context => NameCompletion.Complete(cli, context, AgentKind.Plural));
        var (cluster, yes, timeout) = (ClusterOption(cli, required: false), Parameters.Yes(), Parameters.Timeout());
        var command = new Command("forget", "Forget agents; their credentials are refused from then on")
        {
            names,
            cluster,
            yes,
            timeout,
        };
        cli.SetAction(
            command,
            (session, cancel) =>
            {
                var steps = DeleteCommand.StepsForNames(
                    session,
                    AgentKind,
                    session.Parsed.GetValue(names)!,
                    _ => session.Parsed.GetValue(cluster)
                );
                return DeleteCommand.RunAsync(
                    session,
                    steps,
                    session.Parsed.GetValue(yes),
                    Parameters.TimeoutOf(session.Parsed, timeout),
                    cancel
                );
            }
        );
        return command;
    }

    private static Option<string?> ClusterOption(CommandContext cli, bool required)
    {
        var option = Parameters.Reference(cli, "--cluster", KindTable.KubernetesClusters, "The Kubernetes cluster");
        option.Required = required;
        return option;
    }
}
