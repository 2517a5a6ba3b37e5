using Weft.House;

namespace Weft.Tests.Architecture;

/// <summary>How much of one thing is the most in the programs.</summary>
public sealed class BudgetTests
{
    private const int FileLines = 400;
    private const int MethodLines = 70;

    private static readonly Budget Most = new(MethodTokens: 400, FileTokens: 4_000, LineWidth: 140);

    [Fact]
    public void Keeps_FilesMethodsAndLinesShort()
    {
        var files = Sources.All.Single(tree => tree.Root == "src").Files;
        Assert.NotEmpty(files);
        Sources.AssertNone(Most.Findings(files).Concat(LinesOver(files)).Select(finding => $"src/{finding}"));
    }

    private static IEnumerable<string> LinesOver(IEnumerable<SourceFile> files)
    {
        foreach (var file in files)
        {
            if (file.Lines.Length > FileLines)
                yield return $"{file.Path} has {file.Lines.Length} lines; {FileLines} are the most";
            foreach (var method in file.Methods.Where(method => method.Lines > MethodLines))
                yield return $"{file.Path}:{method.Line}: {method.Name} has {method.Lines} lines; {MethodLines} are the most";
        }
    }
}
