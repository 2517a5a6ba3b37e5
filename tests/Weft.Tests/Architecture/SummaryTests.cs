using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Weft.House;

namespace Weft.Tests.Architecture;

/// <summary>Every type says what it is. Of members a summary is asked only where the name doesn't say it.</summary>
public sealed class SummaryTests
{
    [Theory]
    [InlineData("Weft")]
    [InlineData("Weft.Relay")]
    [InlineData("Weft.Server")]
    [InlineData("Weft.Agent")]
    [InlineData("Weft.Cni")]
    [InlineData("Weft.Cli")]
    [InlineData("Weft.Files")]
    [InlineData("Weft.Logging")]
    public void Has_ASummaryOnEveryType(string project)
    {
        var files = Sources.OfPrograms.Where(file => file.Project == project).ToList();
        Assert.NotEmpty(files);
        Sources.AssertNone(files.SelectMany(Silent));
    }

    [Theory]
    [InlineData("class A { }", "A")]
    [InlineData("/// <summary>It.</summary>\nclass A { internal enum B { } }", "A.B")]
    [InlineData("/// <summary>It.</summary>\ninterface A { delegate int B(); }", "A.B")]
    [InlineData("/// <remarks>It.</remarks>\nclass A { }", "A")]
    public void Finds_WhatSaysNothing(string text, string what) =>
        Assert.Equal(
            $"P/A.cs:{text.Count(c => c == '\n') + 1}: {what} has no summary",
            Assert.Single(Silent(Read(text)))
        );

    [Theory]
    [InlineData(
        "/// <summary>It.</summary>\nclass A { int B; private class C { public int D; } public override int E() => 1; }"
    )]
    [InlineData("/// <summary>It.</summary>\nclass A { /// <inheritdoc/>\n public int B() => 1; }")]
    public void Asks_NothingOfWhatIsPrivateOrInherited(string text) => Assert.Empty(Silent(Read(text)));

    private static SourceFile Read(string text) => SourceFile.Of("P/A.cs", text);

    private static IEnumerable<string> Silent(SourceFile file) =>
        file
            .Root.DescendantNodes()
            .OfType<MemberDeclarationSyntax>()
            .Where(member => IsAsked(member) && !HasSummary(member))
            .Select(member =>
                $"{file.Path}:{file.Tree.GetLineSpan(member.Span).StartLinePosition.Line + 1}: {NameOf(member)} has no summary"
            );

    private static bool IsAsked(MemberDeclarationSyntax member) =>
        member is BaseTypeDeclarationSyntax or DelegateDeclarationSyntax
        && member
            .AncestorsAndSelf()
            .OfType<MemberDeclarationSyntax>()
            .All(m => m is BaseNamespaceDeclarationSyntax || !IsPrivate(m));

    /// <summary>A member that says nothing is private, unless it is an interface's or one type in a file.</summary>
    private static bool IsPrivate(MemberDeclarationSyntax member) =>
        member.Parent is TypeDeclarationSyntax and not InterfaceDeclarationSyntax
        && !member.Modifiers.Any(modifier =>
            modifier.Kind() is SyntaxKind.PublicKeyword or SyntaxKind.InternalKeyword or SyntaxKind.ProtectedKeyword
        );

    private static bool HasSummary(MemberDeclarationSyntax member) =>
        member.GetLeadingTrivia().ToString() is var comment
        && (
            comment.Contains("<summary>", StringComparison.Ordinal)
            || comment.Contains("<inheritdoc", StringComparison.Ordinal)
        );

    private static string NameOf(MemberDeclarationSyntax member)
    {
        var own = member switch
        {
            BaseTypeDeclarationSyntax type => type.Identifier.Text,
            DelegateDeclarationSyntax type => type.Identifier.Text,
            _ => member.Kind().ToString(),
        };
        return member.Parent is BaseTypeDeclarationSyntax outer ? $"{outer.Identifier.Text}.{own}" : own;
    }
}
