using System.CommandLine;
using Weft.Cli.Arm;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary><c>weft get KIND [NAME…]</c>.</summary>
internal static class GetCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var kindName = Parameters.Kind();
        var names = Parameters.Names(cli, kindName, ArgumentArity.ZeroOrMore);
        var all = new Option<bool>("--all-groups", "-A") { Description = "In all resource groups of the subscription" };
        var command = new Command("get", "List resources of a kind, or get some by name") { kindName, names, all };
        var parents = new ParentOptions(cli, command);
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var kind = KindTable.Require(session.Parsed.GetValue(kindName)!);
                var query = new Query(
                    kind,
                    session.Parsed.GetValue(names)!,
                    parents.ParentOf(session.Parsed, kind),
                    session.Parsed.GetValue(all)
                );
                var format = session.GetFormat(
                    OutputFormat.Table,
                    OutputFormat.Wide,
                    OutputFormat.Json,
                    OutputFormat.Yaml,
                    OutputFormat.Name
                );
                return await RunAsync(session, query, format, cancel);
            }
        );
        return command;
    }

    /// <summary>Gets and prints.</summary>
    public static async Task<int> RunAsync(
        CommandSession session,
        Query query,
        OutputFormat format,
        CancellationToken cancel
    )
    {
        var lookup = new ResourceLookup(session);
        var (kind, names) = (query.Kind, query.Names);
        var (found, missing) =
            names.Count == 0
                ? (await lookup.ListAsync(kind, query.Parent, query.AllGroups, cancel), [])
                : await lookup.FindAsync(kind, names, query.Parent, query.AllGroups, cancel);
        if (names.Count == 0 || found.Count > 0)
            ResourceText.Write(
                session,
                kind,
                found,
                format,
                names.Count == 1,
                query.AllGroups || session.Settings.ResourceGroup is null
            );
        if (names.Count == 0 && found.Count == 0)
            session.Error.WriteLine($"no {kind.Plural} in {DescribeScope(session, query)}", TextStyle.Faint);
        foreach (var name in missing)
            session.Error.WriteLine(
                $"error: there is no {kind.Singular} '{name}' in {DescribeScope(session, query)}",
                TextStyle.Error
            );
        return missing.Count == 0 ? ExitCode.Success : ExitCode.Failed;
    }

    private static string DescribeScope(CommandSession session, Query query)
    {
        if (query.Parent is { } parent)
            return $"{query.Kind.Parent!.Singular} '{parent}'";
        return query.AllGroups || query.Kind.IsGroup || session.Settings.ResourceGroup is not { } group
            ? "the subscription"
            : $"resource group '{group}'";
    }

    /// <summary>What is asked for.</summary>
    /// <param name="Names">The names; none means all.</param>
    /// <param name="Parent">The parent, or null.</param>
    internal sealed record Query(Kind Kind, IReadOnlyList<string> Names, string? Parent, bool AllGroups);
}
