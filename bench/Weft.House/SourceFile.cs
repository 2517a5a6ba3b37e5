using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Weft.House;

/// <summary>One C# file, as the compiler reads it.</summary>
internal sealed class SourceFile
{
    private static readonly CSharpParseOptions Options = new(LanguageVersion.Latest, DocumentationMode.Parse);
    private readonly Lazy<IReadOnlyList<Method>> _methods;

    private SourceFile(string path, string project, string folder, string text)
    {
        (Path, Project, Folder) = (path, project, folder);
        Tree = CSharpSyntaxTree.ParseText(text, Options, path);
        Root = Tree.GetCompilationUnitRoot();
        Lines = text.EndsWith('\n') ? text[..^1].Split('\n') : text.Split('\n');
        var tokens = Root.DescendantTokens().ToList();
        Tokens = tokens.Count;
        var code = new HashSet<int>();
        foreach (var token in tokens)
        {
            var span = Tree.GetLineSpan(token.Span);
            for (var line = span.StartLinePosition.Line; line <= span.EndLinePosition.Line; line++)
                code.Add(line);
        }

        CodeLines = code.Count;
        CommentLines = CommentsOf(Root, Tree).Except(code).Count();
        _methods = new(() =>
            [
                .. Root.DescendantNodes()
                    .OfType<BaseMethodDeclarationSyntax>()
                    .Where(m => m.Body is not null || m.ExpressionBody is not null)
                    .Select(Method.Of),
            ]
        );
    }

    /// <summary>The path from the root of the tree that was read, with slashes.</summary>
    public string Path { get; }

    /// <summary>The first folder below the tree's root.</summary>
    public string Project { get; }

    /// <summary>The folder inside of the project; empty for the project's own.</summary>
    public string Folder { get; }

    public SyntaxTree Tree { get; }

    public CompilationUnitSyntax Root { get; }

    public string[] Lines { get; }

    /// <summary>
    /// Tokens of C#: words, literals, signs. Comments have none, so writing wide or narrow is all the same.
    /// </summary>
    public int Tokens { get; }

    /// <summary>Lines with at least one token; the end of the file is one.</summary>
    public int CodeLines { get; }

    /// <summary>Lines with a comment and no token.</summary>
    public int CommentLines { get; }

    /// <summary>Methods, constructors and operators that have a body.</summary>
    public IReadOnlyList<Method> Methods => _methods.Value;

    /// <summary>Every C# file below a folder of projects, apart from what a build makes.</summary>
    public static IReadOnlyList<SourceFile> ReadAll(string root) =>
        [
            .. Directory
                .GetFiles(root, "*.cs", SearchOption.AllDirectories)
                .Select(file => System.IO.Path.GetRelativePath(root, file).Replace('\\', '/'))
                .Where(path => !path.Split('/').Any(part => part is "obj" or "bin"))
                .Order(StringComparer.Ordinal)
                .AsParallel()
                .AsOrdered()
                .Select(path => Of(path, File.ReadAllText(System.IO.Path.Combine(root, path)))),
        ];

    /// <summary>One file, given as text.</summary>
    public static SourceFile Of(string path, string text)
    {
        var parts = path.Split('/');
        return new SourceFile(path, parts[0], string.Join('/', parts[1..^1]), text.ReplaceLineEndings("\n"));
    }

    private static HashSet<int> CommentsOf(SyntaxNode root, SyntaxTree tree)
    {
        var lines = new HashSet<int>();
        foreach (
            var trivia in root.DescendantTrivia()
                .Where(trivia =>
                    trivia.IsKind(SyntaxKind.SingleLineCommentTrivia)
                    || trivia.IsKind(SyntaxKind.MultiLineCommentTrivia)
                    || trivia.IsKind(SyntaxKind.SingleLineDocumentationCommentTrivia)
                    || trivia.IsKind(SyntaxKind.MultiLineDocumentationCommentTrivia)
                )
        )
        {
            var span = tree.GetLineSpan(trivia.FullSpan);
            // A documentation comment's span ends at the start of the line behind it.
            var last =
                span.EndLinePosition.Character == 0 && span.EndLinePosition.Line > span.StartLinePosition.Line
                    ? span.EndLinePosition.Line - 1
                    : span.EndLinePosition.Line;
            for (var line = span.StartLinePosition.Line; line <= last; line++)
                lines.Add(line);
        }

        return lines;
    }
}
