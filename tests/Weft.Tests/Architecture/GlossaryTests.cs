using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Weft.Tests.Architecture;

/// <summary>The glossary's words are those of the sources, and what it calls gone is gone.</summary>
public sealed partial class GlossaryTests
{
    private const string Gone = "## Words that are gone";

    /// <summary>Words of the house that no type's name may contain, because each had a word of the field's.</summary>
    private static readonly string[] Banned =
    [
        "Complaint",
        "Desk",
        "Door",
        "Fold",
        "Footprint",
        "Ink",
        "Lanes",
        "Pace",
        "Picture",
        "Surroundings",
        "Wish",
    ];

    private static readonly string Page = File.ReadAllText(Sources.At("docs/glossary.md"));

    private static readonly Lazy<IReadOnlyList<(string File, string Name)>> Types = new(() =>
        [
            .. Sources.OfPrograms.SelectMany(file =>
                file.Root.DescendantNodes()
                    .OfType<BaseTypeDeclarationSyntax>()
                    .Select(type => (file.Path, type.Identifier.Text))
            ),
        ]
    );

    [Fact]
    public void Lists_WordsThatAreInTheSources()
    {
        var words = Rows(Page[..Page.IndexOf(Gone, StringComparison.Ordinal)])
            .SelectMany(cells => Words().Matches(cells[0]).Select(m => m.Groups[1].Value))
            .ToList();
        Assert.NotEmpty(words);
        var folders = Sources.OfPrograms.SelectMany(file => file.Path.Split('/')[..^1]);
        var names = Sources.OfPrograms.SelectMany(file =>
            file.Root.DescendantTokens().Where(t => t.IsKind(SyntaxKind.IdentifierToken)).Select(t => t.Text)
        );
        Sources.AssertNone(words.Except(folders.Concat(names), StringComparer.Ordinal));
    }

    [Fact]
    public void Lists_WordsThatAreGone()
    {
        var gone = Rows(Page[Page.IndexOf(Gone, StringComparison.Ordinal)..])
            .SelectMany(cells => cells[0].Split(", ", StringSplitOptions.TrimEntries))
            .ToHashSet(StringComparer.Ordinal);
        Assert.NotEmpty(gone);
        Sources.AssertNone(
            Types.Value.Where(type => gone.Contains(type.Name)).Select(type => $"{type.File} has {type.Name}")
        );
    }

    [Fact]
    public void Names_NoTypeByAWordOfTheHouse() =>
        Sources.AssertNone(
            Types
                .Value.Where(type => Parts().Matches(type.Name).Any(part => Banned.Contains(part.Value)))
                .Select(type => $"{type.File} has {type.Name}")
        );

    /// <summary>The rows of the tables, without heads.</summary>
    private static IEnumerable<string[]> Rows(string text) =>
        text.Split('\n')
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal))
            .Select(line => line.Trim('|', ' ').Split('|', StringSplitOptions.TrimEntries))
            .Where(cells => cells[0] is not ("word" or "gone"));

    [GeneratedRegex("`([A-Za-z]+)`")]
    private static partial Regex Words();

    [GeneratedRegex("[A-Z][a-z0-9]*")]
    private static partial Regex Parts();
}
