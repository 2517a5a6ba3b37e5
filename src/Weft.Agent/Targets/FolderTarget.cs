using Weft.Agent.Manifests;

namespace Weft.Agent.Targets;

/// <summary>A folder of files as a target.</summary>
/// <param name="name">What it is called in the log.</param>
/// <param name="files">Which of a picture's files are in it.</param>
internal sealed class FolderTarget(string name, Folder folder, Func<PictureFiles, IReadOnlyList<DesiredFile>> files) : ITarget
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public Task<TargetOutcome> Apply(Picture picture, CancellationToken cancel)
    {
        var outcome = folder.Apply(files(picture.Files.Value));
        return Task.FromResult(new TargetOutcome(outcome.Written, outcome.Removed, outcome.Findings));
    }
}
