using System.Globalization;
using System.Text.Json.Nodes;

namespace Weft.House;

/// <summary>A mutant that no test has noticed.</summary>
/// <param name="File">The file, from the root of the repository.</param>
/// <param name="Line">The line.</param>
/// <param name="Kind">What was changed.</param>
/// <param name="Replacement">What stood there instead.</param>
/// <param name="IsReached">Whether any test came by at all.</param>
internal sealed record Survivor(string File, int Line, string Kind, string Replacement, bool IsReached)
{
    public override string ToString() =>
        $"{File}:{Line}: {Kind}: {Replacement}{(IsReached ? "" : " (no test comes by)")}";
}

/// <summary>
/// What became of the mutants of a folder. One that doesn't compile, or is left out by the configuration, counts
/// nowhere.
/// </summary>
internal sealed record MutationScore(string Folder, int Killed, int TimedOut, int Survived, int Unreached)
{
    public int Counted => Killed + TimedOut + Survived + Unreached;

    /// <summary>In percent. A mutant that never ends is noticed by whoever waits for it.</summary>
    public double Score => Counted == 0 ? 100 : 100.0 * (Killed + TimedOut) / Counted;

    /// <summary>Reads reports of Stryker and prints a line per folder.</summary>
    /// <returns>Whether all of it together reaches what is asked.</returns>
    public static bool Print(IEnumerable<string> reports, string survivorsFile, double least)
    {
        var mutants = reports.SelectMany(Read).ToList();
        var folders = mutants
            .GroupBy(mutant => Path.GetDirectoryName(mutant.Where.File)!)
            .OrderBy(f => f.Key, StringComparer.Ordinal)
            .Select(folder => Of(folder.Key, [.. folder.Select(mutant => mutant.Status)]))
            .Where(score => score.Counted > 0)
            .ToList();
        var total = Of("total", [.. mutants.Select(mutant => mutant.Status)]);
        foreach (var score in folders.Append(total))
        {
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"mutants {score.Folder} {score.Score:0.0} % of {score.Counted}: {score.Killed} killed, "
                        + $"{score.TimedOut} timed out, {score.Survived} survived, {score.Unreached} not reached"
                )
            );
        }

        var survivors = mutants
            .Where(mutant => mutant.Status is "Survived" or "NoCoverage")
            .Select(mutant => mutant.Where)
            .ToList();
        File.WriteAllLines(
            survivorsFile,
            survivors.OrderBy(s => s.File, StringComparer.Ordinal).ThenBy(s => s.Line).Select(s => s.ToString())
        );
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"survivors: {survivorsFile}; at least {least} % is asked")
        );
        return total.Counted > 0 && total.Score >= least;
    }

    private static MutationScore Of(string folder, IReadOnlyList<string> statuses)
    {
        return new MutationScore(folder, Count("Killed"), Count("Timeout"), Count("Survived"), Count("NoCoverage"));
        int Count(string status) => statuses.Count(s => s == status);
    }

    private static IEnumerable<(string Status, Survivor Where)> Read(string report) =>
        JsonNode.Parse(File.ReadAllText(report))!["files"]!
            .AsObject()
            .SelectMany(file =>
                file.Value!["mutants"]!
                    .AsArray()
                    .Select(mutant =>
                    {
                        var status = (string)mutant!["status"]!;
                        var text = string.Join(
                            ' ',
                            ((string?)mutant["replacement"] ?? "").Split(
                                (char[]?)null,
                                StringSplitOptions.RemoveEmptyEntries
                            )
                        );
                        return (
                            status,
                            new Survivor(
                                Relative(file.Key),
                                (int)mutant["location"]!["start"]!["line"]!,
                                (string)mutant["mutatorName"]!,
                                text.Length > 160 ? text[..160] + "…" : text,
                                status != "NoCoverage"
                            )
                        );
                    })
            );

    private static string Relative(string path) =>
        path.LastIndexOf("/src/", StringComparison.Ordinal) is >= 0 and var at ? path[(at + 1)..] : path;
}
