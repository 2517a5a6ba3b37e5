using System.Text.Json;

namespace Weft.House;

/// <summary>Prints the figures of <c>src</c>, seen from the repository's root.</summary>
internal static class Program
{
    private static void Main(string[] args)
    {
        var files = SourceFile.ReadAll("src");
        var types = new DeclaredTypes(files);
        var rings = FolderGraph.Of(files, types).Rings;
        var report = new Report(
            [Figures.Of("src", files, types), .. files.GroupBy(file => file.Project).OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => Figures.Of(p.Key, [.. p], types))],
            [.. types.All.Where(type => !type.IsNested).GroupBy(type => type.Name).Where(name => name.Count() > 1).Select(name => name.Key).Order(StringComparer.Ordinal)],
            [.. rings.Where(ring => !ring.IsNested)], [.. rings.Where(ring => ring.IsNested)],
            [.. files.SelectMany(file => file.Methods.Select(method => new Place(file.Path, method))).OrderByDescending(place => place.Method.Tokens).Take(10)]);
        if (args.Contains("--json"))
            Console.WriteLine(JsonSerializer.Serialize(report, Report.Json));
        else
            report.Print();
    }
}
