using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Weft.House;

/// <summary>Three ranks of many numbers, and the largest.</summary>
internal sealed record Spread(int Median, int P90, int P99, int Max)
{
    public static Spread Of(IEnumerable<int> numbers)
    {
        var sorted = numbers.Order().ToList();
        return sorted.Count == 0 ? new Spread(0, 0, 0, 0) : new Spread(At(0.5), At(0.9), At(0.99), sorted[^1]);
        int At(double rank) => sorted[(int)(sorted.Count * rank)];
    }
}

/// <summary>What is counted of a set of files.</summary>
internal sealed partial record Figures
{
    public required string Name { get; init; }

    public required int Files { get; init; }

    /// <summary>Physical lines.</summary>
    public required int Lines { get; init; }

    public required double TokensPerLine { get; init; }

    public required Spread FileLines { get; init; }

    public required Spread FileTokens { get; init; }

    public required int Methods { get; init; }

    public required Spread MethodLines { get; init; }

    public required Spread MethodTokens { get; init; }

    public required Spread MethodPaths { get; init; }

    /// <summary>
    /// Of the public members, how many have a comment; where a project has none, of those that aren't private.
    /// </summary>
    public required double Documented { get; init; }

    /// <summary>Of all lines, how many are comment alone.</summary>
    public required double Commented { get; init; }

    public required int Over120 { get; init; }

    /// <summary>Lines wider than 120, of those with code.</summary>
    public required double Over120Share { get; init; }

    public required int Over140 { get; init; }

    public required int Widest { get; init; }

    public required int Types { get; init; }

    /// <summary>Classes and records: all, and those that are sealed or static.</summary>
    public required int Classes { get; init; }

    public required int SealedClasses { get; init; }

    public required int Interfaces { get; init; }

    /// <summary>Lines of <c>param</c> and <c>returns</c>, and those of them with three words or fewer.</summary>
    public required int DocLines { get; init; }

    public required int EmptyDocLines { get; init; }

    public static Figures Of(string name, IReadOnlyCollection<SourceFile> files, DeclaredTypes declared)
    {
        var methods = files.SelectMany(file => file.Methods).ToList();
        var lines = files.SelectMany(file => file.Lines).ToList();
        var code = files.Sum(file => file.CodeLines);
        var types = TypesIn(files, declared);
        var classes = types.Where(IsClassOrRecord).ToList();
        var documentation = lines.Where(line => DocLine().IsMatch(line)).ToList();
        return new Figures
        {
            Name = name,
            Files = files.Count,
            Lines = lines.Count,
            TokensPerLine = (double)files.Sum(file => file.Tokens) / code,
            FileLines = Spread.Of(files.Select(file => file.Lines.Length)),
            FileTokens = Spread.Of(files.Select(file => file.Tokens)),
            Methods = methods.Count,
            MethodLines = Spread.Of(methods.Select(method => method.Lines)),
            MethodTokens = Spread.Of(methods.Select(method => method.Tokens)),
            MethodPaths = Spread.Of(methods.Select(method => method.Paths)),
            Documented = DocumentedShare(files),
            Commented = (double)files.Sum(file => file.CommentLines) / lines.Count,
            Over120 = LinesOver(lines, 120),
            Over120Share = (double)LinesOver(lines, 120) / code,
            Over140 = LinesOver(lines, 140),
            Widest = lines.Max(line => line.Length),
            Types = types.Count,
            Classes = classes.Count,
            SealedClasses = classes.Count(type => type.IsSealed),
            Interfaces = types.Count(type => type.Node is InterfaceDeclarationSyntax),
            DocLines = documentation.Count,
            EmptyDocLines = documentation.Count(line => EmptyDocLine().IsMatch(line)),
        };
    }

    private static List<DeclaredType> TypesIn(IReadOnlyCollection<SourceFile> files, DeclaredTypes declared)
    {
        var kept = files.ToHashSet();
        return [.. declared.All.Where(type => type.Parts.Exists(part => kept.Contains(part.File)))];
    }

    private static bool IsClassOrRecord(DeclaredType type) =>
        type.Node is ClassDeclarationSyntax || type.Node.IsKind(SyntaxKind.RecordDeclaration);

    private static int LinesOver(List<string> lines, int width) => lines.Count(line => line.Length > width);

    private static double DocumentedShare(IEnumerable<SourceFile> files)
    {
        var members = files
            .SelectMany(file => file.Root.DescendantNodes())
            .OfType<MemberDeclarationSyntax>()
            .Where(member =>
                member
                    is BaseTypeDeclarationSyntax
                        or DelegateDeclarationSyntax
                        or BaseMethodDeclarationSyntax
                        or BasePropertyDeclarationSyntax
                        or BaseFieldDeclarationSyntax
            )
            .ToList();
        var open = members.Where(IsPublic).ToList();
        var asked = open.Count > 0 ? open : [.. members.Where(member => Within(member, m => !IsPrivate(m)))];
        return asked.Count == 0 ? 1 : (double)asked.Count(IsDocumented) / asked.Count;
    }

    private static bool IsPublic(MemberDeclarationSyntax member) =>
        Within(member, m => m.Modifiers.Any(SyntaxKind.PublicKeyword) || m.Parent is InterfaceDeclarationSyntax);

    private static bool IsPrivate(MemberDeclarationSyntax member) =>
        member.Modifiers.Any(SyntaxKind.PrivateKeyword)
        || (
            member.Parent is TypeDeclarationSyntax and not InterfaceDeclarationSyntax
            && !member.Modifiers.Any(m =>
                m.IsKind(SyntaxKind.PublicKeyword)
                || m.IsKind(SyntaxKind.InternalKeyword)
                || m.IsKind(SyntaxKind.ProtectedKeyword)
            )
        );

    private static bool Within(MemberDeclarationSyntax member, Func<MemberDeclarationSyntax, bool> holds) =>
        member
            .AncestorsAndSelf()
            .OfType<MemberDeclarationSyntax>()
            .Where(m => m is not BaseNamespaceDeclarationSyntax)
            .All(holds);

    /// <summary>An override says what it overrides.</summary>
    private static bool IsDocumented(MemberDeclarationSyntax member) =>
        member.Modifiers.Any(SyntaxKind.OverrideKeyword)
        || member
            .GetLeadingTrivia()
            .Any(trivia =>
                trivia.IsKind(SyntaxKind.SingleLineDocumentationCommentTrivia)
                || trivia.IsKind(SyntaxKind.MultiLineDocumentationCommentTrivia)
            );

    [GeneratedRegex("""^\s*///.*<(param|returns)\b""")]
    private static partial Regex DocLine();

    [GeneratedRegex("""^\s*///\s*<(?:param name="[^"]*"|returns)>\s*(?:\S+(?:\s+\S+){0,2})?\s*</(?:param|returns)>""")]
    private static partial Regex EmptyDocLine();
}
