using Microsoft.CodeAnalysis.CSharp.Syntax;
using Weft.House;

namespace Weft.Tests.Architecture;

/// <summary>A type's full name says where its file is.</summary>
public sealed class NamespaceTests
{
    [Fact]
    public void Are_TheFolders()
    {
        var wrong = Sources.All.SelectMany(tree =>
            tree.Files.SelectMany(file =>
                file.Root.Members.OfType<BaseNamespaceDeclarationSyntax>()
                    .Where(space => space.Name.ToString() != Wanted(file))
                    .Select(space => $"{tree.Root}/{file.Path} is in {space.Name}, and should be in {Wanted(file)}")
            )
        );
        Sources.AssertNone(wrong);
    }

    private static string Wanted(SourceFile file) => string.Join('.', file.Path.Split('/')[..^1]);
}
