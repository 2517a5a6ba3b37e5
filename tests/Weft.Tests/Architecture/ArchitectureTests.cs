using System.Reflection;
using System.Text.RegularExpressions;

namespace Weft.Tests.Architecture;

/// <summary>The rules of the architecture that no compiler keeps.</summary>
public sealed partial class ArchitectureTests
{
    /// <summary>What each folder of the library may import, and why it may not import more.</summary>
    private static readonly (string Room, string[] May, string Because)[] Folders =
    [
        ("Addressing", [], "addresses and pools are numbers: they are tested and used without a single resource"),
        ("Resources", [], "the verbs are written once for all kinds, so they know none of them"),
        (
            "Fabric",
            ["Addressing", "Resources"],
            "the fabric carries networks without knowing them; who stands on a domain is found by the members that name it"
        ),
        ("Networks", ["Addressing", "Resources", "Fabric"], "a network is the same whoever attaches it"),
        (
            "Attachments",
            ["Addressing", "Resources", "Fabric", "Networks"],
            "a renderer is given everything it needs and looks nothing up in the fleet"
        ),
        (
            "Contracts",
            ["Addressing", "Resources", "Networks", "Attachments"],
            "a message is what two programs agree on: it is read and written the same whatever is decided by it"
        ),
        (
            "Fleet",
            ["Addressing", "Resources", "Fabric", "Networks", "Attachments", "Contracts"],
            "the fleet draws; where things are stored is nothing to it"
        ),
        (
            "Access",
            ["Addressing", "Resources", "Fabric", "Fleet"],
            "who may come in is asked of what the fleet is; it attaches and draws nothing"
        ),
        ("Storage", ["Resources"], "a store keeps rows, whatever they mean"),
    ];

    private static readonly (string File, string Because)[] Exceptions =
    [
        ("Storage/AllKinds.cs", "the one list of kinds"),
    ];

    private static readonly (string Project, string[] May, string Because)[] Projects =
    [
        ("Weft", [], "the pure ground stands on nothing"),
        ("Weft.Files", [], "what is acknowledged is on the disk, whichever program says so"),
        ("Weft.Logging", [], "a log line has one form, whatever it tells of"),
        ("Weft.Relay", [], "the relay's protocol knows nothing of Weft"),
        (
            "Weft.Server",
            ["Weft", "Weft.Files", "Weft.Logging", "Weft.Relay"],
            "no program references another: they speak over their specified protocols"
        ),
        (
            "Weft.Agent",
            ["Weft", "Weft.Files", "Weft.Logging", "Weft.Relay"],
            "no program references another: they speak over their specified protocols"
        ),
        ("Weft.Cni", ["Weft"], "no program references another: they speak over their specified protocols"),
        (
            "Weft.Cli",
            ["Weft", "Weft.Files", "Weft.Relay"],
            "no program references another: they speak over their specified protocols"
        ),
    ];

    [Fact]
    public void Imports_OnlyWhatStandsBelow()
    {
        var wrong = Folders.SelectMany(room =>
            Sources($"src/Weft/{room.Room}")
                .Where(file => !Exceptions.Any(s => file.EndsWith(s.File, StringComparison.Ordinal)))
                .SelectMany(file =>
                    ImportsOf(File.ReadAllText(file))
                        .Except([.. room.May, room.Room])
                        .Select(import => $"{Short(file)} imports Weft.{import}: {room.Because}")
                )
        );
        Assert.Empty(wrong);
        Assert.Equal(
            Folders.Select(r => r.Room).Order(),
            Directory.GetDirectories(At("src/Weft")).Select(d => Path.GetFileName(d)!).Order()
        );
    }

    [Theory]
    [InlineData("using Weft.Fleet;", "Fleet")]
    [InlineData("using static Weft.Fleet.Node;", "Fleet")]
    [InlineData("using N = Weft.Networks.Network;", "Networks")]
    [InlineData("  var n = new Weft.Attachments.Plugins.X();", "Attachments")]
    public void Finds_AnImportHoweverItIsWritten(string line, string room) => Assert.Equal([room], ImportsOf(line));

    [Fact]
    public void References_OnlyWhatStandsBelow()
    {
        var wrong = Directory
            .GetFiles(At("src"), "*.csproj", SearchOption.AllDirectories)
            .SelectMany(file =>
            {
                var name = Path.GetFileNameWithoutExtension(file);
                var rule = Projects.SingleOrDefault(p => p.Project == name);
                return rule.May is null
                    ? [$"{name} is in no table of arrows; write down what it may reference, and why not more"]
                    : References()
                        .Matches(File.ReadAllText(file))
                        .Select(m => m.Groups[1].Value)
                        .Except(rule.May)
                        .Select(other => $"{name} references {other}: {rule.Because}");
            });
        Assert.Empty(wrong);
    }

    [Fact]
    public void Names_TypesByTheFieldsWords()
    {
        var wrong = Sources("src")
            .SelectMany(file =>
                TypeNames()
                    .Matches(File.ReadAllText(file))
                    .Select(m => m.Groups[1].Value)
                    .Where(name => Vague().IsMatch(name))
                    .Select(name => $"{Short(file)}: {name}: say what it is, not that it manages, helps or is common")
            );
        Assert.Empty(wrong);
    }

    /// <summary>A text that ends in a line feed isn't the text without it: <c>\z</c> is the end, <c>$</c> isn't.</summary>
    [Fact]
    public void Ends_PatternsAtTheEndOfTheText()
    {
        var patterns = Sources("src")
            .SelectMany(file => Patterns().Matches(File.ReadAllText(file)).Select(m => (File: Short(file), m.Value)))
            .ToList();
        Assert.True(patterns.Count > 10);
        Assert.DoesNotContain(
            patterns,
            p =>
                p.Value.Contains("$\"", StringComparison.Ordinal)
                && !p.Value.Contains("RegexOptions.Multiline", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Numbers_EachLogEventOnce()
    {
        var events = Sources("src")
            .SelectMany(file =>
                Events().Matches(File.ReadAllText(file)).Select(m => (Id: m.Groups[1].Value, File: Short(file)))
            )
            .ToList();
        Assert.NotEmpty(events);
        Assert.Empty(
            events
                .GroupBy(e => (e.Id, e.File.Split('/')[1]))
                .Where(g => g.Count() > 1)
                .Select(g => $"event {g.Key.Id} is in {string.Join(" and ", g.Select(e => e.File))}")
        );
    }

    [Fact]
    public void Lists_EveryRefusalInTheSpecification()
    {
        var page = Rows()
            .Matches(File.ReadAllText(At("docs/specs/errors.md")))
            .Select(m =>
                (m.Groups[1].Value, int.Parse(m.Groups[2].Value, System.Globalization.CultureInfo.InvariantCulture))
            );
        Assert.Equal(
            Enum.GetValues<RefusalCode>().Select(code => (code.ToString(), code.HttpStatus())).Order(),
            page.Order()
        );
    }

    [Fact]
    public void Names_NoTestThatIsNotThere()
    {
        var pages = Directory
            .GetFiles(At("docs/specs"), "*.md")
            .SelectMany(page => TestsNamed().Matches(File.ReadAllText(page)));
        var named = pages.Select(m => (Class: m.Groups[1].Value, Method: m.Groups[2].Value)).Distinct().ToList();
        Assert.NotEmpty(named);
        var sources = Sources("tests").Select(File.ReadAllText).ToList();
        var missing = named
            .Where(n =>
                !sources.Exists(s =>
                    s.Contains($"class {n.Class}", StringComparison.Ordinal)
                    && s.Contains($" {n.Method}(", StringComparison.Ordinal)
                )
            )
            .ToList();
        Assert.Empty(missing);
    }

    [Theory]
    [InlineData("Weft.Server")]
    [InlineData("Weft.Agent")]
    [InlineData("Weft.Cni")]
    [InlineData("Weft.Cli")]
    public void Locks_ThePackagesOfEachProgram(string project) =>
        Assert.True(File.Exists(At($"src/{project}/packages.lock.json")), $"{project} has no packages.lock.json");

    [Fact]
    public void Names_TestsByWhatTheyShow()
    {
        var tests = typeof(ArchitectureTests)
            .Assembly.GetTypes()
            .SelectMany(t => t.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Where(m => m.GetCustomAttributes().Any(a => a is FactAttribute))
            .Select(m => $"{m.DeclaringType!.Name}.{m.Name}")
            .ToList();
        Assert.NotEmpty(tests);
        var vague = tests
            .Where(name =>
                name.EndsWith("_Works", StringComparison.OrdinalIgnoreCase)
                || name.EndsWith("_Ok", StringComparison.OrdinalIgnoreCase)
                || !TestName().IsMatch(name)
            )
            .ToList();
        Assert.Empty(vague);
    }

    private static IEnumerable<string> ImportsOf(string text) =>
        Imports().Matches(text).Select(m => m.Groups[1].Value).Distinct();

    private static IEnumerable<string> Sources(string folder) =>
        Directory
            .GetFiles(At(folder), "*.cs", SearchOption.AllDirectories)
            .Where(f =>
                !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal)
            )
            .Order(StringComparer.Ordinal);

    private static string At(string path) => Path.Combine(Repository.Root, path);

    private static string Short(string file) => Path.GetRelativePath(Repository.Root, file);

    [GeneratedRegex(
        @"\bWeft\.(Addressing|Resources|Fabric|Networks|Attachments|Contracts|Fleet|Access|Storage)\b(?=[.;])"
    )]
    private static partial Regex Imports();

    [GeneratedRegex("""<ProjectReference Include="[^"]*?([^"/\\]+)\.csproj""")]
    private static partial Regex References();

    [GeneratedRegex(
        @"^\s*(?:(?:public|internal|private|protected|static|sealed|abstract|partial|readonly|ref|file|unsafe|new)\s+)*"
            + @"(?:class|struct|interface|enum|record(?:\s+(?:class|struct))?)\s+([A-Za-z_]\w*)",
        RegexOptions.Multiline
    )]
    private static partial Regex TypeNames();

    [GeneratedRegex("(?:Manager|Helpers?|Utils?|Utilities|Common|Base|Impl|Info)$")]
    private static partial Regex Vague();

    [GeneratedRegex(@"\[GeneratedRegex\([\s\S]*?\)\]\s*private")]
    private static partial Regex Patterns();

    [GeneratedRegex(@"\[LoggerMessage\((?:EventId\s*=\s*)?(\d+)")]
    private static partial Regex Events();

    [GeneratedRegex(@"^\|\s*`(\w+)`\s*\|\s*(\d{3})\s*\|\s*\S", RegexOptions.Multiline)]
    private static partial Regex Rows();

    [GeneratedRegex("`([A-Za-z]+Tests)\\.([A-Za-z0-9_]+)`")]
    private static partial Regex TestsNamed();

    [GeneratedRegex(@"^\w+\.[A-Z][A-Za-z0-9]*_\w+$")]
    private static partial Regex TestName();
}
