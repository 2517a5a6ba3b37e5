using System.CommandLine;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary><c>weft agent token|list|forget</c>: who may speak for a cluster.</summary>
internal static class AgentCommand
{
    private static readonly Kind Agents = KindTable.Need("agents");

    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell) => new("agent", "Agents of clusters") { Token(shell), List(shell), Forget(shell) };

    private static Command Token(Shell shell)
    {
        var cluster = Cluster(shell, required: true);
        var file = new Option<string?>("--out") { Description = "Write it to a file, mode 0600, and not to stdout", HelpName = "FILE" };
        var command = new Command("token", "Make an enrolment token for the agents of a cluster") { cluster, file };
        shell.Does(command, async (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Table, OutputFormat.Json);
            var id = session.Scope.Id(KindTable.KubernetesClusters, session.Parsed.GetValue(cluster)!);
            var path = $"{id}/listEnrollmentToken?api-version={KindTable.KubernetesClusters.ApiVersion}";
            var answer = (await session.Client.SendAsync(HttpMethod.Post, path, null, null, cancel)).Object;
            var token = answer["token"]?.ToString() ?? throw new Complaint("the server's answer holds no token");
            Write(session, format == OutputFormat.Json ? JsonText.Of(answer) : token, session.Parsed.GetValue(file));
            session.Error.Line($"enrols agents of {Label.Of(id)} until {answer["expiresAt"]}", Ink.Faint);
            return ExitCode.Done;
        });
        return command;
    }

    private static void Write(Session session, string text, string? file)
    {
        if (file is null)
            session.Out.Raw.WriteLine(text);
        else
            PrivateFile.Write(file, text + "\n");
    }

    private static Command List(Shell shell)
    {
        var cluster = Cluster(shell, required: false);
        var command = new Command("list", "List agents: weft get agents") { cluster };
        shell.Does(command, (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Table, OutputFormat.Wide, OutputFormat.Json, OutputFormat.Yaml, OutputFormat.Name);
            return GetCommand.RunAsync(session, new GetCommand.Query(Agents, [], session.Parsed.GetValue(cluster), AllGroups: false), format, cancel);
        });
        return command;
    }

    private static Command Forget(Shell shell)
    {
        var names = new Argument<string[]>("NAME") { HelpName = "NAME", Description = "The agents", Arity = ArgumentArity.OneOrMore };
        names.CompletionSources.Add(context => NameCompletion.Of(shell, context, Agents.Plural));
        var (cluster, yes, timeout) = (Cluster(shell, required: false), Parameters.Yes(), Parameters.Timeout());
        var command = new Command("forget", "Forget agents; their credentials are refused from then on") { names, cluster, yes, timeout };
        shell.Does(command, (session, cancel) =>
        {
            var steps = DeleteCommand.OfNames(session, Agents, session.Parsed.GetValue(names)!, _ => session.Parsed.GetValue(cluster));
            return DeleteCommand.RunAsync(session, steps, session.Parsed.GetValue(yes), Parameters.Wait(session.Parsed, timeout), cancel);
        });
        return command;
    }

    private static Option<string?> Cluster(Shell shell, bool required)
    {
        var option = Parameters.Reference(shell, "--cluster", KindTable.KubernetesClusters, "The Kubernetes cluster");
        option.Required = required;
        return option;
    }
}
