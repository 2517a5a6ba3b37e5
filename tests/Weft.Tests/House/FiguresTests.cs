using Weft.House;

namespace Weft.Tests.House;

/// <summary>What the house is measured by counts what it says.</summary>
public sealed class FiguresTests
{
    [Fact]
    public void Counts_TheSame_HoweverAMethodIsLaidOut()
    {
        var wide = Assert.Single(Read("class A { int B(int x) { if (x > 1 && x < 9) return x; return 0; } }").Methods);
        var narrow = Assert.Single(
            Read(
                """
                class A
                {
                    // Says so.
                    int B(
                        int x)
                    {
                        if (x > 1
                            && x < 9)
                            return x;
                        return 0;
                    }
                }

                """
            ).Methods
        );
        Assert.Equal((24, 3, 1), (wide.Tokens, wide.Paths, wide.Lines));
        Assert.Equal((24, 3, 8, 4), (narrow.Tokens, narrow.Paths, narrow.Lines, narrow.Line));
    }

    [Fact]
    public void Finds_WhatIsOverABudget()
    {
        var file = Read("class A { int B(int x) { return x + 1; } }\n");
        Assert.Empty(new Budget(13, 18, 42).Findings([file]));
        Assert.Equal(
            [
                "P/F/A.cs has 18 tokens; 17 are the most",
                "P/F/A.cs:1: A.B has 13 tokens; 12 are the most",
                "P/F/A.cs:1: 42 characters; 41 are the most",
            ],
            new Budget(12, 17, 41).Findings([file])
        );
    }

    [Theory]
    [InlineData("namespace P.One; class A { B? b; }", "a type of a member")]
    [InlineData("namespace P.One; class A { object b() => new B(); }", "what is made")]
    [InlineData("namespace P.One; class A { int b() => B.Size; }", "whose member is used")]
    [InlineData("namespace P.One; class A { bool b(object x) => x is not B; }", "a pattern")]
    [InlineData("namespace P.One; class A { string b() => nameof(B); }", "a name's name")]
    [InlineData("namespace P.One; [B] class A { }", "an attribute")]
    public void Finds_FoldersThatUseEachOther(string one, string how)
    {
        SourceFile[] files =
        [
            SourceFile.Of("P/One/A.cs", "using P.Two;\n" + one),
            SourceFile.Of("P/Two/B.cs", "namespace P.Two; class B { P.One.A? a; }"),
        ];
        var ring = Assert.Single(FolderGraph.Of(files).Rings);
        Assert.True((ring.One, ring.Other, ring.IsNested) == ("One", "Two", false), how);
    }

    [Theory]
    [InlineData("namespace P.One; class A { string B = \"\"; int b() => B.Length; }", "a member of that name")]
    [InlineData("namespace P.One; class A { bool b(string x) => x is { B.Size: 1 }; }", "another's member")]
    [InlineData("namespace P.One; class A { int b(A a) => a.B; }", "another's member")]
    [InlineData("namespace P.One; class A { class B { } B? b; }", "a type inside")]
    [InlineData("namespace P.One; class A { /* B */ }", "a comment")]
    public void Finds_NoRing_WhereANameIsNoTypeOfTheOther(string one, string how)
    {
        SourceFile[] files =
        [
            SourceFile.Of("P/One/A.cs", "using P.Two;\n" + one),
            SourceFile.Of("P/Two/B.cs", "namespace P.Two; class B { P.One.A? a; }"),
        ];
        Assert.True(FolderGraph.Of(files).Rings.Count == 0, how);
    }

    [Fact]
    public void Tells_AFolderInsideFromOneBeside()
    {
        SourceFile[] files =
        [
            SourceFile.Of("P/One/A.cs", "namespace P.One; class A { Deep.B? b; }"),
            SourceFile.Of("P/One/Deep/B.cs", "namespace P.One.Deep; class B { A? a; }"),
        ];
        Assert.True(Assert.Single(FolderGraph.Of(files).Rings).IsNested);
    }

    private static SourceFile Read(string text) => SourceFile.Of("P/F/A.cs", text);
}
