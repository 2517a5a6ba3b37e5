using Weft.Agent.Manifests;

namespace Weft.Agent.Reconcilers;

/// <summary>A folder of files as a target.</summary>
/// <param name="name">What it is called in the log.</param>
/// <param name="files">Which of a desired state's files are in it.</param>
internal sealed class FolderReconciler(string name, Folder folder, Func<DesiredFiles, IReadOnlyList<DesiredFile>> files)
    : IReconciler
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public Task<ReconcileResult> Reconcile(DesiredState desired, CancellationToken cancel)
    {
        var result = folder.Apply(files(desired.Files.Value));
        return Task.FromResult(new ReconcileResult(result.Written, result.Removed, result.Findings));
    }
}
