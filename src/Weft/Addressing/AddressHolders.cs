namespace Weft.Addressing;

/// <summary>How the holders of addresses are spelt: their ids, and what people call them.</summary>
internal static class AddressHolders
{
    /// <summary>What the ids of pods begin with.</summary>
    public const string PodPrefix = "pod:";

    private const string PodStart = Holder.PodWord + " ";

    /// <summary>A pod's interface.</summary>
    /// <param name="cluster">The cluster's id as it was written, in lower case, and its last name.</param>
    /// <param name="pod">Namespace and name, or null where the runtime didn't say.</param>
    /// <param name="node">The node, or null where that isn't known.</param>
    public static Holder OfPod(
        string cluster,
        string clusterKey,
        string clusterName,
        string containerId,
        string name,
        string? pod,
        string? node
    ) =>
        new(
            $"{PodPrefix}{clusterKey}#{containerId}#{name}",
            node is null
                ? $"{Holder.PodWord} {pod ?? containerId} {name} in {clusterName}"
                : $"{Holder.PodWord} {pod ?? containerId} {name} in {clusterName} on {node}"
        )
        {
            Cluster = cluster,
            Node = node,
        };

    /// <summary>Takes a pod's holder apart.</summary>
    /// <param name="pod">Empty where the runtime didn't say.</param>
    /// <returns>False where <see cref="OfPod"/> wouldn't make the same of the parts.</returns>
    public static bool TryReadPod(
        Holder holder,
        out ReadOnlySpan<char> containerId,
        out ReadOnlySpan<char> name,
        out ReadOnlySpan<char> pod
    )
    {
        containerId = name = pod = default;
        var id = holder.Id.AsSpan();
        var text = holder.Text.AsSpan();
        if (holder.Cluster is not { } cluster || !id.StartsWith(PodPrefix) || !text.StartsWith(PodStart))
            return false;
        var rest = id[PodPrefix.Length..];
        if (rest.Length <= cluster.Length || !IsLowerOf(rest[..cluster.Length], cluster) || rest[cluster.Length] != '#')
            return false;
        rest = rest[(cluster.Length + 1)..];
        var hash = rest.IndexOf('#');
        if (hash <= 0)
            return false;
        containerId = rest[..hash];
        name = rest[(hash + 1)..];
        var clusterName = cluster.AsSpan(cluster.LastIndexOf('/') + 1);
        return ReadPod(text[PodStart.Length..], containerId, name, clusterName, holder.Node, out pod);
    }

    private static bool ReadPod(
        ReadOnlySpan<char> text,
        ReadOnlySpan<char> containerId,
        ReadOnlySpan<char> name,
        ReadOnlySpan<char> clusterName,
        string? node,
        out ReadOnlySpan<char> pod
    )
    {
        pod = default;
        if (node is not null && !(CutEnd(ref text, node) && CutEnd(ref text, " on ")))
            return false;
        if (
            !(
                CutEnd(ref text, clusterName)
                && CutEnd(ref text, " in ")
                && CutEnd(ref text, name)
                && CutEnd(ref text, " ")
            )
        )
            return false;
        pod = text.SequenceEqual(containerId) ? default : text;
        return !text.IsEmpty;
    }

    private static bool CutEnd(ref ReadOnlySpan<char> text, ReadOnlySpan<char> end)
    {
        if (!text.EndsWith(end))
            return false;
        text = text[..^end.Length];
        return true;
    }

    private static bool IsLowerOf(ReadOnlySpan<char> lower, string text)
    {
        if (lower.SequenceEqual(text))
            return !lower.ContainsAnyInRange('A', 'Z') && System.Text.Ascii.IsValid(lower);
        return lower.SequenceEqual(text.ToLowerInvariant());
    }
}
