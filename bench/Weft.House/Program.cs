using System.Text.Json;

namespace Weft.House;

/// <summary>
/// Prints the figures of <c>src</c>, seen from the repository's root; with <c>mutants</c>, what reports of Stryker say.
/// </summary>
internal static class Program
{
    private const double LeastMutationScore = 90;

    private static int Main(string[] args)
    {
        if (args is ["mutants", var survivors, .. var reports])
            return MutationScore.Print(reports, survivors, LeastMutationScore) ? 0 : 1;
        var files = SourceFile.ReadAll("src");
        var types = new DeclaredTypes(files);
        var rings = FolderGraph.Of(files, types).Rings;
        var report = new Report(
            [
                Figures.Of("src", files, types),
                .. files
                    .GroupBy(file => file.Project)
                    .OrderBy(p => p.Key, StringComparer.Ordinal)
                    .Select(p => Figures.Of(p.Key, [.. p], types)),
            ],
            [
                .. types
                    .All.Where(type => !type.IsNested)
                    .GroupBy(type => type.Name)
                    .Where(name => name.Count() > 1)
                    .Select(name => name.Key)
                    .Order(StringComparer.Ordinal),
            ],
            [.. rings.Where(ring => !ring.IsNested)],
            [.. rings.Where(ring => ring.IsNested)],
            [
                .. files
                    .SelectMany(file => file.Methods.Select(method => new Place(file.Path, method)))
                    .OrderByDescending(place => place.Method.Tokens)
                    .Take(10),
            ]
        );
        if (args.Contains("--json"))
            Console.WriteLine(JsonSerializer.Serialize(report, Report.Json));
        else
            report.Print();
        return 0;
    }
}
