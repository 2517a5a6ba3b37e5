using System.CommandLine;
using System.Text.Json;
using Weft.Attachments.Verification;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Agent.Verification;

/// <summary><c>weft-agent verify</c>: the same proof without a control plane, from a desired state in a file.</summary>
internal static class LocalVerification
{
    /// <summary>Builds the command.</summary>
    public static Command Command()
    {
        var file = new Option<string>("--configuration")
        {
            Required = true,
            HelpName = "FILE",
            Description = "A desired state: the agent's desired.json, or what GET …/desiredStates/current answers.",
        };
        var node = new Option<string?>("--node")
        {
            HelpName = "NODE",
            Description = "The node this is; not needed where the picture has one.",
        };
        var netns = new Option<string?>("--netns")
        {
            HelpName = "PATH",
            Description = "A pod's network namespace to look in, such as /proc/123/ns/net.",
        };
        var network = new Option<string?>("--network") { HelpName = "NET", Description = "One network only." };
        var name = new Option<string?>("--interface")
        {
            HelpName = "NAME",
            Description = "The interface in the pod, where its addresses don't tell.",
        };
        var json = new Option<bool>("--json") { Description = "The report as JSON." };
        var command = new Command("verify", "Proves this node, or a pod on it, hop by hop.")
        {
            file,
            node,
            netns,
            network,
            name,
            json,
        };
        command.SetAction(
            async (parsed, _) =>
            {
                try
                {
                    var desired = Read(parsed.GetRequiredValue(file));
                    var nodes = (desired.Nodes ?? []).Select(each => each.Name).OfType<string>().ToList();
                    var mine = parsed.GetValue(node) ?? (nodes.Count == 1 ? nodes[0] : null);
                    if (mine is null && parsed.GetValue(netns) is null)
                        throw new StartupException(
                            $"which node is this? add --node, one of {string.Join(", ", nodes)}"
                        );
                    var task = new VerificationTask("local", mine, null, parsed.GetValue(network))
                    {
                        Interface = parsed.GetValue(name),
                    };
                    var report = await new Verifier(mine, new PodNamespaces(), new ProbeTimings()).Run(
                        task,
                        desired,
                        parsed.GetValue(netns)
                    );
                    Write(report, parsed.GetValue(json));
                    return report.HasPassed ? 0 : 1;
                }
                catch (StartupException e)
                {
                    await Console.Error.WriteLineAsync($"weft-agent: {e.Message}");
                    return 1;
                }
            }
        );
        return command;
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
            Console.Out.WriteLine(
                $"{found.Interface} ({name}): {(found.FirstFailure is { } first ? $"fails at {first.Hop}: {first.Message}" : "passed")}"
            );
            foreach (var check in found.Checks)
                Console.Out.WriteLine($"  {check.State, -7} {check.Hop, -10} {check.Family ?? "", -4} {check.Message}");
        }
    }
}
