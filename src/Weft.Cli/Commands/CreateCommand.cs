using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary><c>weft create group NAME --location LOCATION</c>. All else is declared in documents.</summary>
internal static class CreateCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var name = new Argument<string>("NAME") { HelpName = "NAME", Description = "The resource group's name" };
        var location = new Option<string>("--location", "-l")
        {
            Description = "Where it is, such as a site's name",
            HelpName = "LOCATION",
            Required = true,
        };
        var group = new Command("group", "Create a resource group") { name, location };
        group.Aliases.Add("resourcegroup");
        cli.SetAction(
            group,
            async (session, cancel) =>
            {
                var format = session.GetFormat(
                    OutputFormat.Table,
                    OutputFormat.Json,
                    OutputFormat.Yaml,
                    OutputFormat.Name
                );
                var id = session.Scope.ResolveId(KindTable.Groups, session.Parsed.GetValue(name)!);
                var body = new JsonObject { ["location"] = session.Parsed.GetValue(location) };
                var response = await session.Client.SendAsync(
                    HttpMethod.Put,
                    $"{id}?api-version={KindTable.Groups.ApiVersion}",
                    body,
                    null,
                    cancel
                );
                if (format == OutputFormat.Table)
                    session.Out.WriteLine($"{Label.For(id)} {(response.Status == 201 ? "created" : "is there")}");
                else
                    ResourceText.Write(
                        session,
                        KindTable.Groups,
                        [response.Object],
                        format,
                        single: true,
                        withGroup: false
                    );
                return ExitCode.Success;
            }
        );
        return new Command("create", "Create what cannot wait for a document") { group };
    }
}
