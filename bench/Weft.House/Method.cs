using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Weft.House;

/// <summary>A method, constructor or operator, and how much there is of it.</summary>
/// <param name="Name">Its type's name and its own.</param>
/// <param name="Line">Where it starts, counted from 1.</param>
/// <param name="Lines">Physical lines from its first token to its last.</param>
/// <param name="Tokens">Tokens of C#, attributes and signature included.</param>
/// <param name="Paths">Cyclomatic complexity.</param>
internal sealed record Method(string Name, int Line, int Lines, int Tokens, int Paths)
{
    public static Method Of(BaseMethodDeclarationSyntax node)
    {
        var span = node.SyntaxTree.GetLineSpan(node.Span);
        var type = node.Ancestors().OfType<BaseTypeDeclarationSyntax>().FirstOrDefault()?.Identifier.Text;
        var name = node switch
        {
            MethodDeclarationSyntax method => method.Identifier.Text,
            ConstructorDeclarationSyntax => "new",
            OperatorDeclarationSyntax other => $"operator {other.OperatorToken.Text}",
            _ => node.Kind().ToString(),
        };
        return new Method(
            $"{type}.{name}",
            span.StartLinePosition.Line + 1,
            span.EndLinePosition.Line - span.StartLinePosition.Line + 1,
            node.DescendantTokens().Count(),
            1 + node.DescendantNodes().Count(Branches)
        );
    }

    /// <summary>
    /// Whether a node adds a way through: loops and conditions, arms, and what is joined by and, or and <c>??</c>.
    /// </summary>
    private static bool Branches(SyntaxNode node) =>
        node.Kind()
            is SyntaxKind.IfStatement
                or SyntaxKind.WhileStatement
                or SyntaxKind.DoStatement
                or SyntaxKind.ForStatement
                or SyntaxKind.ForEachStatement
                or SyntaxKind.ForEachVariableStatement
                or SyntaxKind.ConditionalExpression
                or SyntaxKind.CatchClause
                or SyntaxKind.CaseSwitchLabel
                or SyntaxKind.CasePatternSwitchLabel
                or SyntaxKind.SwitchExpressionArm
                or SyntaxKind.LogicalAndExpression
                or SyntaxKind.LogicalOrExpression
                or SyntaxKind.CoalesceExpression
                or SyntaxKind.CoalesceAssignmentExpression
                or SyntaxKind.OrPattern;
}
