using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments;
using Weft.Attachments.Verification;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Server.Verifications;

/// <summary>What is to be verified, and by whom.</summary>
internal sealed record VerificationRequest(
    ResourceId Cluster,
    VerificationTask Task,
    ImmutableArray<VerifyingAgent> Agents
)
{
    private const int MaxTextLength = 512;

    /// <summary>Reads the body of <c>POST {cluster}/verify</c>; every mistake is said at once.</summary>
    public static Outcome<VerificationRequest> Read(StoreState state, ResourceId cluster, JsonObject body)
    {
        if (state.Get(StoreKey.ForResource(cluster)) is null)
            return new Refusal(RefusalCode.ResourceNotFound, $"{cluster} doesn't exist", cluster.ToString());
        var findings = new List<Refusal>();
        CheckMembers(body, findings);
        var task = VerificationTask.Read(JsonElement.Parse(Json.ToUtf8(body))) with
        {
            Id = Guid.NewGuid().ToString("N"),
        };
        CheckPod(task.Pod, findings);
        var serving = AgentsWithNode(state, cluster);
        ImmutableArray<VerifyingAgent> asked =
        [
            .. serving.Where(agent =>
                task.Node is null || string.Equals(agent.Node, task.Node, StringComparison.OrdinalIgnoreCase)
            ),
        ];
        if (findings.Count == 0 && asked.IsEmpty)
            findings.Add(NobodyToAsk(cluster, task.Node, serving));
        return findings.Count > 0
            ? Refusal.Combine(findings, "verification")
            : new VerificationRequest(cluster, task, asked);
    }

    private static void CheckMembers(JsonObject body, List<Refusal> findings)
    {
        foreach (var (member, value) in body)
        {
            if (member is not ("node" or "pod" or "network" or "interface"))
                findings.Add(
                    new Refusal(
                        RefusalCode.UnknownMember,
                        $"a verification has no '{member}'; it has node, pod, network and interface",
                        member
                    )
                );
            else if (!IsText(value))
                findings.Add(new Refusal(RefusalCode.InvalidMember, $"'{member}' must be a text", member));
        }
    }

    private static bool IsText(JsonNode? value) =>
        value is JsonValue text && text.TryGetValue<string>(out var given) && given.Length is > 0 and <= MaxTextLength;

    private static void CheckPod(string? pod, List<Refusal> findings)
    {
        if (pod is null)
            return;
        // 253: the longest name of a pod, as that of a DNS subdomain.
        var isPod = pod.Split('/') is [var space, { Length: > 0 and <= 253 }] && DnsLabel.IsValid(space);
        if (!isPod)
            findings.Add(new Refusal(RefusalCode.InvalidMember, $"'pod': {pod} is none; write NAMESPACE/NAME", "pod"));
    }

    private static List<VerifyingAgent> AgentsWithNode(StoreState state, ResourceId cluster) =>
        [
            .. Agent
                .ListIn(state, cluster)
                .Select(row => (ResourceKind.IdOf(row).Name, Node: Agent.NodeOf(row)))
                .Where(agent => agent.Node is not null)
                .Select(agent => new VerifyingAgent(agent.Name, agent.Node!)),
        ];

    private static Refusal NobodyToAsk(ResourceId cluster, string? node, List<VerifyingAgent> serving)
    {
        if (node is null)
            return new Refusal(
                RefusalCode.Conflict,
                $"no agent of {cluster.Name} serves a node; start weft-agent with --node on each",
                cluster.ToString()
            );
        var served = serving.Count == 0 ? "none" : string.Join(", ", serving.Select(agent => agent.Node));
        return new Refusal(
            RefusalCode.ReferenceNotFound,
            $"no agent of {cluster.Name} serves the node '{node}'; there are agents on {served}",
            "node"
        );
    }
}
