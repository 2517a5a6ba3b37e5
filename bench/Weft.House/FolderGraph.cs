namespace Weft.House;

/// <summary>Two folders of a project that name each other's types.</summary>
/// <param name="Project">The project.</param>
/// <param name="One">The folder that is named first by its path; empty for the project's own.</param>
/// <param name="Other">The other.</param>
/// <param name="There">Each file of the one that names types of the other, with the names.</param>
/// <param name="Back">The same the other way.</param>
internal sealed record Ring(
    string Project,
    string One,
    string Other,
    IReadOnlyList<string> There,
    IReadOnlyList<string> Back
)
{
    /// <summary>
    /// Whether one folder stands inside of the other; what is composed knows its parts, and a part its whole's words.
    /// </summary>
    public bool IsNested => One.Length == 0 || Other.StartsWith(One + "/", StringComparison.Ordinal);

    public override string ToString() => $"{Named(One)} and {Named(Other)} use each other: {Say(There)}; {Say(Back)}";

    private string Named(string folder) => folder.Length == 0 ? Project : $"{Project}/{folder}";

    private static string Say(IReadOnlyList<string> files) =>
        string.Join(", ", files.Take(3)) + (files.Count > 3 ? $" and {files.Count - 3} more" : "");
}

/// <summary>Which folder names types of which.</summary>
internal sealed class FolderGraph
{
    private readonly Dictionary<
        (string Project, string Folder),
        Dictionary<(string Project, string Folder), SortedDictionary<string, SortedSet<string>>>
    > _edges = [];

    private FolderGraph() { }

    /// <summary>Folders that name types of another, each other one counted.</summary>
    public int Edges => _edges.Sum(from => from.Value.Count);

    /// <summary>Which folder of a project names types of which other one, and the files that do.</summary>
    public IEnumerable<(string Project, string From, string To, IReadOnlyList<string> Files)> Uses =>
        _edges.SelectMany(from =>
            from.Value.Where(to => to.Key.Project == from.Key.Project)
                .Select(to =>
                    (from.Key.Project, from.Key.Folder, to.Key.Folder, (IReadOnlyList<string>)[.. to.Value.Keys])
                )
        );

    /// <summary>The pairs that name each other, in order.</summary>
    public IReadOnlyList<Ring> Rings =>
        [
            .. _edges
                .SelectMany(from =>
                    from.Value.Keys.Where(to =>
                            to.Project == from.Key.Project
                            && string.CompareOrdinal(from.Key.Folder, to.Folder) < 0
                            && _edges.GetValueOrDefault(to)?.ContainsKey(from.Key) == true
                        )
                        .Select(to => new Ring(
                            from.Key.Project,
                            from.Key.Folder,
                            to.Folder,
                            Files(from.Key, to),
                            Files(to, from.Key)
                        ))
                )
                .OrderBy(ring => (ring.Project, ring.One, ring.Other)),
        ];

    /// <summary>The graph of these files.</summary>
    public static FolderGraph Of(IReadOnlyList<SourceFile> files) => Of(files, new DeclaredTypes(files));

    /// <summary>The same, of types that are known already.</summary>
    public static FolderGraph Of(IReadOnlyList<SourceFile> files, DeclaredTypes types)
    {
        var graph = new FolderGraph();
        foreach (
            var (file, named) in files
                .AsParallel()
                .Select(file => (file, types.NamedBy(file).Distinct().ToList()))
                .AsSequential()
        )
        {
            foreach (var type in named)
            {
                foreach (var (home, _) in type.Parts)
                    graph.Add(file, type.Name, home);
            }
        }

        return graph;
    }

    private void Add(SourceFile file, string type, SourceFile home)
    {
        var (from, to) = ((file.Project, file.Folder), (home.Project, home.Folder));
        if (from == to)
            return;
        if (!_edges.TryGetValue(from, out var edges))
            _edges[from] = edges = [];
        if (!edges.TryGetValue(to, out var files))
            edges[to] = files = new(StringComparer.Ordinal);
        if (!files.TryGetValue(Path.GetFileName(file.Path), out var types))
            files[Path.GetFileName(file.Path)] = types = new(StringComparer.Ordinal);
        types.Add(type);
    }

    private IReadOnlyList<string> Files((string, string) from, (string, string) to) =>
        [
            .. _edges[from]
                [to]
                .Select(file =>
                    $"{file.Key} ({string.Join(", ", file.Value.Take(3))}{(file.Value.Count > 3 ? ", …" : "")})"
                ),
        ];
}
