using System.Text.Json.Nodes;

namespace Weft.Tests.Cni;

/// <summary>Network configurations and environments, good ones; a test spoils one thing of them.</summary>
internal static class Configurations
{
    public const string Network =
        "/subscriptions/1f0c6a5e-0000-4000-8000-000000000001/resourceGroups/core/providers/Microsoft.NetworkCloud/l3Networks/n6";

    public const string Lease =
        """{"lease":{"addresses":[{"address":"10.20.6.17/24","gateway":"10.20.6.1"}"""
        + """,{"address":"fd20:6::11/64","gateway":"fd20:6::1"}],"routes":[]}}""";

    /// <summary>What Weft renders for a network, with what a test adds to it.</summary>
    public static string Of(
        string? version = "1.0.0",
        string socket = "/run/weft/agent.sock",
        string ipam = "",
        string outside = ""
    )
    {
        var member = version is null ? "" : $"\"cniVersion\":\"{version}\",";
        return $$"""
            {{{member}}"name":"n6","type":"macvlan","master":"n6","mode":"bridge","mtu":9000,
             "ipam":{"type":"weft-ipam","network":"{{Network}}","socket":"{{socket}}"{{ipam}}}{{outside}}}
            """;
    }

    public static Dictionary<string, string> Environment(string command, string arguments = "") =>
        new()
        {
            ["CNI_COMMAND"] = command,
            ["CNI_CONTAINERID"] = "0123abcd",
            ["CNI_NETNS"] = "/var/run/netns/blue",
            ["CNI_IFNAME"] = "net1",
            ["CNI_PATH"] = "/opt/cni/bin",
            ["CNI_ARGS"] = arguments,
        };

    /// <summary>As a program writes what is laid out here: without line breaks.</summary>
    public static string OnOneLine(string laidOut) => laidOut.ReplaceLineEndings("");

    public static int CodeOf(string output) => JsonNode.Parse(output)!["code"]!.GetValue<int>();

    public static string TextOf(string output, string member) => JsonNode.Parse(output)![member]!.GetValue<string>();
}
