namespace Weft.House;

/// <summary>
/// How much of one thing is the most. Tokens are counted and not lines, so that nothing is won by writing wide.
/// </summary>
/// <param name="MethodTokens">The most of a method.</param>
/// <param name="FileTokens">The most of a file.</param>
/// <param name="LineWidth">The widest line, in characters.</param>
internal sealed record Budget(int MethodTokens, int FileTokens, int LineWidth)
{
    /// <summary>All that is over it, each with its place.</summary>
    public IEnumerable<string> Findings(IEnumerable<SourceFile> files) => files.SelectMany(Findings);

    private IEnumerable<string> Findings(SourceFile file)
    {
        if (file.Tokens > FileTokens)
            yield return $"{file.Path} has {file.Tokens} tokens; {FileTokens} are the most";
        foreach (var method in file.Methods.Where(method => method.Tokens > MethodTokens))
            yield return $"{file.Path}:{method.Line}: {method.Name} has {method.Tokens} tokens; {MethodTokens} are the most";
        for (var line = 0; line < file.Lines.Length; line++)
        {
            if (file.Lines[line].Length > LineWidth)
                yield return $"{file.Path}:{line + 1}: {file.Lines[line].Length} characters; {LineWidth} are the most";
        }
    }
}
