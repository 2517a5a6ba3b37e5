namespace Weft.Cli.Documents;

/// <summary>A place in a document.</summary>
/// <param name="File">The file as the user named it, or <c>stdin</c>.</param>
internal readonly record struct SourceLocation(string File, long Line, long Column)
{
    /// <summary>The form that editors understand.</summary>
    /// <returns><c>FILE:LINE:COLUMN</c>.</returns>
    public override string ToString() => Line == 0 ? File : $"{File}:{Line}:{Column}";
}

/// <summary>Something wrong in a document.</summary>
internal sealed record Finding(SourceLocation Location, string Message)
{
    /// <summary>The finding as compilers print theirs.</summary>
    public override string ToString() => $"{Location}: {Message}";
}
