using Weft.House;

namespace Weft.Tests.Architecture;

/// <summary>The repository's own C# files, read once for all tests of the architecture.</summary>
internal static class Sources
{
    private static readonly Lazy<IReadOnlyList<SourceFile>> Src = new(() => SourceFile.ReadAll(At("src")));
    private static readonly Lazy<IReadOnlyList<SourceFile>> Tests = new(() => SourceFile.ReadAll(At("tests")));
    private static readonly Lazy<IReadOnlyList<SourceFile>> Bench = new(() => SourceFile.ReadAll(At("bench")));
    private static readonly Lazy<FolderGraph> SrcGraph = new(() => FolderGraph.Of(Src.Value));

    public static IReadOnlyList<SourceFile> OfPrograms => Src.Value;

    /// <summary>Which folder of <c>src</c> names types of which.</summary>
    public static FolderGraph Graph => SrcGraph.Value;

    /// <summary>Every file, with the folder that its path begins with.</summary>
    public static IEnumerable<(string Root, IReadOnlyList<SourceFile> Files)> All =>
        [("src", Src.Value), ("tests", Tests.Value), ("bench", Bench.Value)];

    /// <summary>Fails with every finding on a line of its own; an assertion of xunit's would cut them short.</summary>
    public static void AssertNone(IEnumerable<string> findings)
    {
        var all = findings.ToList();
        Assert.True(all.Count == 0, $"{all.Count} findings:\n{string.Join('\n', all)}");
    }

    public static string At(string path) => Path.Combine(Repository.Root, path);

    /// <summary>A file's comments as running text: without slashes, and lines joined where a sentence goes on.</summary>
    public static string CommentsOf(SourceFile file) =>
        string.Join(
            ' ',
            file.Lines.Select(line =>
                    line.IndexOf("//", StringComparison.Ordinal) is var at and >= 0 ? line[at..] : "\n"
                )
                .Select(comment => comment.TrimStart('/', ' '))
        );
}
