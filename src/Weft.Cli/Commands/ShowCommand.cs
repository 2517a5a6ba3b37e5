using System.CommandLine;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary><c>weft show KIND NAME</c>: everything about one resource.</summary>
internal static class ShowCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell)
    {
        var kindName = Parameters.Kind();
        var name = Parameters.Name(shell, kindName);
        var command = new Command("show", "Show one resource, as YAML") { kindName, name };
        var parents = new ParentOptions(shell, command);
        shell.Does(command, (session, cancel) =>
        {
            var kind = KindTable.Need(session.Parsed.GetValue(kindName)!);
            var query = new GetCommand.Query(kind, [session.Parsed.GetValue(name)!], parents.Of(session.Parsed, kind), AllGroups: false);
            var format = session.Format(OutputFormat.Yaml, OutputFormat.Json, OutputFormat.Table, OutputFormat.Wide, OutputFormat.Name);
            return GetCommand.RunAsync(session, query, format, cancel);
        });
        return command;
    }
}
