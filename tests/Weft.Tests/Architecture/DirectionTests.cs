using Weft.House;

namespace Weft.Tests.Architecture;

/// <summary>Which folder of which project may know which, as <see cref="FolderGraph"/> reads it off the sources.</summary>
public sealed class DirectionTests
{
    /// <summary>
    /// The folders of each program and of the relay. The project's own types are known to all of its folders, and it
    /// composes them; those of the library stand in <see cref="ArchitectureTests"/>.
    /// </summary>
    private static readonly (string Project, string Folder, string[] May, string Because)[] Folders =
    [
        ("Weft.Relay", "Protocol", [], "what is said is the same whoever says it"),
        ("Weft.Relay", "Frames", [], "a frame is bytes; who sends it and over what is nothing to it"),
        ("Weft.Relay", "Transport", ["Frames"], "a transport takes connections and asks nobody who they are"),
        ("Weft.Relay", "Client", ["Frames", "Protocol"], "the ends that dial out run where no server is"),
        ("Weft.Relay", "Server", ["Frames", "Protocol", "Transport"], "the server knows no client of its own"),
        ("Weft.Server", "Http", [], "how a request is read and answered is decided before what it asks for"),
        ("Weft.Server", "Identity", [], "who asks is settled before what is asked"),
        (
            "Weft.Server",
            "Audit",
            ["Http", "Identity"],
            "what is put on record is said by who serves it; the record asks nobody"
        ),
        ("Weft.Server", "Leases", [], "leases are decided whoever asks, by whatever protocol"),
        ("Weft.Server", "Inquiries", [], "agents are asked by whoever wants to know"),
        (
            "Weft.Server",
            "Blocks",
            ["Audit", "Inquiries", "Leases"],
            "blocks go out and come back whoever asks, by whatever protocol"
        ),
        (
            "Weft.Server",
            "Reclaim",
            ["Audit", "Blocks", "Inquiries"],
            "who is gone is found out and decided whoever asks, and nobody need ask"
        ),
        ("Weft.Server", "Relays", [], "the relay asks the store, and not the API"),
        ("Weft.Server", "Storage", [], "a store keeps rows, whatever they mean"),
        ("Weft.Server", "Verifications", [], "what agents are asked is remembered whoever reads it"),
        (
            "Weft.Server",
            "Computed",
            ["Audit", "Blocks", "Http", "Identity", "Reclaim", "Relays", "Verifications"],
            "what is computed at each read is read by the API, and not the other way"
        ),
        (
            "Weft.Server",
            "Actions",
            ["Audit", "Computed", "Http", "Identity", "Relays", "Verifications"],
            "an action is one row of what the API serves"
        ),
        (
            "Weft.Server",
            "Agents",
            ["Audit", "Blocks", "Http", "Identity", "Inquiries", "Leases", "Relays", "Verifications"],
            "agents have an API of their own beside that of people"
        ),
        (
            "Weft.Server",
            "Api",
            ["Actions", "Audit", "Blocks", "Computed", "Http", "Identity", "Reclaim", "Relays"],
            "people have an API of their own beside that of agents"
        ),
        ("Weft.Agent", "Linux", [], "the kernel's interfaces know nothing of what they are used for"),
        ("Weft.Agent", "ControlPlane", ["Linux"], "how weftd is spoken to is the same for all that is said to it"),
        ("Weft.Agent", "Blocks", ["Linux"], "what is owned is known whoever gives of it"),
        ("Weft.Agent", "Leases", ["Blocks", "ControlPlane", "Linux"], "leases are kept whatever else the agent does"),
        ("Weft.Agent", "Manifests", ["ControlPlane", "Linux"], "files are written whoever wants them"),
        ("Weft.Agent", "Reconcilers", ["ControlPlane", "Manifests"], "a loop drives what it doesn't know"),
        (
            "Weft.Agent",
            "Inquiries",
            ["ControlPlane", "Kubernetes", "Leases"],
            "what weftd asks is answered by what is kept anyway"
        ),
        ("Weft.Agent", "Inventory", ["ControlPlane", "Linux"], "what a node has is read, and compared by weftd"),
        (
            "Weft.Agent",
            "Kubernetes",
            ["ControlPlane", "Linux", "Manifests", "Reconcilers"],
            "a cluster and a node are kept true each on its own"
        ),
        (
            "Weft.Agent",
            "Nodes",
            ["ControlPlane", "Linux", "Manifests", "Reconcilers"],
            "a cluster and a node are kept true each on its own"
        ),
        (
            "Weft.Agent",
            "Relay",
            ["ControlPlane"],
            "the way in leads to what the command line names, and changes nothing"
        ),
        ("Weft.Agent", "Verification", ["ControlPlane", "Linux"], "a proof must not rest on what it proves"),
        ("Weft.Cni", "Trunk", [], "each plugin is a part of its own"),
        ("Weft.Cli", "Primitives", [], "what everything uses uses nothing"),
        ("Weft.Cli", "Contexts", ["Primitives"], "settings are read before anything is asked"),
        ("Weft.Cli", "Kinds", ["Contexts", "Primitives"], "words for kinds are known without a server"),
        ("Weft.Cli", "Arm", ["Contexts", "Kinds", "Primitives"], "the API is spoken whatever is shown of it"),
        ("Weft.Cli", "Documents", ["Contexts", "Kinds", "Primitives"], "files are read without a server"),
        ("Weft.Cli", "Output", ["Arm", "Kinds", "Primitives"], "what is shown doesn't ask for it"),
        (
            "Weft.Cli",
            "Planning",
            ["Arm", "Documents", "Kinds", "Output", "Primitives"],
            "a plan is asked for and shown; it applies nothing"
        ),
        (
            "Weft.Cli",
            "Applying",
            ["Arm", "Documents", "Kinds", "Output", "Planning", "Primitives"],
            "applying is what follows a plan"
        ),
        ("Weft.Cli", "Ipam", [], "lists of other programs are read without a server"),
        ("Weft.Cli", "Linting", ["Documents", "Kinds", "Output", "Primitives"], "pods are checked without a server"),
        (
            "Weft.Cli",
            "Relay",
            ["Arm", "Contexts", "Documents", "Kinds", "Output", "Primitives"],
            "the way in is used by commands, and knows none"
        ),
        (
            "Weft.Cli",
            "Commands",
            [
                "Applying",
                "Arm",
                "Contexts",
                "Documents",
                "Ipam",
                "Kinds",
                "Linting",
                "Output",
                "Planning",
                "Primitives",
                "Relay",
            ],
            "commands are on top, and nothing is built on them"
        ),
    ];

    private static readonly string[] Programs = ["Weft.Agent", "Weft.Cli", "Weft.Cni", "Weft.Relay", "Weft.Server"];

    [Fact]
    public void Uses_OnlyFoldersBelow()
    {
        var wrong = UsesOf(Sources.Graph, Programs)
            .SelectMany(use =>
                Folders.FirstOrDefault(f => f.Project == use.Project && f.Folder == use.From)
                    is not { Folder: { } } rule
                    ? [$"{use.Project}/{use.From} is in no table; write down what it may use, and why not more"]
                : rule.May.Contains(use.To) ? (IEnumerable<string>)[]
                : [$"{use.Project}/{use.From} uses {use.To} ({string.Join(", ", use.Files)}): {rule.Because}"]
            );
        Sources.AssertNone(wrong.Distinct());
    }

    [Fact]
    public void Knows_EveryFolder()
    {
        var there = Programs.SelectMany(project =>
            Directory
                .GetDirectories(Sources.At($"src/{project}"))
                .Select(folder => $"{project}/{Path.GetFileName(folder)}")
                .Where(folder => Sources.OfPrograms.Any(f => f.Path.StartsWith(folder + "/", StringComparison.Ordinal)))
        );
        Sources.AssertNone(there.Except(Folders.Select(f => $"{f.Project}/{f.Folder}")));
    }

    [Fact]
    public void Allows_NoRing()
    {
        foreach (var rule in Folders)
            Assert.DoesNotContain(rule.Folder, AllBelow(rule.Project, rule.Folder));

        IEnumerable<string> AllBelow(string project, string folder)
        {
            var may = Folders.Single(f => f.Project == project && f.Folder == folder).May;
            return may.Concat(may.SelectMany(below => AllBelow(project, below)));
        }
    }

    [Fact]
    public void Has_NoFoldersSideBySideThatUseEachOther() =>
        Sources.AssertNone(Sources.Graph.Rings.Where(ring => !ring.IsNested).Select(ring => ring.ToString()));

    [Theory]
    [InlineData("using P.Two; namespace P.One; class A { B? b; }")]
    [InlineData("namespace P.One; class A { P.Two.B? b; }")]
    [InlineData("namespace P.One; class A { Two.B? b; }")]
    [InlineData("using static P.Two.B; namespace P.One; class A { P.Two.B? b; }")]
    [InlineData("using N = P.Two.B; namespace P.One; class A { N? b; }")]
    [InlineData("using P.Two.Deep; namespace P.One; class A { C? b; }")]
    public void Finds_AUseHoweverItIsWritten(string text)
    {
        var graph = FolderGraph.Of([
            SourceFile.Of("P/One/A.cs", text),
            SourceFile.Of("P/Two/B.cs", "namespace P.Two; class B { }"),
            SourceFile.Of("P/Two/Deep/C.cs", "namespace P.Two.Deep; class C { }"),
        ]);
        var use = Assert.Single(UsesOf(graph, ["P"]));
        Assert.Equal(("P", "One", "Two", "A.cs"), (use.Project, use.From, use.To, Assert.Single(use.Files)));
    }

    /// <summary>The uses between the uppermost folders of these projects.</summary>
    private static IEnumerable<(string Project, string From, string To, IReadOnlyList<string> Files)> UsesOf(
        FolderGraph graph,
        string[] projects
    ) =>
        graph
            .Uses.Select(use => (use.Project, From: Top(use.From), To: Top(use.To), use.Files))
            .Where(use =>
                projects.Contains(use.Project) && use.From.Length > 0 && use.To.Length > 0 && use.From != use.To
            );

    private static string Top(string folder) => folder.Split('/')[0];
}
