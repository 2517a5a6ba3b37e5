using System.Text.RegularExpressions;

namespace Weft.Tests.Architecture;

/// <summary>What comments and pages point to is there.</summary>
public sealed partial class DocumentTests
{
    private static IEnumerable<string> Pages =>
        Directory
            .GetFiles(Sources.At("docs"), "*.md", SearchOption.AllDirectories)
            .Concat(new[] { "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md" }.Select(Sources.At))
            .Order(StringComparer.Ordinal);

    [Fact]
    public void Names_NoPathThatIsNotThere()
    {
        var missing = Comments
            .Concat(Pages.Select(page => (Where: Short(page), Text: File.ReadAllText(page))))
            .SelectMany(text => Paths().Matches(text.Text).Select(m => (text.Where, Path: m.Groups[1].Value)))
            .Where(named => !File.Exists(Sources.At(named.Path)) && !Directory.Exists(Sources.At(named.Path)));
        Sources.AssertNone(missing.Select(named => $"{named.Where} names {named.Path}"));
    }

    [Fact]
    public void Links_ToNothingThatIsNotThere()
    {
        var links = Pages
            .SelectMany(page =>
                Links()
                    .Matches(Code().Replace(File.ReadAllText(page), ""))
                    .Select(m => (Page: page, Target: m.Groups[1].Value))
                    .Where(link => !link.Target.Contains("://", StringComparison.Ordinal))
            )
            .ToList();
        Assert.NotEmpty(links);
        Sources.AssertNone(
            links
                .Select(link =>
                    (
                        link.Page,
                        link.Target,
                        Path: Path.Join(Path.GetDirectoryName(link.Page), link.Target.Split('#')[0])
                    )
                )
                .Where(link => !File.Exists(link.Path) && !Directory.Exists(link.Path))
                .Select(link => $"{Short(link.Page)} links to {link.Target}")
        );
    }

    [Fact]
    public void Names_NoSectionThatIsNotThere()
    {
        var named = Comments
            .SelectMany(text =>
                Sections()
                    .Matches(text.Text)
                    .Select(m => (text.Where, Page: m.Groups[1].Value, Title: m.Groups[2].Value))
            )
            .ToList();
        Assert.NotEmpty(named);
        Sources.AssertNone(
            named
                .Where(n => File.Exists(Sources.At(n.Page)) && !TitlesOf(n.Page).Any(title => IsOf(n.Title, title)))
                .Select(n =>
                    $"{n.Where} names \"{n.Title}\" of {n.Page}, which has: {string.Join(", ", TitlesOf(n.Page))}"
                )
        );
    }

    private static IEnumerable<(string Where, string Text)> Comments =>
        Sources.All.SelectMany(tree =>
            tree.Files.Select(file => ($"{tree.Root}/{file.Path}", Sources.CommentsOf(file)))
        );

    private static IReadOnlyList<string> TitlesOf(string page) =>
        [
            .. Titles()
                .Matches(File.ReadAllText(Sources.At(page)))
                .Select(m => m.Groups[1].Value.Replace("`", "", StringComparison.Ordinal).Trim()),
        ];

    /// <summary>A title may be named by the words before its comma or colon.</summary>
    private static bool IsOf(string named, string title) => title == named || title.Split(',', ':')[0] == named;

    private static string Short(string file) => Path.GetRelativePath(Repository.Root, file);

    // What a reader makes, such as an overlay under deploy, is no path of the repository's.
    [GeneratedRegex(
        @"(?<![\w/.~-])((?:src|tests|examples|bench|lab|docs/(?:adr|checklists|operations|specs))/[\w./-]*\w)"
    )]
    private static partial Regex Paths();

    [GeneratedRegex(@"\]\(([^)\s#][^)\s]*)\)")]
    private static partial Regex Links();

    [GeneratedRegex("`[^`\n]*`")]
    private static partial Regex Code();

    [GeneratedRegex("(docs/[\\w/-]+\\.md),\\s+\"([^\"]+)\"")]
    private static partial Regex Sections();

    [GeneratedRegex(@"^#+\s+(.+)$", RegexOptions.Multiline)]
    private static partial Regex Titles();
}
