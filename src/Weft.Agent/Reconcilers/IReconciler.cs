using Weft.Agent.Manifests;

namespace Weft.Agent.Reconcilers;

/// <summary>Something that is not as it should be, and was found so rather than made so.</summary>
/// <param name="What">The object: <c>NetworkAttachmentDefinition default/n6</c>, <c>link n6 of w1</c>.</param>
/// <param name="Was">How it differs, in a few words: <c>missing</c>, <c>mtu 1500, wanted 9000</c>.</param>
/// <param name="IsRepaired">Whether it was put right; false where the policy is to report alone.</param>
internal sealed record Drift(string What, string Was, bool IsRepaired);

/// <summary>What a pass over a target did and found.</summary>
/// <param name="Findings">What could not be done, a sentence each, with the object's name.</param>
internal sealed record ReconcileResult(int Written, int Removed, IReadOnlyList<string> Findings)
{
    /// <summary>What had changed under the agent's hands since it was made true.</summary>
    public IReadOnlyList<Drift> Drift { get; init; } = [];
}

/// <summary>
/// A part of the site that the agent keeps true to the desired state: a folder, a cluster's API, a node's network. A
/// pass compares and repairs; the loop makes passes when a desired state comes, when the target asks for one, and every
/// few seconds.
/// </summary>
internal interface IReconciler
{
    /// <summary>What it is called in the log: <c>manifests</c>, <c>kubernetes</c>, <c>node</c>.</summary>
    string Name { get; }

    /// <summary>Makes the target true. Passes over one target never overlap.</summary>
    /// <returns>What was done; what couldn't be done is a finding and no exception.</returns>
    Task<ReconcileResult> Reconcile(DesiredState desired, CancellationToken cancel);

    /// <summary>
    /// Completes when the target has changed by another's hand, so that a pass is due before its time.
    /// </summary>
    Task WaitForChange(CancellationToken cancel) => Task.Delay(Timeout.Infinite, cancel);
}
