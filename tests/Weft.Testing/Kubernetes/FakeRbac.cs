using YamlDotNet.RepresentationModel;

namespace Weft.Testing.Kubernetes;

/// <summary>One request as an authorizer sees it.</summary>
internal sealed record KubeRequest(string Verb, string Group, string Resource, string? Namespace, string? Name)
{
    public override string ToString() =>
        $"{Verb} {Resource}{(Group.Length > 0 ? $".{Group}" : "")}"
        + (Namespace is null ? "" : $" in {Namespace}")
        + (Name is null ? "" : $" named {Name}");
}

/// <summary>
/// The roles of one service account, read from the manifests that are shipped. Source: Kubernetes docs, "Using RBAC
/// Authorization".
/// </summary>
internal sealed class FakeRbac
{
    private readonly List<Rule> _rules = [];

    /// <summary>Those of which nothing was ever asked: one verb each, so that a right too many is seen.</summary>
    public IEnumerable<string> Unused => _rules.SelectMany(rule => rule.Unused());

    public static FakeRbac Read(IEnumerable<string> files, string account)
    {
        var rules = new FakeRbac();
        var all = files.SelectMany(Documents).ToList();
        foreach (
            var binding in all.Where(d =>
                Text(d, "kind") is "RoleBinding" or "ClusterRoleBinding"
                && Items(d, "subjects").Any(s => Text(s, "name") == account)
            )
        )
        {
            var space = Text(binding, "kind") == "RoleBinding" ? Text(Node(binding, "metadata"), "namespace") : null;
            var role = all.Single(d =>
                Text(d, "kind") == Text(Node(binding, "roleRef"), "kind")
                && Text(Node(d, "metadata"), "name") == Text(Node(binding, "roleRef"), "name")
                && (Text(d, "kind") == "ClusterRole" || Text(Node(d, "metadata"), "namespace") == space)
            );
            rules._rules.AddRange(
                Items(role, "rules")
                    .Select(r => new Rule(
                        space,
                        Texts(r, "apiGroups"),
                        Texts(r, "resources"),
                        Texts(r, "resourceNames"),
                        Texts(r, "verbs")
                    ))
            );
        }

        return rules;
    }

    public bool Allow(KubeRequest request) => _rules.Where(rule => rule.Allows(request)).ToList() is not [];

    private static IEnumerable<YamlMappingNode> Documents(string file)
    {
        var stream = new YamlStream();
        using var reader = new StreamReader(file);
        stream.Load(reader);
        return stream.Documents.Select(d => d.RootNode).OfType<YamlMappingNode>();
    }

    private static YamlMappingNode Node(YamlMappingNode holder, string name) =>
        (YamlMappingNode)holder.Children[new YamlScalarNode(name)];

    private static string? Text(YamlMappingNode holder, string name) =>
        holder.Children.TryGetValue(new YamlScalarNode(name), out var value) ? (value as YamlScalarNode)?.Value : null;

    private static IEnumerable<YamlMappingNode> Items(YamlMappingNode holder, string name) =>
        holder.Children.TryGetValue(new YamlScalarNode(name), out var value)
            ? ((YamlSequenceNode)value).Children.Cast<YamlMappingNode>()
            : [];

    private static string[] Texts(YamlMappingNode holder, string name) =>
        holder.Children.TryGetValue(new YamlScalarNode(name), out var value)
            ? [.. ((YamlSequenceNode)value).Children.Select(c => ((YamlScalarNode)c).Value!)]
            : [];

    private sealed class Rule(string? space, string[] groups, string[] resources, string[] names, string[] verbs)
    {
        private readonly HashSet<(string Resource, string Verb)> _used = [];

        public bool Allows(KubeRequest request)
        {
            var allows =
                (space is null || space == request.Namespace)
                && groups.Contains(request.Group)
                && resources.Contains(request.Resource)
                && verbs.Contains(request.Verb)
                && (names.Length == 0 || (request.Name is not null && names.Contains(request.Name)));
            if (allows)
            {
                lock (_used)
                    _used.Add((request.Resource, request.Verb));
            }

            return allows;
        }

        public IEnumerable<string> Unused()
        {
            lock (_used)
                return
                [
                    .. resources
                        .SelectMany(r => verbs.Select(v => (r, v)))
                        .Where(rv => !_used.Contains(rv))
                        .Select(rv =>
                            $"{rv.v} {rv.r}{(space is null ? "" : $" in {space}")}"
                            + (names.Length == 0 ? "" : $" named {string.Join(',', names)}")
                        ),
                ];
        }
    }
}
