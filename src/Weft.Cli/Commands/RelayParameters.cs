using System.CommandLine;
using System.CommandLine.Completions;
using Weft.Cli.Kinds;

namespace Weft.Cli.Commands;

/// <summary>Arguments and options of the commands that use the relay.</summary>
internal static class RelayParameters
{
    /// <summary>A node or machine.</summary>
    public static Argument<string> Target(CommandContext cli, string name, string description)
    {
        var argument = new Argument<string>(name) { HelpName = name, Description = description };
        argument.CompletionSources.Add(context => CompleteHosts(cli, context));
        return argument;
    }

    /// <summary>The names of nodes and machines, as these commands take them.</summary>
    public static IEnumerable<CompletionItem> CompleteHosts(CommandContext cli, CompletionContext context) =>
        NameCompletion
            .Complete(cli, context, "nodes")
            .Concat(NameCompletion.Complete(cli, context, KindTable.VirtualMachines.Plural));

    /// <summary><c>--to</c>.</summary>
    public static Option<string> To(CommandContext cli)
    {
        var option = new Option<string>("--to")
        {
            Description = TargetNames.Syntax,
            HelpName = "TARGET",
            Required = true,
        };
        option.CompletionSources.Add(context => CompleteTargets(cli, context));
        return option;
    }

    /// <summary>The names of targets, with the words for their kinds.</summary>
    public static IEnumerable<CompletionItem> CompleteTargets(CommandContext cli, CompletionContext context) =>
        TargetNames.Kinds.SelectMany(kind =>
            NameCompletion
                .Complete(cli, context, kind.Plural)
                .Select(item => new CompletionItem($"{TargetNames.WordOf(kind)}/{item.Label}"))
        );

    /// <summary><c>--relay-ca</c>.</summary>
    public static Option<string?> Ca() =>
        new("--relay-ca")
        {
            Description = "CA certificates of the relay, PEM, where they aren't those of weftd",
            HelpName = "FILE",
        };
}
