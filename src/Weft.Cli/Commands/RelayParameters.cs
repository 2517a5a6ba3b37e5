using System.CommandLine;
using System.CommandLine.Completions;
using Weft.Cli.Kinds;

namespace Weft.Cli.Commands;

/// <summary>Arguments and options of the commands that use the relay.</summary>
internal static class RelayParameters
{
    /// <summary>A node or machine.</summary>
    public static Argument<string> Target(Shell shell, string name, string description)
    {
        var argument = new Argument<string>(name) { HelpName = name, Description = description };
        argument.CompletionSources.Add(context => Hosts(shell, context));
        return argument;
    }

    /// <summary>The names of nodes and machines, as these commands take them.</summary>
    public static IEnumerable<CompletionItem> Hosts(Shell shell, CompletionContext context) =>
        NameCompletion.Of(shell, context, "nodes").Concat(NameCompletion.Of(shell, context, KindTable.VirtualMachines.Plural));

    /// <summary><c>--to</c>.</summary>
    public static Option<string> To(Shell shell)
    {
        var option = new Option<string>("--to") { Description = TargetNames.Form, HelpName = "TARGET", Required = true };
        option.CompletionSources.Add(context => Targets(shell, context));
        return option;
    }

    /// <summary>The names of targets, with the words for their kinds.</summary>
    public static IEnumerable<CompletionItem> Targets(Shell shell, CompletionContext context) =>
        TargetNames.Kinds.SelectMany(kind => NameCompletion.Of(shell, context, kind.Plural).Select(item => new CompletionItem($"{TargetNames.WordOf(kind)}/{item.Label}")));

    /// <summary><c>--relay-ca</c>.</summary>
    public static Option<string?> Ca() => new("--relay-ca") { Description = "CA certificates of the relay, PEM, where they aren't those of weftd", HelpName = "FILE" };
}
