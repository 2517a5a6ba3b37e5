using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Attachments.Formats;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;

namespace Weft.Cli.Commands;

/// <summary>
/// <c>weft who …</c>: from an address, a VLAN, a MAC address or a name to everything that has to do with it.
/// </summary>
internal static class WhoCommand
{
    private static readonly string[] QueryMembers = ["address", "vlan", "mac", "name"];

    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var question = new Argument<string[]>("QUESTION")
        {
            HelpName = "QUESTION",
            Description = "10.20.6.17, vlan 606, mac 02:…, or a text",
            Arity = new ArgumentArity(1, 2),
        };
        question.CompletionSources.Add("vlan", "mac", "address", "name");
        var at = new Option<string?>("--at")
        {
            HelpName = "TIME",
            Description = "Who had the address then: 90s or 6h ago, or at 2027-01-31T12:00:00Z",
        };
        var history = new Option<bool>("--history") { Description = "Who had the address before, the newest first" };
        var command = new Command("who", "Say who has an address, a VLAN, a MAC address or a name")
        {
            question,
            at,
            history,
        };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml);
                var (member, value) = ParseQuestion(session.Parsed.GetValue(question)!);
                var path =
                    $"/providers/Weft.Ipam/who?{member}={Uri.EscapeDataString(value)}"
                    + TimeOf(session, member, session.Parsed.GetValue(at), session.Parsed.GetValue(history))
                    + $"&api-version={KindTable.WeftApiVersion}";
                var answer = (await session.Client.GetAsync(path, cancel)).Object;
                var (answers, vlans) = (ListOf(answer, "answers"), ListOf(answer, "vlans"));
                Write(session, answer, answers, vlans, format);
                if (answers.Length + vlans.Length > 0)
                    return ExitCode.Success;
                session.Error.WriteLine($"nobody: nothing here has to do with {member} {value}", TextStyle.Faint);
                return ExitCode.Failed;
            }
        );
        return command;
    }

    private static string TimeOf(CommandSession session, string member, string? at, bool isHistory)
    {
        if (at is null && !isHistory)
            return "";
        if (member != "address")
            throw CliError.Usage("only addresses have a history", "weft who 10.20.6.17 --history");
        if (at is null)
            return "&history=true";
        var time = AuditCommand.ParseTime("--at", at, session.Environment.Clock.GetUtcNow());
        return $"&at={Uri.EscapeDataString(time)}";
    }

    /// <summary>What is asked.</summary>
    /// <param name="words">One word, or what it is and then the word.</param>
    /// <exception cref="CliError">It can't be asked.</exception>
    public static (string Member, string Value) ParseQuestion(IReadOnlyList<string> words)
    {
        if (words.Count == 1)
            return IsMac(words[0]) ? ("mac", words[0])
                : Address.TryParse(words[0], out _) || LooksLikeAddress(words[0]) ? ParseQuestion(["address", words[0]])
                : ("name", words[0]);
        var (word, value) = (words[0].ToLowerInvariant(), words[1]);
        if (!QueryMembers.Contains(word))
            throw CliError.Usage(
                $"weft cannot be asked who has a '{words[0]}'",
                $"one of: {string.Join(", ", QueryMembers)}"
            );
        if (
            word == "vlan"
            && !(
                ushort.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var vlan)
                && vlan is > 0 and < 4095
            )
        )
            throw CliError.Usage($"'{value}' is no VLAN", "a VLAN is a number from 1 to 4094");
        if (word == "mac" && !MacAddress.TryParse(value, MacAddressNotations.Dashes, out _, out var why))
            throw CliError.Usage($"'{value}' is no MAC address", why);
        if (word == "address" && !Address.TryParse(value, out _))
            throw CliError.Usage($"'{value}' is no IP address");
        return (word, value);
    }

    /// <summary>
    /// Whether it was meant for an address: nothing but digits and their dots, or hex digits and their colons.
    /// </summary>
    private static bool LooksLikeAddress(string text) =>
        (text.Count(c => c == '.') >= 2 && text.All(c => char.IsAsciiDigit(c) || c == '.'))
        || (text.Count(c => c == ':') >= 2 && text.All(c => char.IsAsciiHexDigit(c) || c == ':'));

    private static bool IsMac(string text) => MacAddress.TryParse(text, MacAddressNotations.Dashes, out _, out _);

    private static void Write(
        CommandSession session,
        JsonObject answer,
        JsonObject[] answers,
        JsonObject[] vlans,
        OutputFormat format
    )
    {
        if (format == OutputFormat.Json)
            session.Out.Writer.WriteLine(JsonFormatter.Indented(answer));
        else if (format == OutputFormat.Yaml)
            session.Out.Writer.Write(Yaml.Write(answer));
        else
            WriteTables(session, answers, vlans);
    }

    private static void WriteTables(CommandSession session, JsonObject[] answers, JsonObject[] vlans)
    {
        var now = session.Environment.Clock.GetUtcNow();
        if (answers.Any(answer => answer["ended"] is not null))
            WriteHistory(session, answers.Select(a => new ResourceRow(a, now)));
        else if (answers.Length > 0)
        {
            TableText.Write(
                session.Out,
                ["ADDRESS", "MAC", "STATE", "NETWORK", "HOLDER", "METHOD", "CLUSTER", "SINCE"],
                [
                    .. answers
                        .Select(a => new ResourceRow(a, now))
                        .Select(row =>
                            new[]
                            {
                                row.Text("address"),
                                row.Text("mac"),
                                row.Text("state"),
                                row.NameOf("network"),
                                row.Text("holder"),
                                row.Text("method"),
                                row.NameOf("cluster"),
                                row.AgeSince("since"),
                            }
                        ),
                ]
            );
        }

        if (vlans.Length == 0)
            return;
        if (answers.Length > 0)
            session.Out.WriteLine("");
        TableText.Write(
            session.Out,
            ["VLAN", "DOMAIN", "INTERNAL-NETWORK", "PREFIXES", "MTU", "NETWORKS", "CLUSTERS", "MACHINES", "LEASES"],
            [
                .. vlans
                    .Select(v => new ResourceRow(v, now))
                    .Select(row =>
                        new[]
                        {
                            row.Text("vlan"),
                            row.NameOf("domain"),
                            row.NameOf("internalNetwork"),
                            row.Text("prefixes"),
                            row.Text("mtu"),
                            row.NameOf("networks"),
                            row.NameOf("clusters"),
                            row.NameOf("machines"),
                            row.Text("leases"),
                        }
                    ),
            ]
        );
    }

    /// <summary>With moments rather than ages: they are compared with what others have on record.</summary>
    private static void WriteHistory(CommandSession session, IEnumerable<ResourceRow> answers) =>
        TableText.Write(
            session.Out,
            ["ADDRESS", "STATE", "NETWORK", "HOLDER", "METHOD", "SINCE", "ENDED", "UNTIL"],
            [
                .. answers.Select(row =>
                    new[]
                    {
                        row.Text("address"),
                        row.Text("state"),
                        row.NameOf("network"),
                        row.Text("holder"),
                        row.Text("method"),
                        SecondOf(row.Text("since")),
                        SecondOf(row.Text("ended")),
                        SecondOf(row.Text("until")),
                    }
                ),
            ]
        );

    private static string SecondOf(string time) =>
        time.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot ? $"{time[..dot]}Z" : time;

    private static JsonObject[] ListOf(JsonObject answer, string name) =>
        [.. (answer[name] as JsonArray ?? []).OfType<JsonObject>()];
}
