using System.CommandLine;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary><c>weft show KIND NAME</c>: everything about one resource.</summary>
internal static class ShowCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var kindName = Parameters.Kind();
        var name = Parameters.Name(cli, kindName);
        var command = new Command("show", "Show one resource, as YAML") { kindName, name };
        var parents = new ParentOptions(cli, command);
        cli.SetAction(
            command,
            (session, cancel) =>
            {
                var kind = KindTable.Require(session.Parsed.GetValue(kindName)!);
                var query = new GetCommand.Query(
                    kind,
                    [session.Parsed.GetValue(name)!],
                    parents.ParentOf(session.Parsed, kind),
                    AllGroups: false
                );
                var format = session.GetFormat(
                    OutputFormat.Yaml,
                    OutputFormat.Json,
                    OutputFormat.Table,
                    OutputFormat.Wide,
                    OutputFormat.Name
                );
                return GetCommand.RunAsync(session, query, format, cancel);
            }
        );
        return command;
    }
}
