using Weft.House;

namespace Weft.Tests.Architecture;

/// <summary>How much of one thing is the most.</summary>
public sealed class BudgetTests
{
    private const int FileLines = 400;
    private const int MethodLines = 70;

    private static readonly Budget Most = new(MethodTokens: 400, FileTokens: 4_000, LineWidth: 140);

    [Fact]
    public void Keeps_FilesMethodsAndLinesShort()
    {
        var findings = new List<string>();
        foreach (var (root, files) in Sources.All)
        {
            Assert.NotEmpty(files);
            findings.AddRange(Most.Findings(files).Select(finding => $"{root}/{finding}"));
        }

        Sources.AssertNone(findings);
    }

    /// <summary>Of the programs alone: a table of a test's cases has many lines and isn't dense.</summary>
    [Fact]
    public void Keeps_ProgramsOfFewLines() =>
        Sources.AssertNone(LinesOver(Sources.OfPrograms).Select(finding => $"src/{finding}"));

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
