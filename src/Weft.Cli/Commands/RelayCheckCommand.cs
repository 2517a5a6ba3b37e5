using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary><c>weft relay check</c>: who would get in, and by which rule.</summary>
internal static class RelayCheckCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell)
    {
        var from = new Option<string?>("--from") { Description = "The address that somebody comes from (your own, as the server sees it)", HelpName = "ADDRESS" };
        var to = RelayParameters.To(shell);
        var service = new Option<string?>("--service") { Description = "The service: kubernetes, ssh (each one of the target)", HelpName = "NAME" };
        var role = new Option<string?>("--as") { Description = "sender: who asks; listener: an agent (sender)", HelpName = "ROLE" };
        role.AcceptOnlyFromAmong("sender", "listener");
        var command = new Command("check", "Say who would get in, and by which network rule") { from, to, service, role };
        shell.Does(command, async (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Table, OutputFormat.Json);
            var question = new Question(
                TargetNames.Need(session.Scope, session.Parsed.GetValue(to)!), session.Parsed.GetValue(from), session.Parsed.GetValue(service), session.Parsed.GetValue(role));
            var answer = await AskAsync(session, question, cancel);
            if (format == OutputFormat.Json)
                session.Out.Raw.WriteLine(JsonText.Of(answer));
            else
                Write(session, answer);
            return answer["allowed"]?.GetValue<bool>() == true ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    /// <summary>Asks weftd.</summary>
    /// <returns>The answer (docs/specs/relay-rules.md, "Asking").</returns>
    public static async Task<JsonObject> AskAsync(Session session, Question question, CancellationToken cancel)
    {
        var query = string.Concat(new[] { ("from", question.From), ("service", question.Service), ("as", question.Role) }
            .Where(pair => pair.Item2 is not null).Select(pair => $"&{pair.Item1}={Uri.EscapeDataString(pair.Item2!)}"));
        var path = $"/providers/Weft.Relay/check?api-version={KindTable.WeftVersion}&to={Uri.EscapeDataString(question.To.ToString())}{query}";
        return (await session.Client.GetAsync(path, cancel)).Object;
    }

    private static void Write(Session session, JsonObject answer)
    {
        var to = answer["to"]!.ToString();
        var who = $"{answer["from"]} as {answer["as"]} of {(ResourceId.TryParse(to, out var id) ? TargetNames.Written(id) : to)}";
        foreach (var one in answer["answers"]!.AsArray().OfType<JsonObject>())
        {
            var isAllowed = one["allowed"]!.GetValue<bool>();
            var service = one["service"]?.ToString() is { Length: > 0 } name ? $" {name}" : "";
            session.Out.Line($"{(isAllowed ? "allowed" : "refused")}: {who}{service}, by {one["rule"]}", isAllowed ? Ink.Added : Ink.Bad);
            foreach (var look in one["lookedAt"]!.AsArray().OfType<JsonObject>())
            {
                var why = look["description"]?.ToString() is { Length: > 0 } text ? $" ({text})" : "";
                session.Out.Line($"  {(look["allows"]!.GetValue<bool>() ? "lets in" : "shuts out")}: {look["place"]}: {look["what"]}{(look["rule"] is { } rule ? $", rule {rule}" : "")}{why}");
            }

            if (one["refusal"]?.ToString() is { Length: > 0 } refusal)
                session.Out.Line($"  they are told: {refusal}", Ink.Faint);
        }
    }

    /// <summary>Who wants in.</summary>
    /// <param name="From">Whence; null for the caller's own address.</param>
    /// <param name="Service">The service; null for each of the target.</param>
    /// <param name="Role"><c>sender</c> or <c>listener</c>; null for sender.</param>
    internal sealed record Question(ResourceId To, string? From, string? Service, string? Role);
}
