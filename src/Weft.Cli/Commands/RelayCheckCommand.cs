using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary><c>weft relay check</c>: who would get in, and by which rule.</summary>
internal static class RelayCheckCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var from = new Option<string?>("--from")
        {
            Description = "The address that somebody comes from (your own, as the server sees it)",
            HelpName = "ADDRESS",
        };
        var to = RelayParameters.To(cli);
        var service = new Option<string?>("--service")
        {
            Description = "The service: kubernetes, ssh (each one of the target)",
            HelpName = "NAME",
        };
        var role = new Option<string?>("--as")
        {
            Description = "sender: who asks; listener: an agent (sender)",
            HelpName = "ROLE",
        };
        role.AcceptOnlyFromAmong("sender", "listener");
        var command = new Command("check", "Say who would get in, and by which network rule")
        {
            from,
            to,
            service,
            role,
        };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(OutputFormat.Table, OutputFormat.Json);
                var request = new CheckRequest(
                    TargetNames.Require(session.Scope, session.Parsed.GetValue(to)!),
                    session.Parsed.GetValue(from),
                    session.Parsed.GetValue(service),
                    session.Parsed.GetValue(role)
                );
                var answer = await CheckAsync(session, request, cancel);
                if (format == OutputFormat.Json)
                    session.Out.Writer.WriteLine(JsonFormatter.Indented(answer));
                else
                    Write(session, answer);
                return answer["allowed"]?.GetValue<bool>() == true ? ExitCode.Success : ExitCode.Failed;
            }
        );
        return command;
    }

    /// <summary>Asks weftd.</summary>
    /// <returns>The answer (docs/specs/relay-rules.md, "Asking").</returns>
    public static async Task<JsonObject> CheckAsync(
        CommandSession session,
        CheckRequest request,
        CancellationToken cancel
    )
    {
        var query = string.Concat(
            new[] { ("from", request.From), ("service", request.Service), ("as", request.Role) }
                .Where(pair => pair.Item2 is not null)
                .Select(pair => $"&{pair.Item1}={Uri.EscapeDataString(pair.Item2!)}")
        );
        var path =
            $"/providers/Weft.Relay/check?api-version={KindTable.WeftApiVersion}&to={Uri.EscapeDataString(request.To.ToString())}{query}";
        return (await session.Client.GetAsync(path, cancel)).Object;
    }

    private static void Write(CommandSession session, JsonObject answer)
    {
        var to = answer["to"]!.ToString();
        var who =
            $"{answer["from"]} as {answer["as"]} of {(ResourceId.TryParse(to, out var id) ? TargetNames.Format(id) : to)}";
        foreach (var one in answer["answers"]!.AsArray().OfType<JsonObject>())
            WriteAnswer(session.Out, who, one);
    }

    private static void WriteAnswer(Terminal terminal, string who, JsonObject answer)
    {
        var (verdict, style) = answer["allowed"]!.GetValue<bool>()
            ? ("allowed", TextStyle.Added)
            : ("refused", TextStyle.Error);
        var service = answer["service"]?.ToString() is { Length: > 0 } name ? $" {name}" : "";
        terminal.WriteLine($"{verdict}: {who}{service}, by {answer["rule"]}", style);
        foreach (var look in answer["lookedAt"]!.AsArray().OfType<JsonObject>())
            terminal.WriteLine($"  {FormatLook(look)}");
        if (answer["refusal"]?.ToString() is { Length: > 0 } refusal)
            terminal.WriteLine($"  they are told: {refusal}", TextStyle.Faint);
    }

    /// <summary>What was looked at on the way to an answer.</summary>
    private static string FormatLook(JsonObject look)
    {
        var verdict = look["allows"]!.GetValue<bool>() ? "lets in" : "shuts out";
        var which = look["rule"] is { } rule ? $", rule {rule}" : "";
        var why = look["description"]?.ToString() is { Length: > 0 } text ? $" ({text})" : "";
        return $"{verdict}: {look["place"]}: {look["what"]}{which}{why}";
    }

    /// <summary>Who wants in.</summary>
    /// <param name="From">Where somebody comes from; null for the caller's own address.</param>
    /// <param name="Service">The service; null for each of the target.</param>
    /// <param name="Role"><c>sender</c> or <c>listener</c>; null for sender.</param>
    internal sealed record CheckRequest(ResourceId To, string? From, string? Service, string? Role);
}
