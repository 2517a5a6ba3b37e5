using System.Text.RegularExpressions;

namespace Weft.Tests.Architecture;

/// <summary>What the checklists promise: that what they name is there, and that they stay short.</summary>
public sealed partial class ChecklistTests
{
    private const int MaxLines = 40;

    public static TheoryData<string> Pages() =>
        [
            .. Directory
                .GetFiles(Path.Combine(Repository.Root, "docs/checklists"), "*.md")
                .Select(file => Path.GetFileName(file)),
        ];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Names_PathsThatAreThere(string page)
    {
        var paths = PathsIn(ReadLines(page)).ToList();
        Assert.NotEmpty(paths);
        Assert.DoesNotContain(paths, path => !File.Exists(At(path)) && !Directory.Exists(At(path)));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Stays_Short(string page) => Assert.InRange(ReadLines(page).Length, 1, MaxLines);

    [Theory]
    [InlineData("a line in `src/Weft/Storage/AllKinds.cs`.", "src/Weft/Storage/AllKinds.cs")]
    [InlineData("one file in `src/Weft.Server/Actions`", "src/Weft.Server/Actions")]
    public void Finds_APathInALine(string line, string path) => Assert.Equal([path], PathsIn([line]));

    private static IEnumerable<string> PathsIn(string[] lines) =>
        lines.SelectMany(line => Paths().Matches(line)).Select(match => match.Groups[1].Value);

    private static string[] ReadLines(string page) =>
        File.ReadAllLines(Path.Combine(Repository.Root, "docs/checklists", page));

    private static string At(string path) => Path.Combine(Repository.Root, path);

    [GeneratedRegex(@"`((?:src|tests|docs|examples|bench|deploy)/[\w./-]*\w)`")]
    private static partial Regex Paths();
}
