using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary><c>weft create group NAME --location LOCATION</c>. All else is declared in documents.</summary>
internal static class CreateCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell)
    {
        var name = new Argument<string>("NAME") { HelpName = "NAME", Description = "The resource group's name" };
        var location = new Option<string>("--location", "-l") { Description = "Where it is, such as a site's name", HelpName = "LOCATION", Required = true };
        var group = new Command("group", "Create a resource group") { name, location };
        group.Aliases.Add("resourcegroup");
        shell.Does(group, async (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml, OutputFormat.Name);
            var id = session.Scope.Id(KindTable.Groups, session.Parsed.GetValue(name)!);
            var body = new JsonObject { ["location"] = session.Parsed.GetValue(location) };
            var answer = await session.Client.SendAsync(HttpMethod.Put, $"{id}?api-version={KindTable.Groups.ApiVersion}", body, null, cancel);
            if (format == OutputFormat.Table)
                session.Out.Line($"{Label.Of(id)} {(answer.Status == 201 ? "created" : "is there")}");
            else
                ResourceText.Write(session, KindTable.Groups, [answer.Object], format, single: true, withGroup: false);
            return ExitCode.Done;
        });
        return new Command("create", "Create what cannot wait for a document") { group };
    }
}
