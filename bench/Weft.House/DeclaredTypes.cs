using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Weft.House;

/// <summary>
/// The types that files declare, found by name as C# looks them up: outward through namespaces, then what a file
/// imports. Binding every body would say the same and take a minute; what this can't know is a type that is named by
/// inheritance alone.
/// </summary>
internal sealed class DeclaredTypes
{
    private readonly Dictionary<(string Name, int Arity), List<DeclaredType>> _types = [];
    private readonly HashSet<string> _namespaces = new(StringComparer.Ordinal);

    public DeclaredTypes(IEnumerable<SourceFile> files)
    {
        foreach (var file in files)
        {
            foreach (
                var node in file
                    .Root.DescendantNodes(node =>
                        node is not (BaseMethodDeclarationSyntax or BasePropertyDeclarationSyntax)
                    )
                    .OfType<MemberDeclarationSyntax>()
            )
            {
                if (NameOf(node) is { } name)
                    Add(file, node, name);
            }
        }
    }

    /// <summary>All of them, a partial one once.</summary>
    public IEnumerable<DeclaredType> All => _types.Values.SelectMany(types => types);

    /// <summary>The types that a file names, each time it does.</summary>
    public IEnumerable<DeclaredType> NamedBy(SourceFile file)
    {
        var imports = Imports.Of(file);
        foreach (var name in file.Root.DescendantNodes().OfType<SimpleNameSyntax>())
        {
            if (!IsLookedUp(name, out var parts))
                continue;
            var space = NamespaceOf(name);
            var onlyTypes = SyntaxFacts.IsInTypeOnlyContext(Whole(name));
            if (EnclosingTypes(name).Any(type => HasMember(type, parts[0].Name, onlyTypes, space, imports, 0)))
                continue;
            if (Find(parts, space, imports) is { } found)
                yield return found;
        }
    }

    private static string? NameOf(MemberDeclarationSyntax node) =>
        node switch
        {
            BaseTypeDeclarationSyntax type => type.Identifier.Text,
            DelegateDeclarationSyntax type => type.Identifier.Text,
            _ => null,
        };

    private static int ArityOf(MemberDeclarationSyntax node) =>
        node switch
        {
            TypeDeclarationSyntax type => type.Arity,
            DelegateDeclarationSyntax type => type.Arity,
            _ => 0,
        };

    private void Add(SourceFile file, MemberDeclarationSyntax node, string name)
    {
        var space = NamespaceOf(node);
        var outer = node.Parent as BaseTypeDeclarationSyntax;
        var key = (name, ArityOf(node));
        if (!_types.TryGetValue(key, out var types))
            _types[key] = types = [];
        var type = types.Find(type =>
            type.Namespace == space
            && type.IsNested == outer is not null
            && (outer is null || type.Outer == outer.Identifier.Text)
        );
        if (type is null)
            types.Add(type = new DeclaredType(name, space, outer?.Identifier.Text));
        type.Parts.Add((file, node));
        for (var part = space; part.Length > 0; part = Outward(part))
            _namespaces.Add(part);
    }

    private DeclaredType? Find(IReadOnlyList<(string Name, int Arity)> parts, string space, Imports imports)
    {
        if (imports.Aliases.TryGetValue(parts[0].Name, out var alias))
            return Find([.. alias, .. parts.Skip(1)], "", Imports.None);
        for (var level = space; ; level = Outward(level))
        {
            if (Within(level, parts) is { } found)
                return found;
            if (level.Length == 0)
                break;
        }

        // Where two imports have the name, one is another project's own, which this one can't see.
        return imports
            .Namespaces.Select(import => Top(import, parts[0]))
            .OfType<DeclaredType>()
            .MinBy(type =>
                type.IsOf(imports.Project) ? 0
                : type.IsPublic ? 1
                : 2
            );
    }

    /// <summary>The type of a dotted name, read from a namespace on.</summary>
    private DeclaredType? Within(string level, IReadOnlyList<(string Name, int Arity)> parts)
    {
        foreach (var part in parts)
        {
            if (Top(level, part) is { } type)
                return type;
            level = level.Length == 0 ? part.Name : $"{level}.{part.Name}";
            if (!_namespaces.Contains(level))
                return null;
        }

        return null;
    }

    private DeclaredType? Top(string space, (string Name, int Arity) name) =>
        _types.GetValueOrDefault(name)?.Find(type => !type.IsNested && type.Namespace == space);

    /// <summary>
    /// Whether a type or one that it derives from has a member of that name, which then hides a type; where only a type
    /// can stand, a type inside of it.
    /// </summary>
    private bool HasMember(
        TypeDeclarationSyntax type,
        string name,
        bool onlyTypes,
        string space,
        Imports imports,
        int depth
    )
    {
        if (
            (!onlyTypes && type.ParameterList?.Parameters.Any(p => p.Identifier.Text == name) == true)
            || type.Members.Any(member => Declares(member, name, onlyTypes))
        )
            return true;
        if (depth > 8 || type.BaseList is null)
            return false;
        foreach (var parent in type.BaseList.Types.Select(t => t.Type).OfType<SimpleNameSyntax>())
        {
            if (Find([(parent.Identifier.Text, parent.Arity)], space, imports) is not { } found)
                continue;
            foreach (var part in found.Parts.Where(part => part.Node is TypeDeclarationSyntax))
            {
                if (
                    HasMember(
                        (TypeDeclarationSyntax)part.Node,
                        name,
                        onlyTypes,
                        found.Namespace,
                        Imports.Of(part.File),
                        depth + 1
                    )
                )
                    return true;
            }
        }

        return false;
    }

    private static bool Declares(MemberDeclarationSyntax member, string name, bool onlyTypes) =>
        member switch
        {
            BaseTypeDeclarationSyntax type => type.Identifier.Text == name,
            _ when onlyTypes => false,
            PropertyDeclarationSyntax property => property.Identifier.Text == name,
            BaseFieldDeclarationSyntax field => field.Declaration.Variables.Any(v => v.Identifier.Text == name),
            _ => false,
        };

    private static IEnumerable<TypeDeclarationSyntax> EnclosingTypes(SyntaxNode node) =>
        node.Ancestors().OfType<TypeDeclarationSyntax>();

    /// <summary>
    /// Whether a name is one that is looked up by itself, and not a member of what stands before it; with it, all that
    /// follows by dots.
    /// </summary>
    private static bool IsLookedUp(SimpleNameSyntax name, out IReadOnlyList<(string Name, int Arity)> parts)
    {
        parts = [];
        if (
            name is IdentifierNameSyntax { IsVar: true }
            || name.Ancestors().Any(node => node is UsingDirectiveSyntax { StaticKeyword.RawKind: 0 })
        )
            return false;
        var looksUp = name.Parent switch
        {
            QualifiedNameSyntax dotted => dotted.Left == name,
            // In a pattern ({ A.B: … }) the dots are between members.
            MemberAccessExpressionSyntax access => access.Expression == name
                && access.Parent is not ExpressionColonSyntax,
            MemberBindingExpressionSyntax
            or ExpressionColonSyntax
            or AliasQualifiedNameSyntax
            or NameColonSyntax
            or NameEqualsSyntax
            or BaseNamespaceDeclarationSyntax => false,
            ConstantPatternSyntax => true,
            ArgumentSyntax
            {
                Parent.Parent: InvocationExpressionSyntax
                {
                    Expression: IdentifierNameSyntax { Identifier.Text: "nameof" }
                }
            } => true,
            _ => SyntaxFacts.IsInTypeOnlyContext(name),
        };
        if (!looksUp)
            return false;
        var found = new List<(string, int)> { (name.Identifier.Text, name.Arity) };
        SyntaxNode node = name;
        while (node.Parent is QualifiedNameSyntax { Left: var left } dotted && left == node)
        {
            found.Add((dotted.Right.Identifier.Text, dotted.Right.Arity));
            node = dotted;
        }

        while (node.Parent is MemberAccessExpressionSyntax { Expression: var before } access && before == node)
        {
            found.Add((access.Name.Identifier.Text, access.Name.Arity));
            node = access;
        }

        parts = found;
        return true;
    }

    /// <summary>The dotted name that a name begins.</summary>
    private static ExpressionSyntax Whole(ExpressionSyntax name)
    {
        while (name.Parent is QualifiedNameSyntax { Left: var left } dotted && left == name)
            name = dotted;
        return name;
    }

    private static string NamespaceOf(SyntaxNode node) =>
        string.Join(
            '.',
            node.Ancestors().OfType<BaseNamespaceDeclarationSyntax>().Reverse().Select(space => space.Name.ToString())
        );

    private static string Outward(string space) => space.LastIndexOf('.') is > 0 and var dot ? space[..dot] : "";

    /// <summary>What a file imports.</summary>
    private sealed record Imports(
        string Project,
        IReadOnlyList<string> Namespaces,
        IReadOnlyDictionary<string, IReadOnlyList<(string Name, int Arity)>> Aliases
    )
    {
        public static readonly Imports None = new("", [], new Dictionary<string, IReadOnlyList<(string, int)>>());

        public static Imports Of(SourceFile file)
        {
            var directives = file
                .Root.DescendantNodes(node => node is CompilationUnitSyntax or BaseNamespaceDeclarationSyntax)
                .OfType<UsingDirectiveSyntax>()
                .Where(d => d.Name is not null)
                .ToList();
            return new Imports(
                file.Project,
                [
                    .. directives
                        .Where(d => d.Alias is null && d.StaticKeyword.RawKind == 0)
                        .Select(d => d.Name!.ToString()),
                ],
                directives
                    .Where(d => d.Alias is not null)
                    .ToDictionary(
                        d => d.Alias!.Name.Identifier.Text,
                        d => (IReadOnlyList<(string, int)>)[.. d.Name!.ToString().Split('.').Select(part => (part, 0))]
                    )
            );
        }
    }
}

/// <summary>A type, and each place that declares it or a part of it.</summary>
internal sealed record DeclaredType(string Name, string Namespace, string? Outer)
{
    public bool IsNested => Outer is not null;

    public bool IsOf(string project) => Parts.Exists(part => part.File.Project == project);

    public bool IsPublic => Parts.Exists(part => part.Node.Modifiers.Any(SyntaxKind.PublicKeyword));

    public MemberDeclarationSyntax Node => Parts[0].Node;

    public bool IsSealed =>
        Parts.Exists(part =>
            part.Node.Modifiers.Any(m => m.IsKind(SyntaxKind.SealedKeyword) || m.IsKind(SyntaxKind.StaticKeyword))
        );

    public List<(SourceFile File, MemberDeclarationSyntax Node)> Parts { get; } = [];
}
