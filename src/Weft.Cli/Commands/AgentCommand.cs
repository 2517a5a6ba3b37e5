using System.CommandLine;
using Weft.Attachments;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;
using Weft.Contracts;

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
        var options = new TokenOptions(ClusterOption(cli, required: true));
        var command = new Command("token", "Make a token that enrols one agent of a cluster, once")
        {
            options.Cluster,
            options.Name,
            options.Node,
            options.Replace,
            options.Lifetime,
            options.File,
        };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(OutputFormat.Table, OutputFormat.Json);
                var id = session.Scope.ResolveId(
                    KindTable.KubernetesClusters,
                    session.Parsed.GetValue(options.Cluster)!
                );
                var path =
                    $"{id}/{EnrolmentTokenRequest.ActionName}?api-version={KindTable.KubernetesClusters.ApiVersion}";
                var wanted = options.Read(session.Parsed, id.Name).ToJson();
                var body = (await session.Client.SendAsync(HttpMethod.Post, path, wanted, null, cancel)).Object;
                var answer =
                    EnrolmentTokenResponse.Read(body) ?? throw new CliError("the server's answer holds no token");
                WriteToken(
                    session,
                    format == OutputFormat.Json ? JsonFormatter.Indented(body) : answer.Token,
                    session.Parsed.GetValue(options.File)
                );
                var serving = answer.Node is { } served ? $" for node {served}" : "";
                session.Error.WriteLine(
                    $"enrols agent {answer.Name} of {Label.For(id)}{serving}, once, until {answer.ExpiresAt}",
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

    /// <summary>What <c>weft agent token</c> is told.</summary>
    private sealed record TokenOptions(Option<string?> Cluster)
    {
        public Option<string?> Name { get; } =
            new("--name") { Description = "The agent's name (the node's, or the cluster's)", HelpName = "NAME" };

        public Option<string?> Node { get; } =
            new("--node")
            {
                Description = "The node it is to serve; without it, the cluster as a whole",
                HelpName = "NODE",
            };

        public Option<bool> Replace { get; } =
            new("--replace")
            {
                Description = "It may take the place of the agent that has the name; that one is refused from then on",
            };

        public Option<TimeSpan> Lifetime { get; } =
            Parameters.Time("--lifetime", "How long it is good: 15m, 2h; at most 24h (15m)", "lifetime");

        public Option<string?> File { get; } =
            new("--out") { Description = "Write it to a file, mode 0600, and not to stdout", HelpName = "FILE" };

        public EnrolmentTokenRequest Read(ParseResult parsed, string cluster)
        {
            var node = parsed.GetValue(Node);
            return new EnrolmentTokenRequest(
                parsed.GetValue(Name) ?? DnsLabel.From(node ?? cluster),
                node,
                parsed.GetValue(Replace),
                parsed.GetResult(Lifetime) is null
                    ? EnrolmentTokenRequest.DefaultMinutes
                    : (int)Math.Ceiling(parsed.GetValue(Lifetime).TotalMinutes)
            );
        }
    }
}
