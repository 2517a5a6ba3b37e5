using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Weft.House;

namespace Weft.Tests.Architecture;

/// <summary>What the programs share says what it is.</summary>
public sealed class SummaryTests
{
    [Theory]
    [InlineData("Weft")]
    [InlineData("Weft.Relay")]
    public void Has_ASummaryOnEveryTypeAndMember(string project)
    {
        var files = Sources.OfPrograms.Where(file => file.Project == project).ToList();
        Assert.NotEmpty(files);
        Sources.AssertNone(files.SelectMany(Silent));
    }

    [Theory]
    [InlineData("class A { }", "A")]
    [InlineData("/// <summary>It.</summary>\nclass A { internal int B; }", "A.B")]
    [InlineData("/// <summary>It.</summary>\nclass A { public A() { } }", "A.new")]
    [InlineData("/// <summary>It.</summary>\ninterface A { int B { get; } }", "A.B")]
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
        member
            is BaseTypeDeclarationSyntax
                or DelegateDeclarationSyntax
                or BaseMethodDeclarationSyntax
                or BasePropertyDeclarationSyntax
                or BaseFieldDeclarationSyntax
        && !member.Modifiers.Any(SyntaxKind.OverrideKeyword)
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
            MethodDeclarationSyntax method => method.Identifier.Text,
            PropertyDeclarationSyntax property => property.Identifier.Text,
            EventDeclarationSyntax other => other.Identifier.Text,
            BaseFieldDeclarationSyntax field => field.Declaration.Variables[0].Identifier.Text,
            ConstructorDeclarationSyntax => "new",
            _ => member.Kind().ToString(),
        };
        return member.Parent is BaseTypeDeclarationSyntax outer ? $"{outer.Identifier.Text}.{own}" : own;
    }
}
