using System.CommandLine;
using System.Text.Json;
using Weft.Attachments.Verification;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Agent.Verification;

/// <summary><c>weft-agent verify</c>: the same proof without a control plane, from a desired state in a file.</summary>
internal sealed class LocalVerification
{
    private readonly Option<string> _file = new("--configuration")
    {
        Required = true,
        HelpName = "FILE",
        Description = "A desired state: the agent's desired.json, or what GET …/desiredStates/current answers.",
    };

    private readonly Option<string?> _node = new("--node")
    {
        HelpName = "NODE",
        Description = "The node this is; not needed where the picture has one.",
    };

    private readonly Option<string?> _netns = new("--netns")
    {
        HelpName = "PATH",
        Description = "A pod's network namespace to look in, such as /proc/123/ns/net.",
    };

    private readonly Option<string?> _network = new("--network")
    {
        HelpName = "NET",
        Description = "One network only.",
    };

    private readonly Option<string?> _interface = new("--interface")
    {
        HelpName = "NAME",
        Description = "The interface in the pod, where its addresses don't tell.",
    };

    private readonly Option<bool> _json = new("--json") { Description = "The report as JSON." };

    /// <summary>Builds the command.</summary>
    public Command Command()
    {
        var command = new Command("verify", "Proves this node, or a pod on it, hop by hop.")
        {
            _file,
            _node,
            _netns,
            _network,
            _interface,
            _json,
        };
        command.SetAction((parsed, _) => Run(parsed));
        return command;
    }

    private async Task<int> Run(ParseResult parsed)
    {
        try
        {
            var report = await Verify(parsed);
            Write(report, parsed.GetValue(_json));
            return report.HasPassed ? 0 : 1;
        }
        catch (StartupException e)
        {
            await Console.Error.WriteLineAsync($"weft-agent: {e.Message}");
            return 1;
        }
    }

    private Task<VerificationReport> Verify(ParseResult parsed)
    {
        var desired = Read(parsed.GetRequiredValue(_file));
        var netns = parsed.GetValue(_netns);
        var nodes = (desired.Nodes ?? []).Select(each => each.Name).OfType<string>().ToList();
        var node = parsed.GetValue(_node) ?? (nodes.Count == 1 ? nodes[0] : null);
        if (node is null && netns is null)
            throw new StartupException($"which node is this? add --node, one of {string.Join(", ", nodes)}");
        var task = new VerificationTask("local", node, null, parsed.GetValue(_network))
        {
            Interface = parsed.GetValue(_interface),
        };
        return new Verifier(node, new PodNamespaces(), new ProbeTimings()).Run(task, desired, netns);
    }

    private static DesiredStateDocument Read(string path)
    {
        try
        {
            var root = JsonElement.Parse(File.ReadAllBytes(path));
            var body = root.Member("properties") is { ValueKind: JsonValueKind.Object } properties ? properties : root;
            return DesiredStateDocument.Read(body);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new StartupException($"--configuration '{path}' can't be read: {e.Message}", e);
        }
    }

    private static void Write(VerificationReport report, bool json)
    {
        if (json)
        {
            Console.Out.Write(Json.ToIndentedText(report.ToJson()));
            return;
        }

        if (report.Error is not null)
            Console.Error.WriteLine($"weft-agent: {report.Error}");
        foreach (var found in report.Interfaces)
        {
            var name = ResourceId.TryParse(found.Network, out var id) ? id.Name : "-";
            var result = found.FirstFailure is { } first ? $"fails at {first.Hop}: {first.Message}" : "passed";
            Console.Out.WriteLine($"{found.Interface} ({name}): {result}");
            foreach (var check in found.Checks)
                Console.Out.WriteLine($"  {check.State, -7} {check.Hop, -10} {check.Family ?? "", -4} {check.Message}");
        }
    }
}
