using Weft.Attachments.Renderers;
using System.CommandLine;
using System.Globalization;
using System.Net.NetworkInformation;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary><c>weft who …</c>: from an address, a VLAN, a MAC address or a name to everything that has to do with it.</summary>
internal static class WhoCommand
{
    private static readonly string[] Words = ["address", "vlan", "mac", "name"];

    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell)
    {
        var question = new Argument<string[]>("QUESTION") { HelpName = "QUESTION", Description = "10.20.6.17, vlan 606, mac 02:…, or a text", Arity = new ArgumentArity(1, 2) };
        question.CompletionSources.Add("vlan", "mac", "address", "name");
        var command = new Command("who", "Say who has an address, a VLAN, a MAC address or a name") { question };
        shell.Does(command, async (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml);
            var (member, value) = Question(session.Parsed.GetValue(question)!);
            var path = $"/providers/Weft.Ipam/who?{member}={Uri.EscapeDataString(value)}&api-version={KindTable.WeftVersion}";
            var answer = (await session.Client.GetAsync(path, cancel)).Object;
            var (answers, vlans) = (List(answer, "answers"), List(answer, "vlans"));
            Write(session, answer, answers, vlans, format);
            if (answers.Length + vlans.Length > 0)
                return ExitCode.Done;
            session.Error.Line($"nobody: nothing here has to do with {member} {value}", Ink.Faint);
            return ExitCode.Failed;
        });
        return command;
    }

    /// <summary>What is asked.</summary>
    /// <param name="words">One word, or what it is and then the word.</param>
    /// <exception cref="Complaint">It can't be asked.</exception>
    public static (string Member, string Value) Question(IReadOnlyList<string> words)
    {
        if (words.Count == 1)
            return IsMac(words[0]) ? ("mac", words[0]) : Address.TryParse(words[0], out _) || LooksLikeAddress(words[0]) ? Question(["address", words[0]]) : ("name", words[0]);
        var (word, value) = (words[0].ToLowerInvariant(), words[1]);
        if (!Words.Contains(word))
            throw Complaint.OfUsage($"weft cannot be asked who has a '{words[0]}'", $"one of: {string.Join(", ", Words)}");
        if (word == "vlan" && !(ushort.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var vlan) && vlan is > 0 and < 4095))
            throw Complaint.OfUsage($"'{value}' is no VLAN", "a VLAN is a number from 1 to 4094");
        if (word == "mac" && !IsMac(value))
            throw Complaint.OfUsage($"'{value}' is no MAC address", "write it as 02:00:5e:00:53:01");
        if (word == "address" && !Address.TryParse(value, out _))
            throw Complaint.OfUsage($"'{value}' is no IP address");
        return (word, value);
    }

    /// <summary>Whether it was meant for an address: nothing but digits and their dots, or hex digits and their colons.</summary>
    private static bool LooksLikeAddress(string text) =>
        (text.Count(c => c == '.') >= 2 && text.All(c => char.IsAsciiDigit(c) || c == '.'))
        || (text.Count(c => c == ':') >= 2 && text.All(c => char.IsAsciiHexDigit(c) || c == ':'));

    private static bool IsMac(string text) => text.Length == 17 && PhysicalAddress.TryParse(text, out _);

    private static void Write(Session session, JsonObject answer, JsonObject[] answers, JsonObject[] vlans, OutputFormat format)
    {
        if (format == OutputFormat.Json)
            session.Out.Raw.WriteLine(JsonText.Of(answer));
        else if (format == OutputFormat.Yaml)
            session.Out.Raw.Write(Yaml.Write(answer));
        else
            Tables(session, answers, vlans);
    }

    private static void Tables(Session session, JsonObject[] answers, JsonObject[] vlans)
    {
        var now = session.Surroundings.Clock.GetUtcNow();
        if (answers.Length > 0)
        {
            TableText.Write(session.Out, ["ADDRESS", "MAC", "STATE", "NETWORK", "HOLDER", "METHOD", "CLUSTER", "SINCE"],
                [.. answers.Select(a => new Row(a, now)).Select(row => new[]
                {
                    row.Text("address"), row.Text("mac"), row.Text("state"), row.NameOf("network"), row.Text("holder"), row.Text("method"), row.NameOf("cluster"), row.Since("since"),
                })]);
        }

        if (vlans.Length == 0)
            return;
        if (answers.Length > 0)
            session.Out.Line("");
        TableText.Write(session.Out, ["VLAN", "DOMAIN", "INTERNAL-NETWORK", "PREFIXES", "MTU", "NETWORKS", "CLUSTERS", "MACHINES", "LEASES"],
            [.. vlans.Select(v => new Row(v, now)).Select(row => new[]
            {
                row.Text("vlan"), row.NameOf("domain"), row.NameOf("internalNetwork"), row.Text("prefixes"), row.Text("mtu"),
                row.NameOf("networks"), row.NameOf("clusters"), row.NameOf("machines"), row.Text("leases"),
            })]);
    }

    private static JsonObject[] List(JsonObject answer, string name) => [.. (answer[name] as JsonArray ?? []).OfType<JsonObject>()];
}
