using System.Text.Json.Nodes;
using Weft.Contracts;

namespace Weft.Agent.Kubernetes;

/// <summary>
/// What a cluster's API server has of pods. Each is asked for by its name, and not looked up in what a watch has told: an
/// answer that is some seconds old would be enough to take a running pod for one that is gone.
/// </summary>
internal sealed class PodObserver(KubeApi api)
{
    private const int MaxParallelism = 8;

    // Kubernetes, "Non-graceful node shutdown": an administrator sets it on a node that is off for certain.
    private const string OutOfServiceTaint = "node.kubernetes.io/out-of-service";

    /// <summary>Looks pods up, and the nodes they are on.</summary>
    /// <returns>One for each, in the same order.</returns>
    public async Task<IReadOnlyList<PodObservation>> Observe(
        IReadOnlyList<PodReference> asked,
        CancellationToken cancel
    )
    {
        var found = new PodObservation[asked.Count];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, asked.Count),
            new ParallelOptions { MaxDegreeOfParallelism = MaxParallelism, CancellationToken = cancel },
            async (i, over) => found[i] = await Find(asked[i], over)
        );
        var names = found.Zip(asked, (pod, reference) => pod.Node ?? reference.Node).ToList();
        var nodes = new Dictionary<string, KubeNodeState>(StringComparer.Ordinal);
        foreach (var name in names.OfType<string>().Distinct())
            nodes[name] = await FindNode(name, cancel);
        return [.. found.Zip(names, (pod, name) => name is null ? pod : pod with { NodeState = nodes[name] })];
    }

    private async Task<PodObservation> Find(PodReference asked, CancellationToken cancel)
    {
        if (!IsName(asked.Namespace) || !IsName(asked.Name))
            return PodObservation.Unknown;
        try
        {
            if (await api.Get($"api/v1/namespaces/{asked.Namespace}/pods/{asked.Name}", cancel) is not { } pod)
                return new PodObservation(PodState.Absent);
            var uid = (string?)pod["metadata"]?["uid"];
            var state =
                asked.Uid is not null && asked.Uid != uid ? PodState.Absent
                : (string?)pod["status"]?["phase"] is "Succeeded" or "Failed" ? PodState.Ended
                : PodState.Present;
            var spec = pod["spec"];
            return new PodObservation(
                state,
                uid,
                // The node of another pod that has the name says nothing of this one's.
                state == PodState.Absent
                    ? null
                    : (string?)spec?["nodeName"],
                (string?)spec?["serviceAccountName"]
            );
        }
        catch (Exception e) when (IsNoAnswer(e))
        {
            return PodObservation.Unknown;
        }
    }

    private async Task<KubeNodeState> FindNode(string name, CancellationToken cancel)
    {
        if (!IsName(name))
            return KubeNodeState.Unknown;
        try
        {
            if (await api.Get($"api/v1/nodes/{name}", cancel) is not { } node)
                return KubeNodeState.Absent;
            if (Items(node["spec"]?["taints"]).Any(taint => (string?)taint["key"] == OutOfServiceTaint))
                return KubeNodeState.OutOfService;
            return Items(node["status"]?["conditions"])
                .Any(condition => (string?)condition["type"] == "Ready" && (string?)condition["status"] == "True")
                ? KubeNodeState.Ready
                : KubeNodeState.NotReady;
        }
        catch (Exception e) when (IsNoAnswer(e))
        {
            return KubeNodeState.Unknown;
        }
    }

    /// <summary>It can't be asked, or has answered what no API server answers: then it has said nothing.</summary>
    private static bool IsNoAnswer(Exception e) => e is KubeException or InvalidOperationException;

    private static IEnumerable<JsonObject> Items(JsonNode? list) => (list as JsonArray ?? []).OfType<JsonObject>();

    /// <summary>Whether it may stand in a path: the control plane's word isn't taken for what an API server is asked.</summary>
    private static bool IsName(string text) =>
        text.Length is > 0 and <= AgentTexts.MaxNode
        && char.IsAsciiLetterOrDigit(text[0])
        && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.');
}
