using System.CommandLine;
using System.CommandLine.Completions;
using Weft.Cli.Kinds;

namespace Weft.Cli.Commands;

/// <summary>Arguments and options of the commands that use the relay.</summary>
internal static class RelayParameters
{
    /// <summary>A node or machine.</summary>
    /// <param name="shell">The shell.</param>
    /// <param name="name">The argument's name.</param>
    /// <param name="description">What it may be.</param>
    /// <returns>The argument.</returns>
    public static Argument<string> Target(Shell shell, string name, string description)
    {
        var argument = new Argument<string>(name) { HelpName = name, Description = description };
        argument.CompletionSources.Add(context => Hosts(shell, context));
        return argument;
    }

    /// <summary>The names of nodes and machines, as these commands take them.</summary>
    /// <param name="shell">The shell.</param>
    /// <param name="context">What is being completed.</param>
    /// <returns>The names.</returns>
    public static IEnumerable<CompletionItem> Hosts(Shell shell, CompletionContext context) =>
        NameCompletion.Of(shell, context, "nodes").Concat(NameCompletion.Of(shell, context, KindTable.VirtualMachines.Plural));

    /// <summary><c>--to</c>.</summary>
    /// <param name="shell">The shell.</param>
    /// <returns>The option.</returns>
    public static Option<string> To(Shell shell)
    {
        var option = new Option<string>("--to") { Description = TargetNames.Form, HelpName = "TARGET", Required = true };
        option.CompletionSources.Add(context => Targets(shell, context));
        return option;
    }

    /// <summary>The names of targets, with the words for their kinds.</summary>
    /// <param name="shell">The shell.</param>
    /// <param name="context">What is being completed.</param>
    /// <returns>The names.</returns>
    public static IEnumerable<CompletionItem> Targets(Shell shell, CompletionContext context) =>
        TargetNames.Kinds.SelectMany(kind => NameCompletion.Of(shell, context, kind.Plural).Select(item => new CompletionItem($"{TargetNames.WordOf(kind)}/{item.Label}")));

    /// <summary><c>--relay-ca</c>.</summary>
    /// <returns>The option.</returns>
    public static Option<string?> Ca() => new("--relay-ca") { Description = "CA certificates of the relay, PEM, where they aren't those of weftd", HelpName = "FILE" };
}
