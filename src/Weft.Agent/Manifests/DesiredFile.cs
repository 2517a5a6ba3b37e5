namespace Weft.Agent.Manifests;

/// <summary>One file that should be in a folder.</summary>
/// <param name="Path">Where, from the folder on; checked, so that it stays in it.</param>
internal sealed record DesiredFile(string Path, byte[] Content, UnixFileMode Mode);
