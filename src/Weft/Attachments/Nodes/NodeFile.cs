namespace Weft.Attachments.Nodes;

/// <summary>A file of a node or machine.</summary>
/// <param name="Path">Where it goes: absolute on a node, or a bare name where the place is the reader's choice.</param>
internal sealed record NodeFile(string Path, string Mode, string Content);
